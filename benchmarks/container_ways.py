"""The two usual ways with Docker: a container per program, and `exec` in a container that stays."""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct
from typing import Any

from solvent.benchmarks.ways import SUM_SOURCE, BlockingWay
from solvent.sandbox.docker import DEFAULT_IMAGE

_STREAM_HEADER = struct.Struct(">BxxxL")
_MB = 1 << 20
_COMPILER_MB = 1024
_TMPFS = "rw,exec,nosuid,nodev,size=64m,nr_inodes=4096,uid=65534,mode=1777"
_COMMAND = ["/usr/bin/python3", "-S", "-c", SUM_SOURCE]


def _options(memory_mb: int) -> dict[str, Any]:
    """Return options as hard as those of our own boxes."""
    return {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": 64,
        "mem_limit": memory_mb * _MB,
        "memswap_limit": memory_mb * _MB,
        "nano_cpus": 1_000_000_000,
        "ipc_mode": "none",
        "tmpfs": dict.fromkeys(("/w", "/tmp"), _TMPFS),  # noqa: S108  in the container
        "ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
        "log_config": {"Type": "none", "Config": {}},
    }


class _EngineWay(BlockingWay):
    def __init__(self) -> None:
        import docker

        self._client = docker.from_env(timeout=60)
        self._api = self._client.api

    async def close(self) -> None:
        """See Way."""
        self._client.close()

    def _create(self, command: list[str], name: str, *, connected: bool, memory_mb: int = 256) -> None:
        self._api.create_container(
            DEFAULT_IMAGE,
            command=command,
            entrypoint=[],
            user="65534:65534",
            working_dir="/w",
            name=name,
            stdin_open=connected,
            tty=False,
            network_disabled=True,
            labels={"org.solvent.benchmark": "1"},
            host_config=self._api.create_host_config(**_options(memory_mb)),
        )

    def _remove(self, name: str) -> None:
        self._api.remove_container(name, force=True, v=True)


class ContainerPerProgram(_EngineWay):
    """What `docker run --rm -i` does, over the engine's API: create, attach, start, send, read, wait, remove."""

    key = "container"
    title = "container per program (docker run --rm)"
    share = 0.05

    def run(self, data: bytes) -> bytes:
        """See BlockingWay."""
        name = f"solvent-bench-{secrets.token_hex(6)}"
        self._create(_COMMAND, name, connected=True)
        try:
            hijacked = self._api.attach_socket(name, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            with _released(hijacked) as connection:
                self._api.start(name)
                printed = _talk(connection, data)
            self._api.wait(name)
        finally:
            self._remove(name)
        return printed


class ExecInWarmContainer(_EngineWay):
    """`docker exec -i` in a container that stays; what a program leaves there, the next one finds."""

    key = "docker_exec"
    title = "docker exec in a warm container"
    share = 0.15
    command = _COMMAND

    def __init__(self) -> None:
        super().__init__()
        self._name = f"solvent-bench-{secrets.token_hex(6)}"

    async def start(self) -> None:
        """See Way."""
        self._create(["/bin/sleep", "3600"], self._name, connected=False, memory_mb=_COMPILER_MB)
        self._api.start(self._name)

    async def close(self) -> None:
        """See Way."""
        self._remove(self._name)
        self._client.close()

    def run(self, data: bytes) -> bytes:
        """See BlockingWay."""
        return self.execute(self.command, data)

    def execute(self, command: list[str], data: bytes) -> bytes:
        """Run a command in the container; return what it printed."""
        exec_id = self._api.exec_create(self._name, command, stdin=True, stdout=True, stderr=True, workdir="/w")["Id"]
        with _released(self._api.exec_start(exec_id, socket=True)) as connection:
            printed = _talk(connection, data)
        self._api.exec_inspect(exec_id)
        return printed


@contextlib.contextmanager
def _released(hijacked: Any) -> Any:
    """Give the socket below the SDK's own handle, and close all of it: the SDK leaves parts open."""
    connection = getattr(hijacked, "_sock", hijacked)
    try:
        yield connection
    finally:
        response = getattr(hijacked, "_response", None)
        if response is not None:
            response.close()
        hijacked.close()
        connection.close()


def _talk(connection: socket.socket, data: bytes) -> bytes:
    """Send the input and its end; return standard output until the program has closed it."""
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)
    received = bytearray()
    while part := connection.recv(65536):
        received += part
    printed, at = bytearray(), 0
    while at + _STREAM_HEADER.size <= len(received):
        stream, size = _STREAM_HEADER.unpack_from(received, at)
        at += _STREAM_HEADER.size
        if stream == 1:
            printed += received[at : at + size]
        at += size
    return bytes(printed)
