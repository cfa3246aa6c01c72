"""The Docker backend: one hardened container per box, with the supervisor as PID 1.

Only create, attach, start, kill and remove are used: nothing is executed in or copied into a container beside foreign
code. The attached standard input and output are the channel. When this process dies the connection closes, the
supervisor reads the end of its input and leaves, and the engine removes the container.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.sandbox import direct, engine, replies
from solvent.sandbox.backend import BoxSandbox
from solvent.sandbox.base import SandboxInfo
from solvent.sandbox.box import Box, BoxLostError, Channel
from solvent.sandbox.container import container_options
from solvent.sandbox.layout import guarantees
from solvent.sandbox.pool import EngineLostError

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT_IMAGE = "solvent-sandbox:1"

_STREAM_HEADER_BYTES = 8
_STDOUT, _STDERR = 1, 2
_DIAGNOSTICS_BYTES = 4000

_log = logging.getLogger(__name__)

T = TypeVar("T")


class DockerSandbox(BoxSandbox):
    """Runs programs in containers of a local Docker engine.

    Args:
        slots: programs at once; default: the cores.
        image: the sandbox image (scripts/sandbox_image.sh builds it).
        runtime: OCI runtime of the engine, for example `runsc` for gVisor; default: the engine's.
        options: see BoxSandbox.
    """

    def __init__(
        self, slots: int | None = None, *, image: str = DEFAULT_IMAGE, runtime: str | None = None, **options: Any
    ) -> None:
        super().__init__(slots, **options)
        self._image = image
        self._image_id = ""
        self._runtime = runtime
        self._client: DockerClient | None = None
        self._owner = engine.owner()

    async def _prepare(self) -> None:
        self._client = await asyncio.to_thread(engine.connect)
        try:
            await self._find_image()
            await self._call("remove what dead processes left", lambda: engine.remove_orphans(self._engine()))
        except BaseException:
            await self._finish()
            raise

    async def _find_image(self) -> None:
        from docker.errors import DockerException, ImageNotFound

        try:
            image = await asyncio.to_thread(self._engine().images.get, self._image)
        except ImageNotFound as error:
            raise SandboxUnavailable(
                f"the sandbox image {self._image} is not there", remedy="build it: make sandbox-image"
            ) from error
        except DockerException as error:
            raise SandboxUnavailable(f"the Docker engine failed: {error}", remedy=self._remedy()) from error
        # From here on this very image, whatever the name comes to mean.
        self._image_id = str(image.id)

    async def _open_channel(self, box: Box, memory_mb: int) -> Channel:
        name = f"solvent-{os.getpid()}-{secrets.token_hex(6)}"
        options = container_options(memory_mb, self._owner, self._runtime)
        # The engine works on when a call is cancelled, so from here on the container may exist whatever happens.
        channel = _ContainerChannel(box, self._engine(), name)
        try:
            await self._call("create a container", lambda: self._create(name, options))
            attached = await self._call(
                "attach to a container", lambda: engine.attach(self._engine(), name), engine.release
            )
            await channel.connect(attached)
            await self._call("start a container", lambda: self._engine().api.start(name))
        except BaseException:
            await asyncio.shield(channel.close())
            raise
        return channel

    async def _shorten(self, box: Box, channel: Channel) -> None:
        """See BoxSandbox: the engine moves every byte through three processes, the supervisor's socket through none."""
        if not direct.permitted() or not isinstance(channel, _ContainerChannel):
            return
        pid = await self._call("inspect a container", channel.pid)
        offer = await box.offer()
        try:
            taken = direct.take_socket(pid, offer)
        except OSError as error:
            # Another namespace of processes, or an engine elsewhere: the way through the engine is as good, and slower.
            _log.debug("no direct way to a container: %s", error)
            return
        await channel.go_direct(taken)

    def _create(self, name: str, options: dict[str, Any]) -> None:
        api = self._engine().api
        host = api.create_host_config(**options["host"])
        api.create_container(self._image_id, name=name, host_config=host, **options["container"])

    def _identity(self, ready: replies.Ready) -> str:
        return f"image {self._image_id}"

    def _describe(self, ready: replies.Ready) -> SandboxInfo:
        isolation = f"docker+{self._runtime}" if self._runtime else "docker"
        # The tmpfs options of the container limit the inodes.
        return SandboxInfo(
            backend="docker", isolation=isolation, guarantees=guarantees(ready._replace(inodes_limited=True))
        )

    def _remedy(self) -> str:
        return (
            "build the sandbox image anew (make sandbox-image), see that the engine runs containers "
            "(scripts/start_dockerd.sh), or set SOLVENT_SANDBOX=local"
        )

    async def _finish(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    def _engine(self) -> DockerClient:
        if self._client is None:
            raise SandboxError("the sandbox has not been started")
        return self._client

    async def _call(self, what: str, function: Callable[[], T], discard: Callable[[T], None] | None = None) -> T:
        """Call the engine in a thread; a result that nobody waits for any more is discarded."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        call = asyncio.ensure_future(asyncio.to_thread(function))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            [result] = await asyncio.gather(call, return_exceptions=True)
            if discard is not None and not isinstance(result, BaseException):
                discard(result)
            raise
        except APIError as error:
            raise BoxLostError(f"the Docker engine did not {what}: {error}") from error
        except (DockerException, RequestException, OSError) as error:
            raise EngineLostError(f"the Docker engine did not {what}: {error}") from error


class _ContainerChannel(asyncio.Protocol):
    """The attached streams of one container.

    The engine puts standard output and error into one stream of parts, each with a header of 8 bytes: the stream's
    number, three zeros, and the size (big-endian).
    """

    def __init__(self, box: Box, client: DockerClient, name: str) -> None:
        self._box = box
        self._client = client
        self._name = name
        self._hijacked: Any = None
        self._transport: asyncio.Transport | None = None
        self._direct: asyncio.Transport | None = None
        self._rest = b""
        """A header of which not all has come."""
        self._stream = 0
        self._left = 0
        """Bytes of the part that are still to come."""
        self._said = b""
        self._closed = False

    async def connect(self, hijacked: Any) -> None:
        """Take over the hijacked connection of the engine's API."""
        self._hijacked = hijacked
        own = socket.socket(fileno=os.dup(hijacked.fileno()))
        own.setblocking(False)
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, sock=own)
        except BaseException:
            own.close()
            raise

    def pid(self) -> int:
        """Return the number of the container's first process; blocks."""
        return int(self._client.api.inspect_container(self._name)["State"]["Pid"])

    async def go_direct(self, taken: socket.socket) -> None:
        """Speak with the supervisor over its own socket from now on; the attached streams only keep the box alive."""
        taken.setblocking(False)
        transport, _ = await asyncio.get_running_loop().create_connection(
            lambda: direct.DirectChannel(self._box), sock=taken
        )
        self._direct = transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an `isinstance`; see LocalSandbox.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data, self._rest = self._rest + data, b""
        view, at, end = memoryview(data), 0, len(data)
        while at < end:
            if not self._left:
                if end - at < _STREAM_HEADER_BYTES:
                    self._rest = data[at:]
                    return
                self._stream, self._left = data[at], int.from_bytes(view[at + 4 : at + 8], "big")
                at += _STREAM_HEADER_BYTES
            stop = min(end, at + self._left)
            self._left -= stop - at
            if self._stream == _STDOUT:
                self._box.feed(view[at:stop])
            elif self._stream == _STDERR:
                self._said = (self._said + data[at:stop])[-_DIAGNOSTICS_BYTES:]
            at = stop

    def connection_lost(self, error: Exception | None) -> None:
        self._box.lose("it broke off")

    def write(self, data: bytes) -> None:
        way = self._direct or self._transport
        if way is not None and not way.is_closing():
            way.write(data)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for way in (self._direct, self._transport):
            if way is not None:
                way.abort()
        if self._hijacked is not None:
            engine.release(self._hijacked)
        try:
            await asyncio.to_thread(engine.remove, self._client, self._name)
        except SandboxError as error:
            # What it ran is known and stays so; its supervisor leaves by itself now that nobody is connected, and
            # the next start removes what is left.
            _log.warning("%s", error)

    def diagnostics(self) -> str:
        return self._said.decode("utf-8", errors="replace").strip()[-1000:]
