"""A program: `solvent worker` in a network namespace.

python worker_in_namespace.py NAMESPACE [OPTION...]
"""

from __future__ import annotations

import os
import sys

from network import enter


def main() -> None:
    """Enter the namespace and become the worker."""
    _, namespace, *options = sys.argv
    enter(namespace)
    os.execv(sys.executable, [sys.executable, "-m", "solvent.service", "worker", *options])


if __name__ == "__main__":
    main()
