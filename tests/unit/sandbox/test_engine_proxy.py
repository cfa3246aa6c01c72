"""The engine's proxy before an engine of canned answers."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from engine_boxes import IMAGE, box

from solvent.sandbox.engine_proxy import EngineProxy
from solvent.sandbox.engine_rules import Rules

WAIT_S = 60.0
CREATE = b"POST /v1.41/containers/create?name=solvent-17-0123456789ab HTTP/1.1\r\nHost: x\r\n"


class Engine:
    """Knows one image and as many boxes as it is told."""

    def __init__(self) -> None:
        self.boxes = 0
        self.state = "running"
        self.removed = asyncio.Event()
        self.asked: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line = head.splitlines()[0]
        self.asked.append(line)
        if line.startswith("DELETE"):
            self.removed.set()
        length = next(
            (int(one.split(":")[1]) for one in head.splitlines() if one.lower().startswith("content-length")), 0
        )
        await reader.readexactly(length)
        if "/attach" in line:
            writer.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello ")
            writer.write(await reader.readexactly(5))
            writer.close()
            return
        answer: object = {"Id": "made", "State": {"Status": self.state}}
        if "/images/" in line:
            answer = {"Id": IMAGE}
        elif "/containers/json" in line:
            answer = [{}] * self.boxes
        content = json.dumps(answer).encode()
        status = b"201 Created" if "/create" in line else b"200 OK"
        writer.write(
            b"HTTP/1.1 " + status + b"\r\nContent-Length: " + str(len(content)).encode() + b"\r\n\r\n" + content
        )
        writer.close()


@asynccontextmanager
async def running(engine: Engine, rules: Rules, unstarted_s: float = 60.0) -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="solvent-") as folder:
        listen, own = Path(folder, "proxy"), Path(folder, "engine")
        server = await asyncio.start_unix_server(engine.answer, own)
        stop, started = asyncio.Event(), asyncio.Event()
        proxy = asyncio.create_task(EngineProxy(own, rules, unstarted_s=unstarted_s).serve(listen, started.set, stop))
        try:
            async with asyncio.timeout(WAIT_S):
                await started.wait()
                yield listen
        finally:
            stop.set()
            await proxy
            server.close()


async def send(listen: Path, request: bytes) -> bytes:
    """Return all that comes back until the proxy closes the connection."""
    reader, writer = await asyncio.open_unix_connection(listen)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


def creation() -> bytes:
    body = json.dumps(box()).encode()
    return CREATE + b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body


async def test_a_box_too_many_is_refused() -> None:
    engine = Engine()
    async with running(engine, Rules(images=("solvent-sandbox:1",), boxes=2)) as listen:
        engine.boxes = 1
        assert b"201" in (await send(listen, creation())).splitlines()[0]
        engine.boxes = 2
        refused = await send(listen, creation())
    assert b"403" in refused.splitlines()[0]
    assert b"there are 2 boxes already" in refused
    assert sum("create" in line for line in engine.asked) == 1


async def test_a_box_that_is_never_started_is_removed() -> None:
    engine = Engine()
    engine.state = "created"
    async with running(engine, Rules(images=("solvent-sandbox:1",)), unstarted_s=0.01) as listen:
        await send(listen, creation())
        await engine.removed.wait()
    assert engine.asked[-2:] == ["GET /containers/made/json HTTP/1.1", "DELETE /containers/made?v=1&force=1 HTTP/1.1"]


async def test_an_image_of_another_name_is_refused() -> None:
    engine = Engine()
    async with running(engine, Rules(images=())) as listen:
        refused = await send(listen, creation())
    assert b"403" in refused.splitlines()[0]
    assert not any("create" in line for line in engine.asked)


async def test_an_attached_box_is_spoken_with_in_both_directions() -> None:
    engine = Engine()
    path = b"/v1.41/containers/solvent-17-0123456789ab/attach"
    upgrade = b"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
    async with running(engine, Rules(images=("solvent-sandbox:1",))) as listen:
        answer = await send(listen, b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n" + upgrade + b"world")
    assert answer.startswith(b"HTTP/1.1 101")
    assert answer.endswith(b"\r\n\r\nhello world")


@pytest.mark.parametrize(
    "request_",
    [
        b"GARBAGE\r\n\r\n",
        CREATE + b"Content-Length: 70000\r\n\r\n" + b" " * 70_000,
    ],
)
async def test_what_is_no_plain_request_reaches_no_engine(request_: bytes) -> None:
    engine = Engine()
    async with running(engine, Rules(images=("solvent-sandbox:1",))) as listen:
        answer = await send(listen, request_)
    assert b"200" not in answer[:20]
    assert not any("create" in line for line in engine.asked)


async def test_what_follows_a_request_is_not_sent_on() -> None:
    engine = Engine()
    async with running(engine, Rules(images=("solvent-sandbox:1",))) as listen:
        first, second = b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /v1.41/build HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = await send(listen, first + second)
    assert answer.startswith(b"HTTP/1.1 200")
    assert engine.asked == ["GET /_ping HTTP/1.1"]
