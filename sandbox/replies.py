"""What the supervisor of a box says: payloads of its frames, each length and value checked before it is used.

A box out of step raises FrameError and nothing else: nothing that a box sends may harm the service.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from solvent.sandbox.wire import FIRST_WORD_BYTES, FrameError, Run

STATUSES = (
    "ok",
    "exit",
    "signal",
    "cpu_time",
    "wall_time",
    "memory",
    "output",
    "compile",
    "cancelled",
    "fault",
)
"""Names of a RESULT's status; all but `cancelled` are those of RunStatus."""
CGROUPS = ("none", "v1", "v2")

_RESULT = struct.Struct("<4BiBi5Q")
_READY = struct.Struct("<IBI")
_OFFER = struct.Struct("<IQ")
_MOST_PROBLEMS = 256


class Ready(NamedTuple):
    """A READY frame: what the supervisor found."""

    uid_per_run: bool
    inodes_limited: bool
    zygote: bool
    cgroup: str
    pid: int
    machine: str
    offers_socket: bool = False


class Offer(NamedTuple):
    """An OFFER frame: a socket of the supervisor that the service may take."""

    descriptor: int
    """Its number there."""
    inode: int


class Result(NamedTuple):
    """A RESULT frame."""

    status: str
    missing: bool
    usable: bool
    code: int | None
    signal: int | None
    cpu_us: int
    wall_us: int
    peak_bytes: int
    stdout_size: int
    stderr_size: int
    fault: str
    problems: tuple[str, ...]
    kept: tuple[bytes | None, ...]
    stdout: bytes
    stderr: bytes


class _Reader:
    """Reads a payload from its beginning; every length is checked before it is used."""

    def __init__(self, payload: memoryview, at: int = 0) -> None:
        self._payload = payload
        self._at = at

    def take(self, size: int, most: int) -> bytes:
        if size > most:
            raise FrameError(f"{size} bytes, where at most {most} can come")
        end = self._at + size
        if end > len(self._payload):
            raise FrameError("a payload ends too early")
        data = bytes(self._payload[self._at : end])
        self._at = end
        return data

    def flag(self) -> bool:
        return _flag(self.take(1, 1)[0])

    def u32(self) -> int:
        return int.from_bytes(self.take(4, 4), "little")

    def text(self) -> str:
        return self.take(self.u32(), FIRST_WORD_BYTES).decode("utf-8", errors="replace")

    def blob(self, most: int) -> bytes:
        return self.take(int.from_bytes(self.take(8, 8), "little"), most)

    def end(self) -> None:
        if self._at != len(self._payload):
            raise FrameError("a payload goes on after its end")


def decode_ready(payload: memoryview) -> Ready:
    """Return what a READY says.

    Raises:
        FrameError: it is malformed.
    """
    try:
        flags, cgroup, pid = _READY.unpack_from(payload)
    except struct.error as error:
        raise FrameError("a READY ends too early") from error
    if cgroup >= len(CGROUPS):
        raise FrameError(f"there is no cgroup version {cgroup}")
    reader = _Reader(payload, _READY.size)
    machine = reader.text()
    reader.end()
    return Ready(bool(flags & 1), bool(flags & 2), bool(flags & 4), CGROUPS[cgroup], pid, machine, bool(flags & 8))


def decode_offer(payload: memoryview) -> Offer:
    """Return what an OFFER says.

    Raises:
        FrameError: it is malformed.
    """
    try:
        return Offer(*_OFFER.unpack(payload))
    except struct.error as error:
        raise FrameError("an OFFER has another size") from error


def decode_result(payload: memoryview, run: Run) -> Result:
    """Return what the RESULT to `run` says.

    Raises:
        FrameError: it is malformed, or brings more than `run` asked for.
    """
    try:
        fields = _RESULT.unpack_from(payload)
    except struct.error as error:
        raise FrameError("a RESULT ends too early") from error
    status, missing, usable, has_code, code, has_signal, signal, cpu_us, wall_us, peak, stdout_size, stderr_size = (
        fields
    )
    if status >= len(STATUSES):
        raise FrameError(f"there is no status {status}")
    reader = _Reader(payload, _RESULT.size)
    fault = reader.text()
    count = reader.u32()
    if count > _MOST_PROBLEMS:
        raise FrameError(f"{count} problems")
    problems = tuple([reader.text() for _ in range(count)])
    if reader.u32() != len(run.keep):
        raise FrameError("other files were kept than asked for")
    kept = []
    for _, most in run.keep:
        present = reader.flag()
        blob = reader.blob(most)
        kept.append(blob if present else None)
    stdout = reader.blob(run.limits.output_bytes)
    stderr = reader.blob(run.limits.stderr_bytes)
    reader.end()
    return Result(
        STATUSES[status],
        _flag(missing),
        _flag(usable),
        code if _flag(has_code) else None,
        signal if _flag(has_signal) else None,
        cpu_us,
        wall_us,
        peak,
        stdout_size,
        stderr_size,
        fault,
        problems,
        tuple(kept),
        stdout,
        stderr,
    )


def decode_room(payload: memoryview) -> int:
    """Return the bytes that a ROOM tells of.

    Raises:
        FrameError: it is malformed.
    """
    if len(payload) != 8:
        raise FrameError(f"a ROOM of {len(payload)} bytes")
    return int.from_bytes(payload, "little")


def _flag(value: int) -> bool:
    if value > 1:
        raise FrameError(f"{value} is neither true nor false")
    return value == 1
