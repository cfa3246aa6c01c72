"""The wall clock of one process, set by a test while it runs. Its monotonic clock is left alone.

libfaketime would be the usual tool. Its version 0.9.10 breaks sleeps on the monotonic clock where that is not faked
(`time.sleep` of Python 3.11 raises EINVAL), and faking it too is not what a jump of the wall clock does.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "wall_clock.c"


class WallClock:
    """What the processes that are started with its `environment` take for the time; right at first.

    Args:
        folder: for the preloaded library, which is compiled, and the file that it looks into.
    """

    def __init__(self, folder: Path) -> None:
        self._file, self._library = folder / "wall-clock", folder / "wall_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O", "-o", self._library, SOURCE], check=True)
        self.jump(0)

    @property
    def environment(self) -> dict[str, str]:
        """Variables to start a process with."""
        return {"LD_PRELOAD": str(self._library), "WALL_CLOCK_FILE": str(self._file)}

    def jump(self, seconds: int) -> None:
        """Set the clock to the real time and so many seconds, at once."""
        # In place: the processes have mapped this very file.
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))
