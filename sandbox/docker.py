"""The Docker backend: one hardened container per box, with the same supervisor as PID 1.

Only create, attach, start, kill and remove are used: nothing is executed in or copied into a container beside foreign
code. The attached standard input and output are the channel. When this process dies the connection closes, the
supervisor reads the end of its input and leaves, and the engine removes the container.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.sandbox import boot
from solvent.sandbox.backend import (
    BOX_MARGIN_MB,
    INODES,
    SHM_INODES,
    SHM_MB,
    TMP_MB,
    WORK_MB,
    BoxSandbox,
    guarantees,
)
from solvent.sandbox.base import SandboxInfo
from solvent.sandbox.box import Channel

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT_IMAGE = "solvent-sandbox:1"
LABEL = "org.solvent.sandbox"
OWNER_LABEL = "org.solvent.sandbox.owner"
"""`BOOT:PID:START` of the process that made the container: host boot id, pid, and the start time of that pid."""

_PROCESSES = 320
_STREAM_HEADER = struct.Struct(">BxxxL")
_STDERR = 2
_DIAGNOSTICS_BYTES = 4000
_CALL_TIMEOUT_S = 60
_DEFAULT_ENGINE = "unix:///var/run/docker.sock"

_log = logging.getLogger(__name__)

T = TypeVar("T")


class DockerSandbox(BoxSandbox):
    """Runs programs in containers of a local Docker engine.

    Args:
        slots: sessions at once; default: the cores.
        image: the sandbox image (scripts/sandbox_image.sh builds it).
        runtime: OCI runtime of the engine, for example `runsc` for gVisor; default: the engine's.
    """

    def __init__(self, slots: int | None = None, *, image: str = DEFAULT_IMAGE, runtime: str | None = None) -> None:
        super().__init__(slots)
        self._image = image
        self._runtime = runtime
        self._client: DockerClient | None = None
        self._owner = _owner()

    async def _prepare(self) -> None:
        self._client = await asyncio.to_thread(_connect)
        await self._check_image()
        await self._call("remove what dead processes left", lambda: _remove_orphans(self._engine()))

    async def _check_image(self) -> None:
        from docker.errors import DockerException, ImageNotFound

        try:
            await asyncio.to_thread(self._engine().images.get, self._image)
        except ImageNotFound as error:
            await self._finish()
            raise SandboxUnavailable(
                f"the sandbox image {self._image} is not there", remedy="build it: make sandbox-image"
            ) from error
        except DockerException as error:
            await self._finish()
            raise SandboxUnavailable(f"the Docker engine failed: {error}", remedy=self._remedy()) from error

    async def _open_channel(self, memory_mb: int, slot: int) -> Channel:
        name = f"solvent-{os.getpid()}-{secrets.token_hex(6)}"
        options = self._options(memory_mb, slot)
        # The engine works on when a call is cancelled, so from here on the container may exist whatever happens.
        channel = _ContainerChannel(self._engine(), name)
        try:
            await self._call("create a container", lambda: self._create(name, options))
            attached = await self._call("attach to a container", lambda: _attach(self._engine(), name))
            await channel.connect(attached)
            await self._call("start a container", lambda: self._engine().api.start(name))
        except BaseException:
            await asyncio.shield(channel.close())
            raise
        return channel

    def _create(self, name: str, options: dict[str, Any]) -> None:
        api = self._engine().api
        host = api.create_host_config(**options["host"])
        api.create_container(self._image, name=name, host_config=host, **options["container"])

    def _options(self, memory_mb: int, slot: int) -> dict[str, Any]:
        """Return the options of a container: no network, no capability but the two that change uids, no volume."""
        memory = (memory_mb + BOX_MARGIN_MB) << 20
        tmpfs = {
            "/w": f"rw,nosuid,nodev,exec,size={WORK_MB}m,nr_inodes={INODES},mode=1777",
            "/tmp": f"rw,nosuid,nodev,noexec,size={TMP_MB}m,nr_inodes={INODES},mode=1777",  # noqa: S108  in the box
            "/dev/shm": f"rw,nosuid,nodev,noexec,size={SHM_MB}m,nr_inodes={SHM_INODES},mode=1777",  # noqa: S108
        }
        host = {
            "network_mode": "none",
            "read_only": True,
            "cap_drop": ["ALL"],
            "cap_add": ["SETUID", "SETGID"],
            # The engine's default seccomp profile stays in force; the supervisor adds our filter to every program.
            "security_opt": ["no-new-privileges"],
            "pids_limit": _PROCESSES,
            "mem_limit": memory,
            "memswap_limit": memory,
            "nano_cpus": 1_000_000_000,
            "ipc_mode": "none",
            "tmpfs": tmpfs,
            "ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
            "log_config": {"Type": "none", "Config": {}},
            "auto_remove": True,
            "runtime": self._runtime,
        }
        container = {
            "command": list(boot.COMMAND),
            "entrypoint": [],
            "environment": boot.environment(slot),
            "user": "0:0",
            "working_dir": "/",
            "hostname": "box",
            "labels": {LABEL: "1", OWNER_LABEL: self._owner},
            "stdin_open": True,
            "tty": False,
            "network_disabled": True,
            "healthcheck": {"test": ["NONE"]},
        }
        return {"host": host, "container": container}

    def _describe(self, ready: dict[str, Any]) -> SandboxInfo:
        isolation = f"docker+{self._runtime}" if self._runtime else "docker"
        # The tmpfs options of the container limit the inodes.
        return SandboxInfo(backend="docker", isolation=isolation, guarantees=guarantees({**ready, "inode_limit": True}))

    def _remedy(self) -> str:
        return "see that the engine runs containers (scripts/start_dockerd.sh), or set SOLVENT_SANDBOX=local"

    async def _finish(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    def _engine(self) -> DockerClient:
        if self._client is None:
            raise SandboxError("the sandbox has not been started")
        return self._client

    async def _call(self, what: str, function: Callable[[], T]) -> T:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            return await asyncio.to_thread(function)
        except (DockerException, RequestException, OSError) as error:
            raise SandboxError(f"the Docker engine did not {what}: {error}") from error


class _ContainerChannel:
    """The attached streams of one container."""

    def __init__(self, client: DockerClient, name: str) -> None:
        self._client = client
        self._name = name
        self._socket: socket.socket | None = None
        self._hijacked: Any = None
        self._incoming = asyncio.StreamReader()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._pump: asyncio.Task[None] | None = None
        self._said = b""
        self._closed = False

    async def connect(self, hijacked: Any) -> None:
        """Take over the hijacked connection of the engine's API."""
        self._hijacked = hijacked
        own = socket.socket(fileno=os.dup(hijacked.fileno()))
        own.setblocking(False)
        self._reader, self._writer = await asyncio.open_connection(sock=own)
        self._pump = asyncio.create_task(self._demultiplex())

    async def read_exactly(self, size: int) -> bytes:
        return await self._incoming.readexactly(size)

    async def write(self, data: bytes) -> None:
        if self._writer is None:
            raise BrokenPipeError
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        if self._hijacked is not None:
            _release(self._hijacked)
        try:
            await asyncio.to_thread(_remove, self._client, self._name)
        except SandboxError as error:
            # What it ran is known and stays so; its supervisor leaves by itself now that nobody is connected, and
            # the next start removes what is left.
            _log.warning("%s", error)

    def diagnostics(self) -> str:
        return self._said.decode("utf-8", errors="replace").strip()[-1000:]

    async def _demultiplex(self) -> None:
        """Part the engine's one stream into standard output (frames) and standard error (diagnostics)."""
        if self._reader is None:
            return
        try:
            while True:
                stream, size = _STREAM_HEADER.unpack(await self._reader.readexactly(_STREAM_HEADER.size))
                data = await self._reader.readexactly(size)
                if stream == _STDERR:
                    self._said = (self._said + data)[-_DIAGNOSTICS_BYTES:]
                else:
                    self._incoming.feed_data(data)
        except (EOFError, OSError):
            self._incoming.feed_eof()


def _connect() -> DockerClient:
    import docker
    from docker.errors import DockerException

    try:
        _check_socket()
        client = docker.from_env(timeout=_CALL_TIMEOUT_S)
        try:
            client.ping()
        except BaseException:
            client.close()
            raise
    except (DockerException, OSError) as error:
        raise SandboxUnavailable(
            f"no Docker engine answers: {error}",
            remedy="start one (scripts/start_dockerd.sh), or set SOLVENT_SANDBOX=local",
        ) from error
    return client


def _check_socket() -> None:
    """Try the engine's socket first: the SDK leaks the one that it could not connect.

    Raises:
        OSError: nothing listens there.
    """
    url = os.environ.get("DOCKER_HOST") or _DEFAULT_ENGINE
    if url.startswith("unix://"):
        path = url.removeprefix("unix://")
        with socket.socket(socket.AF_UNIX) as attempt:
            attempt.settimeout(_CALL_TIMEOUT_S)
            try:
                attempt.connect(path)
            except OSError as error:
                raise OSError(f"{path}: {error.strerror or error}") from error


def _attach(client: DockerClient, name: str) -> Any:
    return client.api.attach_socket(name, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})


def _release(hijacked: Any) -> None:
    """Close the SDK's own handle on a hijacked connection (a SocketIO that keeps its response and socket alive)."""
    response, connection = getattr(hijacked, "_response", None), getattr(hijacked, "_sock", None)
    if response is not None:
        response.close()
    hijacked.close()
    if connection is not None:
        connection.close()


def _remove(client: DockerClient, name: str) -> None:
    """Kill and remove a container; one that is gone, or going by itself, is fine."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        client.api.remove_container(name, force=True, v=True)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise SandboxError(f"the Docker engine did not remove the container {name}: {error}") from error
    except (DockerException, RequestException) as error:
        raise SandboxError(f"the Docker engine did not remove the container {name}: {error}") from error


def _owner() -> str:
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot_id}:{os.getpid()}:{_start_time(os.getpid())}"


def _start_time(pid: int) -> str:
    """Return when a process started, in ticks since boot, or "" if there is no such process."""
    try:
        return (
            Path("/proc", str(pid), "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        )
    except OSError:
        return ""


def _remove_orphans(client: DockerClient) -> None:
    """Remove the containers of processes of this machine that are no more."""
    own_boot = _owner().partition(":")[0]
    for container in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
        boot_id, _, rest = container.labels.get(OWNER_LABEL, "").partition(":")
        pid, _, started = rest.partition(":")
        if pid.isdigit() and boot_id == own_boot and _start_time(int(pid)) != started:
            _remove(client, str(container.name))
