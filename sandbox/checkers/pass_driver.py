"""Runs an output validator and packs all files of its feedback directory, which the next pass must find again.

Runs in a box, with the validator's arguments; its command is in `solvent_call.json`. The pack is 4 bytes (length of the
head, big-endian), a JSON list of [name, size], and the contents.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

MOST_FILES = 256
MOST_BYTES = 64 << 20


def pack(folder: Path) -> bytes:
    """Return the pack of a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    found = [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in files if path.name != ".keep"]
    if len(found) > MOST_FILES or sum(len(data) for _, data in found) > MOST_BYTES:
        sys.exit("the feedback directory holds too much")
    head = json.dumps([[name, len(data)] for name, data in found]).encode()
    return len(head).to_bytes(4, "big") + head + b"".join(data for _, data in found)


def main() -> None:
    """Run the validator and end as it did."""
    call = json.loads(Path("solvent_call.json").read_bytes())
    environment = {**os.environ, **call["environment"]}
    # The validator's command comes from languages.toml.
    status = subprocess.run([*call["command"], *sys.argv[1:]], env=environment, check=False).returncode
    Path("feedback.pack").write_bytes(pack(Path("feedback")))
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


main()
