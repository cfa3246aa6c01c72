"""Frames between the service and the supervisor of a box; `runner/wire.h` is the other end.

    "SLV2" | type (1) | zero (3) | id (4) | payload length (4) | payload        all little-endian

In payloads `bytes` is a u32 length and data, `blob` a u64 length and data, `list` a u32 count and entries.

Service to supervisor:

    CONFIG  first_uid_slot u32, flags u32 (1: start the zygote), list of bytes (writable directories),
            list of (path bytes, options bytes, executable u8) (tmpfs to mount), bytes (seccomp filter)
    PUT     key (32 raw bytes: SHA-256), content          a content for later runs
    DROP    list of keys
    RUN     flags u32; cpu_us, wall_us, memory, output, stderr, file, stack u64; processes, open_files u32;
            argv list of bytes; environment list of bytes; files list of (name bytes, mode u32, source);
            stdin source; keep list of (name bytes, most bytes u64)
            source: u8 0 and key, or u8 1 and blob
    KILL    end the run `id`                     CLOSE   end its standard input
    DATA    bytes for its standard input         SIGNAL  u32, to its first process
    DIRECT  asks for an OFFER; the way of the next frame is the channel from then on

Supervisor to service:

    READY   flags u32 (1 uid per run, 2 inode limit, 4 zygote, 8 OFFERs), cgroup u8 (0 none, 1 v1, 2 v2), pid u32,
            machine bytes
    RESULT  status, missing, usable, has_code u8, code i32, has_signal u8, signal i32, cpu_us, wall_us, peak_bytes,
            stdout_size, stderr_size u64, fault bytes, problems list of bytes, kept list of (present u8, blob),
            stdout blob, stderr blob
    DATA    bytes of its standard output         EOF     its standard output has ended
    OFFER   descriptor u32, inode u64: a socket of the supervisor, to be taken with pidfd_getfd
    ROOM    u64, bytes of DATA that its standard input has taken since the last ROOM

Here is what is sent, and the parser of what comes; `replies` reads the payloads that come.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

MAGIC = b"SLV2"
KEY_BYTES = 32
MAX_PAYLOAD = 1 << 30
FIRST_WORD_BYTES = 64 << 10
"""Most that a READY may have."""

CONFIG, PUT, DROP, RUN, KILL, DATA_IN, CLOSE, SIGNAL, DIRECT = range(9)
READY, RESULT, DATA_OUT, EOF, ROOM, OFFER = range(64, 70)

START_ZYGOTE = 1
MERGE, ZYGOTE, STREAM = 1, 2, 4

_HEADER = struct.Struct("<4sB3xII")
_U8, _U32, _U64 = struct.Struct("<B"), struct.Struct("<I"), struct.Struct("<Q")
_LIMITS = struct.Struct("<I7Q2I")
_SMALL = 16 << 10
"""Larger parts of a frame are sent as they are, not copied together."""


class FrameError(Exception):
    """What came is not what the protocol allows here."""


class Limits(NamedTuple):
    """Limits of a run, as the supervisor enforces them."""

    cpu_us: int
    wall_us: int
    memory_bytes: int
    output_bytes: int
    stderr_bytes: int
    """Most that is returned of standard error."""
    file_bytes: int
    stack_bytes: int
    processes: int
    open_files: int


class Content(NamedTuple):
    """What a file holds: under a key that the box keeps, or (no key) sent along."""

    key: bytes | None
    data: bytes


class RunFile(NamedTuple):
    """A file that a run finds in its directory."""

    name: bytes
    mode: int
    content: Content


class Run(NamedTuple):
    """A RUN frame."""

    flags: int
    limits: Limits
    argv: tuple[bytes, ...]
    environment: tuple[bytes, ...]
    files: tuple[RunFile, ...]
    stdin: bytes
    keep: tuple[tuple[bytes, int], ...]

    def largest_result(self) -> int:
        """Return the most bytes that a RESULT to it may have."""
        kept = sum(most for _, most in self.keep)
        return self.limits.output_bytes + self.limits.stderr_bytes + kept + (1 << 20)


class Frame(NamedTuple):
    """A frame from a box."""

    kind: int
    id: int
    payload: memoryview


def frame(kind: int, id: int = 0, payload: bytes = b"") -> bytes:
    """Return a whole frame with a small payload."""
    return _HEADER.pack(MAGIC, kind, id, len(payload)) + payload


def _with_header(kind: int, id: int, parts: Sequence[bytes]) -> list[bytes]:
    """Return the frame as parts to be sent one after the other; small ones are put together.

    Raises:
        FrameError: it is too large for a frame.
    """
    size = sum(map(len, parts))
    if size > MAX_PAYLOAD:
        raise FrameError(f"a frame of {size} bytes is too large (at most {MAX_PAYLOAD})")
    header = _HEADER.pack(MAGIC, kind, id, size)
    if size <= _SMALL:
        return [header + b"".join(parts)]
    joined: list[bytes] = []
    small = [header]
    for part in parts:
        if len(part) > _SMALL:
            joined += (b"".join(small), part)
            small = []
        else:
            small.append(part)
    joined.append(b"".join(small))
    return joined


def _bytes(data: bytes) -> bytes:
    return _U32.pack(len(data)) + data


def _strings(items: Sequence[bytes]) -> bytes:
    return _U32.pack(len(items)) + b"".join([_U32.pack(len(item)) + item for item in items])


@lru_cache(maxsize=64)
def _environment(variables: tuple[bytes, ...]) -> bytes:
    return _strings(variables)


def encode_config(
    *,
    slot: int,
    zygote: bool,
    roots: Sequence[str],
    mounts: Sequence[tuple[str, str, bool]],
    seccomp_filter: bytes,
) -> bytes:
    """Return the first frame of a box.

    Args:
        slot: small number; boxes that run at the same time should differ, since it keeps their uids apart.
        zygote: start a Python interpreter to fork programs from.
        roots: directories that programs may write to.
        mounts: path, tmpfs options and whether programs may be executed there, for the supervisor to mount.
        seccomp_filter: array of `struct sock_filter` for every program.
    """
    mounted = [_bytes(path.encode()) + _bytes(options.encode()) + _U8.pack(ok) for path, options, ok in mounts]
    payload = b"".join(
        (
            struct.pack("<II", slot, START_ZYGOTE if zygote else 0),
            _strings([root.encode() for root in roots]),
            _U32.pack(len(mounted)),
            *mounted,
            _bytes(seccomp_filter),
        )
    )
    return frame(CONFIG, 0, payload)


def encode_put(content: Content) -> list[bytes]:
    """Return the frame that gives a box a content to keep."""
    return _with_header(PUT, 0, (content.key or b"", content.data))


def encode_drop(keys: Sequence[bytes]) -> bytes:
    """Return the frame that has a box forget contents."""
    return frame(DROP, 0, _U32.pack(len(keys)) + b"".join(keys))


def encode_run(id: int, run: Run) -> list[bytes]:
    """Return the frame of a run, in parts."""
    parts = [
        _LIMITS.pack(run.flags, *run.limits),
        _strings(run.argv),
        _environment(run.environment),
        _U32.pack(len(run.files)),
    ]
    for file in run.files:
        key, data = file.content
        parts.append(_bytes(file.name) + _U32.pack(file.mode))
        parts += (b"\0", key) if key is not None else (b"\1", _U64.pack(len(data)), data)
    parts += (b"\1", _U64.pack(len(run.stdin)), run.stdin, _U32.pack(len(run.keep)))
    parts += [_bytes(name) + _U64.pack(most) for name, most in run.keep]
    return _with_header(RUN, id, parts)


def encode_signal(id: int, number: int) -> bytes:
    """Return the frame that sends a signal to a run's first process."""
    return frame(SIGNAL, id, _U32.pack(number))


class Parser:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        self.largest = FIRST_WORD_BYTES
        """Most bytes of a payload that are accepted now; a larger one is refused before it is read."""
        self._buffer = bytearray()
        self._need = _HEADER.size

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Frame]:
        """Yield the frames that are whole now.

        Raises:
            FrameError: the sender is out of step; nothing more can be read from it.
        """
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._need:
                return
            # The old buffer belongs to the frames that are cut from it now.
            data, self._buffer = self._buffer, bytearray()
        view = memoryview(data)
        start, end = 0, len(view)
        self._need = _HEADER.size
        while end - start >= _HEADER.size:
            magic, kind, id, size = _HEADER.unpack_from(view, start)
            if magic != MAGIC or not READY <= kind <= OFFER:
                raise FrameError(f"no frame begins with {bytes(view[start : start + 5])!r}")
            if size > self.largest:
                raise FrameError(f"a frame of {size} bytes, where at most {self.largest} can come")
            stop = start + _HEADER.size + size
            if stop > end:
                self._need = stop - start
                break
            yield Frame(kind, id, view[start + _HEADER.size : stop])
            start = stop
        if start < end:
            self._buffer += view[start:]
