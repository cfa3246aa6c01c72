"""A program: `solvent worker` of the next version, whose messages and checkpoints have a later format.

python next_version.py [options of `solvent worker`]
"""

from __future__ import annotations

import sys

from solvent.agents import checkpoints
from solvent.workers import messages

messages.FORMAT += 1
checkpoints.FORMAT += 1


def main() -> None:
    """Work."""
    from solvent.service.cli.main import main as solvent

    sys.argv = ["solvent", "worker", *sys.argv[1:]]
    solvent()


if __name__ == "__main__":
    main()
