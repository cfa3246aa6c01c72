"""The wall clock of one process, set by a test while it runs (libfaketime). Its monotonic clock is left alone."""

from __future__ import annotations

from pathlib import Path


def faketime_library() -> Path | None:
    """The preloaded library, as Debian's package `faketime` installs it; None where it is not there."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


class WallClock:
    """What the processes that run with its `environment` take for the time.

    Args:
        file: is written; they look into it again and again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.jump(0)

    @property
    def environment(self) -> dict[str, str]:
        """Variables to start a process with."""
        library = faketime_library()
        assert library is not None, "libfaketime is not installed"
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "0",
        }

    def jump(self, seconds: int) -> None:
        """Set the clock to the real time and so many seconds, from at most a second from now on."""
        aside = self._file.with_suffix(".new")
        aside.write_text(f"{seconds:+d}\n")
        aside.replace(self._file)
