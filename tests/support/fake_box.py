"""A supervisor in memory that speaks the wire format: for tests of what the service decides, not of any isolation."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from solvent.sandbox import replies, wire
from solvent.sandbox.backend import BoxSandbox
from solvent.sandbox.base import SandboxInfo
from solvent.sandbox.box import Box, Channel
from solvent.sandbox.pool import EngineLostError

HEADER = struct.Struct("<4sB3xII")


@dataclass
class Request:
    """A RUN as the supervisor reads it."""

    id: int
    flags: int
    limits: tuple[int, ...]
    argv: tuple[bytes, ...]
    environment: tuple[bytes, ...]
    files: dict[bytes, tuple[int, bytes]]
    stdin: bytes
    keep: dict[bytes, int]


@dataclass
class Reply:
    """What a program does."""

    status: str = "ok"
    code: int | None = 0
    signal: int | None = None
    cpu_us: int = 1000
    wall_us: int = 2000
    peak_bytes: int = 1 << 20
    stdout: bytes = b""
    stderr: bytes = b""
    fault: str = ""
    missing: bool = False
    usable: bool = True
    problems: tuple[str, ...] = ()
    kept: tuple[bytes | None, ...] = ()
    stdout_size: int | None = None


class Reader:
    """Reads what the service sent."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def raw(self, size: int) -> bytes:
        part = self.data[self.at : self.at + size]
        assert len(part) == size, "a payload ends too early"
        self.at += size
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.raw(size), "little")

    def text(self) -> bytes:
        return self.raw(self.number(4))

    def texts(self) -> tuple[bytes, ...]:
        return tuple(self.text() for _ in range(self.number(4)))

    def source(self, contents: dict[bytes, bytes]) -> bytes:
        return self.raw(self.number(8)) if self.number(1) else contents[self.raw(wire.KEY_BYTES)]

    def end(self) -> None:
        assert self.at == len(self.data), "a payload goes on after its end"


def read_run(id: int, payload: bytes, contents: dict[bytes, bytes]) -> Request:
    """Return the RUN in a payload."""
    reader = Reader(payload)
    flags = reader.number(4)
    limits = tuple(reader.number(8) for _ in range(7)) + tuple(reader.number(4) for _ in range(2))
    argv, environment = reader.texts(), reader.texts()
    files = {}
    for _ in range(reader.number(4)):
        name, mode = reader.text(), reader.number(4)
        files[name] = (mode, reader.source(contents))
    stdin = reader.source(contents)
    keep = {}
    for _ in range(reader.number(4)):
        name = reader.text()
        keep[name] = reader.number(8)
    reader.end()
    return Request(id, flags, limits, argv, environment, files, stdin, keep)


def ready(*, flags: int = 7, cgroup: int = 1, pid: int = 1, machine: bytes = b"x86_64") -> bytes:
    """Return a READY frame."""
    return wire.frame(wire.READY, 0, struct.pack("<IBI", flags, cgroup, pid) + text(machine))


def result(id: int, reply: Reply) -> bytes:
    """Return a RESULT frame."""
    head = struct.pack(
        "<4BiBi5Q",
        replies.STATUSES.index(reply.status),
        reply.missing,
        reply.usable,
        reply.code is not None,
        reply.code or 0,
        reply.signal is not None,
        reply.signal or 0,
        reply.cpu_us,
        reply.wall_us,
        reply.peak_bytes,
        len(reply.stdout) if reply.stdout_size is None else reply.stdout_size,
        len(reply.stderr),
    )
    problems = struct.pack("<I", len(reply.problems)) + b"".join(text(one.encode()) for one in reply.problems)
    kept = struct.pack("<I", len(reply.kept))
    kept += b"".join(bytes([one is not None]) + blob(one or b"") for one in reply.kept)
    return wire.frame(
        wire.RESULT, id, head + text(reply.fault.encode()) + problems + kept + blob(reply.stdout) + blob(reply.stderr)
    )


def text(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def blob(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


Program = Callable[[Request], Reply | None]
"""What a program does; None: it runs until it is killed, or until `FakeChannel.finish`."""


@dataclass(eq=False)
class FakeChannel:
    """The supervisor of one box."""

    box: Box
    machine: FakeMachine
    number: int = 0
    contents: dict[bytes, bytes] = field(default_factory=dict)
    running: Request | None = None
    closed: bool = False
    seen: list[str] = field(default_factory=list)
    streamed: bytearray = field(default_factory=bytearray)
    _buffer: bytes = b""

    def write(self, data: bytes) -> None:
        if self.closed:
            return
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            magic, kind, id, size = HEADER.unpack_from(self._buffer)
            assert magic == wire.MAGIC
            if len(self._buffer) < HEADER.size + size:
                return
            payload = self._buffer[HEADER.size : HEADER.size + size]
            self._buffer = self._buffer[HEADER.size + size :]
            self._take(kind, id, payload)

    async def close(self) -> None:
        self.closed = True
        self._stop()
        self.machine.alive.discard(self)

    def diagnostics(self) -> str:
        return ""

    def say(self, data: bytes) -> None:
        """Send to the service."""
        asyncio.get_running_loop().call_soon(self.box.feed, data)

    def die(self) -> None:
        """End as if by kill -9."""
        self._stop()
        self.box.lose("it broke off")

    def finish(self, reply: Reply) -> None:
        """End the running program."""
        assert self.running is not None
        id = self.running.id
        self._stop()
        self.say(result(id, reply))

    def _take(self, kind: int, id: int, payload: bytes) -> None:
        if kind == wire.CONFIG:
            if self.machine.answers:
                self.say(ready(flags=self.machine.flags))
        elif kind == wire.PUT:
            self.seen.append("put")
            self.contents[payload[: wire.KEY_BYTES]] = payload[wire.KEY_BYTES :]
        elif kind == wire.DROP:
            self.seen.append("drop")
            for at in range(4, len(payload), wire.KEY_BYTES):
                del self.contents[payload[at : at + wire.KEY_BYTES]]
        elif kind == wire.RUN:
            self._start(read_run(id, payload, self.contents))
        elif self.running is not None and id == self.running.id:
            self._to_program(kind, payload)

    def _start(self, request: Request) -> None:
        assert self.running is None, "a box runs one program at a time"
        self.seen.append("run")
        self.running = request
        self.machine.running += 1
        self.machine.most_running = max(self.machine.most_running, self.machine.running)
        self.machine.requests.append(request)
        reply = self.machine.program(request)
        if reply is not None:
            self.finish(reply)

    def _to_program(self, kind: int, payload: bytes) -> None:
        assert self.running is not None
        if kind == wire.KILL:
            self.seen.append("kill")
            if self.machine.killable:
                self.finish(Reply("cancelled", code=None))
        elif kind == wire.DATA_IN:
            self.streamed += payload
        elif kind == wire.CLOSE:
            self.seen.append("close")
        elif kind == wire.SIGNAL:
            self.seen.append(f"signal {int.from_bytes(payload, 'little')}")

    def _stop(self) -> None:
        if self.running is not None:
            self.running = None
            self.machine.running -= 1


@dataclass(eq=False)
class FakeMachine:
    """All boxes of a FakeSandbox and what programs do in them."""

    program: Program = lambda request: Reply()
    flags: int = 7
    answers: bool = True
    killable: bool = True
    engine_down: bool = False
    alive: set[FakeChannel] = field(default_factory=set)
    opened: int = 0
    running: int = 0
    most_running: int = 0
    requests: list[Request] = field(default_factory=list)

    def finish_all(self, reply: Reply) -> None:
        for channel in sorted(self.alive, key=lambda one: one.number):
            if channel.running is not None:
                channel.finish(replace(reply))


class FakeBoxSandbox(BoxSandbox):
    """A backend whose boxes are in memory."""

    def __init__(self, machine: FakeMachine, slots: int = 2, **options: Any) -> None:
        super().__init__(slots, **options)
        self.machine = machine
        self.identity = "fake 1"

    async def _prepare(self) -> None:
        pass

    async def _open_channel(self, box: Box, memory_mb: int) -> Channel:
        await asyncio.sleep(0)
        if self.machine.engine_down:
            raise EngineLostError("the engine is away")
        channel = FakeChannel(box, self.machine, self.machine.opened)
        self.machine.alive.add(channel)
        self.machine.opened += 1
        return channel

    def _identity(self, ready: replies.Ready) -> str:
        return self.identity

    def _describe(self, ready: replies.Ready) -> SandboxInfo:
        return SandboxInfo(backend="local", isolation="none", guarantees={"uid_per_run": ready.uid_per_run})

    def _remedy(self) -> str:
        return "none"

    async def _finish(self) -> None:
        pass
