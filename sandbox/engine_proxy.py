"""Stands between workers and the Docker engine: a socket that takes the sandbox's calls, and no others.

Whoever can speak to the engine can be root on its machine. A worker that speaks to this proxy can start boxes and end
them (`engine_rules`). One request a connection; every call is written anew for the engine.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h11

from solvent.errors import ConfigError, SandboxUnavailable
from solvent.sandbox.engine_rules import Call, RefusedError, Rules, inspect_image, list_boxes, read_call

REQUEST_BYTES = 64 << 10
ANSWER_BYTES = 32 << 20
WAIT_S = 60.0
"""For a request to come, and for the engine to answer it."""
_PART = 64 << 10

_log = logging.getLogger(__name__)


class _NoAnswerError(Exception):
    """The engine did not answer, or not in HTTP."""


class EngineProxy:
    """Serves clients on one socket.

    Args:
        engine: the engine's socket.
        rules: see there.
        unstarted_s: when a box is removed that was made and never started, since its worker died in between.
    """

    def __init__(self, engine: Path, rules: Rules, *, unstarted_s: float = 120.0) -> None:
        self._engine = engine
        self._unstarted_s = unstarted_s
        self._rules = rules
        self._image_ids: set[str] = set()
        self._creating = asyncio.Lock()
        self._clients: set[asyncio.Task[None]] = set()
        """Connections, and what is to be looked at later."""

    async def serve(self, listen: Path, started: Callable[[], None], stop: asyncio.Event) -> None:
        """Serve at the socket `listen` until `stop` is set, then cut what is open.

        Raises:
            ConfigError: the socket cannot be made there.
        """
        try:
            listening = _listen(listen)
        except OSError as error:
            raise ConfigError(f"cannot listen at {listen}: {error.strerror or error}") from error
        server = await asyncio.start_unix_server(self._take, sock=listening)
        try:
            started()
            await stop.wait()
        finally:
            server.close()
            for client in self._clients:
                client.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, TimeoutError, h11.RemoteProtocolError, asyncio.IncompleteReadError) as error:
            _log.debug("a client's connection ended: %s", error)
        finally:
            self._clients.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = h11.Connection(h11.SERVER)
        async with asyncio.timeout(WAIT_S):
            read = await _read_request(client, reader)
        if read is None:
            return
        request, body = read
        try:
            call = read_call(request.method.decode(), request.target.decode("ascii"), body, self._rules)
            if call.image is not None:
                async with self._creating:
                    await self._check_creation(call.image)
                    status, content = await self._ask(call)
                if status == 201:
                    self._look_later(json.loads(content)["Id"])
            elif call.upgrades:
                await self._attach(call, client, reader, writer)
                return
            else:
                status, content = await self._ask(call)
        except RefusedError as error:
            _log.warning("refused: %s", error)
            status, content = 403, json.dumps({"message": f"the engine's proxy refuses this: {error}"}).encode()
        except _NoAnswerError as error:
            _log.warning("%s", error)
            status, content = 502, json.dumps({"message": str(error)}).encode()
        await _respond(client, writer, status, content)

    async def _check_creation(self, image: str) -> None:
        """Refuse an image that has none of the permitted names, and a box too many."""
        if image not in self._image_ids:
            for name in self._rules.images:
                status, content = await self._ask(inspect_image(name))
                if status == 200:
                    self._image_ids.add(str(json.loads(content)["Id"]))
        if image not in self._image_ids:
            raise RefusedError(f"the image {image[:19]} is none of {', '.join(self._rules.images)}")
        status, content = await self._ask(list_boxes())
        if status == 200 and len(json.loads(content)) >= self._rules.boxes:
            raise RefusedError(f"there are {self._rules.boxes} boxes already")

    def _look_later(self, box: str) -> None:
        async def remove_unstarted() -> None:
            await asyncio.sleep(self._unstarted_s)
            with suppress(_NoAnswerError):
                status, content = await self._ask(Call("GET", f"/containers/{box}/json"))
                if status == 200 and json.loads(content)["State"]["Status"] == "created":
                    await self._ask(Call("DELETE", f"/containers/{box}?v=1&force=1"))

        task = asyncio.create_task(remove_unstarted(), name=f"look at {box[:12]}")
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _ask(self, call: Call) -> tuple[int, bytes]:
        """Make a call and return the status and the body of the answer."""
        engine = h11.Connection(h11.CLIENT)
        reader, writer = await self._connect()
        try:
            async with asyncio.timeout(WAIT_S):
                await _send_call(engine, writer, call)
                response = await _response(engine, reader)
                content = bytearray()
                while True:
                    event = await _next(engine, reader)
                    if isinstance(event, h11.EndOfMessage):
                        return response.status_code, bytes(content)
                    if isinstance(event, h11.Data):
                        content += event.data
                    if len(content) > ANSWER_BYTES or isinstance(event, h11.ConnectionClosed):
                        raise _NoAnswerError("the engine's answer broke off or is too long")
        except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
            raise _NoAnswerError(f"the engine did not answer: {error or type(error).__name__}") from error
        finally:
            writer.close()

    async def _attach(
        self, call: Call, client: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Connect a client with a box's streams until one of the two goes."""
        engine = h11.Connection(h11.CLIENT)
        box_reader, box_writer = await self._connect()
        try:
            try:
                async with asyncio.timeout(WAIT_S):
                    await _send_call(engine, box_writer, call)
                    response = await _response(engine, box_reader)
            except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
                raise _NoAnswerError(f"the engine did not answer: {error or type(error).__name__}") from error
            if response.status_code != 101:
                # Why it did not is the engine's: a box that is gone, say.
                await _respond(client, writer, response.status_code, b'{"message": "the engine did not attach"}')
                return
            accepted = h11.InformationalResponse(
                status_code=101, headers=[("Connection", "Upgrade"), ("Upgrade", "tcp")]
            )
            writer.write(client.send(accepted) or b"")
            writer.write(engine.trailing_data[0])
            box_writer.write(client.trailing_data[0])
            ways = [asyncio.create_task(_copy(reader, box_writer)), asyncio.create_task(_copy(box_reader, writer))]
            try:
                # A client that has gone must cost its box its input at once: so a box ends whose worker has died.
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            box_writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_unix_connection(self._engine)
        except OSError as error:
            raise _NoAnswerError(f"no engine answers at {self._engine}: {error.strerror or error}") from error


def _listen(path: Path) -> socket.socket:
    """Return a socket at `path`, in the place of one that was left there, for its owner and group."""
    if path.is_socket():
        path.unlink()
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(str(path))
        path.chmod(0o660)
    except BaseException:
        listening.close()
        raise
    return listening


async def _read_request(client: h11.Connection, reader: asyncio.StreamReader) -> tuple[h11.Request, bytes] | None:
    """Return a request and its body, or None where the client left without one."""
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = await _next(client, reader)
        if isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > REQUEST_BYTES:
                raise h11.RemoteProtocolError("the request is too long")
        elif isinstance(event, h11.EndOfMessage):
            assert request is not None
            return request, bytes(body)
        elif isinstance(event, h11.ConnectionClosed):
            return None


async def _next(connection: h11.Connection, reader: asyncio.StreamReader) -> Any:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(_PART))
    return event


async def _response(engine: h11.Connection, reader: asyncio.StreamReader) -> h11.Response | h11.InformationalResponse:
    while True:
        event = await _next(engine, reader)
        if isinstance(event, h11.Response) or (
            isinstance(event, h11.InformationalResponse) and event.status_code == 101
        ):
            return event
        if isinstance(event, h11.ConnectionClosed):
            raise h11.RemoteProtocolError("the engine closed the connection")


async def _send_call(engine: h11.Connection, writer: asyncio.StreamWriter, call: Call) -> None:
    headers = [("Host", "engine")]
    if call.upgrades:
        headers += [("Connection", "Upgrade"), ("Upgrade", "tcp")]
    else:
        headers.append(("Connection", "close"))
    body = call.body or b""
    if call.method in {"POST", "DELETE"}:
        headers.append(("Content-Length", str(len(body))))
    if body:
        headers.append(("Content-Type", "application/json"))
    writer.write(engine.send(h11.Request(method=call.method, target=call.target, headers=headers)) or b"")
    if body:
        writer.write(engine.send(h11.Data(data=body)) or b"")
    writer.write(engine.send(h11.EndOfMessage()) or b"")
    await writer.drain()


async def _respond(client: h11.Connection, writer: asyncio.StreamWriter, status: int, content: bytes) -> None:
    headers = [("Content-Type", "application/json"), ("Connection", "close")]
    if status not in {204, 304}:
        headers.append(("Content-Length", str(len(content))))
    writer.write(client.send(h11.Response(status_code=status, headers=headers)) or b"")
    if content and status not in {204, 304} and client.their_state is not h11.ERROR:
        writer.write(client.send(h11.Data(data=content)) or b"")
    writer.write(client.send(h11.EndOfMessage()) or b"")
    await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while part := await reader.read(_PART):
            writer.write(part)
            await writer.drain()


def run(listen: Path, engine: Path, rules: Rules, started: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigError: the socket cannot be made there.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await EngineProxy(engine, rules).serve(listen, started, stop)

    try:
        asyncio.run(serve())
    finally:
        listen.unlink(missing_ok=True)


def ping(listen: Path) -> None:
    """Ask a running proxy whether its engine answers.

    Raises:
        SandboxUnavailable: it, or its engine, does not answer.
    """

    async def ask() -> None:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_unix_connection(listen)
            try:
                connection = h11.Connection(h11.CLIENT)
                await _send_call(connection, writer, Call("GET", "/_ping"))
                response = await _response(connection, reader)
            finally:
                writer.close()
        if response.status_code != 200:
            raise SandboxUnavailable(f"the proxy at {listen} answers with {response.status_code}")

    try:
        asyncio.run(ask())
    except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
        raise SandboxUnavailable(f"no proxy answers at {listen}: {error}") from error
