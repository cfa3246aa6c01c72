"""A small disk that a test fills: a tmpfs of its own. Needs root."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

FILLER = ".filler"
BLOCK = b"\0" * 4096


class SmallDisk:
    """Use as a context manager: mounted at `folder` inside it.

    Args:
        folder: made where it is not there.
        size_mb: how much it holds.
    """

    def __init__(self, folder: Path, size_mb: int) -> None:
        self.folder = folder
        self._size_mb = size_mb

    def __enter__(self) -> SmallDisk:
        self.folder.mkdir(parents=True, exist_ok=True)
        options = f"size={self._size_mb}m,mode=0777"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder], check=True, capture_output=True)
        return self

    def __exit__(self, *_: object) -> None:
        # Lazily: a process that was killed may still have a file open.
        subprocess.run(["umount", "--lazy", self.folder], check=True, capture_output=True)

    def fill(self) -> None:
        """Take what is left."""
        try:
            with (self.folder / FILLER).open("ab", buffering=0) as file:
                while True:
                    file.write(BLOCK)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def empty(self) -> None:
        """Give back what `fill` took."""
        (self.folder / FILLER).unlink()
