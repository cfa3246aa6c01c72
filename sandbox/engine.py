"""Calls of the Docker engine's API that block, for one thread each."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.sandbox.container import LABEL, OWNER_LABEL

if TYPE_CHECKING:
    from docker import DockerClient

_CALL_TIMEOUT_S = 60
_DEFAULT_ENGINE = "unix:///var/run/docker.sock"


def connect() -> DockerClient:
    """Return a client of the engine.

    Raises:
        SandboxUnavailable: none answers.
    """
    import docker
    from docker.errors import DockerException

    from solvent.sandbox import engine_transport

    url = os.environ.get("DOCKER_HOST") or _DEFAULT_ENGINE
    path = url.removeprefix("unix://") if url.startswith("unix://") else None
    try:
        if path is not None:
            _check_socket(path)
        client = docker.from_env(timeout=_CALL_TIMEOUT_S)
        try:
            if path is not None:
                engine_transport.mount(client, path, _CALL_TIMEOUT_S)
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


def _check_socket(path: str) -> None:
    """Try the engine's socket before the SDK does, whose first call comes before `engine_transport`.

    Raises:
        OSError: nothing listens there.
    """
    with socket.socket(socket.AF_UNIX) as attempt:
        attempt.settimeout(_CALL_TIMEOUT_S)
        try:
            attempt.connect(path)
        except OSError as error:
            raise OSError(f"{path}: {error.strerror or error}") from error


def attach(client: DockerClient, name: str) -> Any:
    """Return the hijacked connection to the standard streams of a container."""
    return client.api.attach_socket(name, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})


def release(hijacked: Any) -> None:
    """Close the SDK's own handle on a hijacked connection (a SocketIO that keeps its response and socket alive)."""
    response, connection = getattr(hijacked, "_response", None), getattr(hijacked, "_sock", None)
    if response is not None:
        response.close()
    hijacked.close()
    if connection is not None:
        connection.close()


def remove(client: DockerClient, name: str) -> None:
    """Kill and remove a container; one that is gone, or going by itself, is fine.

    Raises:
        SandboxError: the engine did not do it.
    """
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        client.api.remove_container(name, force=True, v=True)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise SandboxError(f"the Docker engine did not remove the container {name}: {error}") from error
    except (DockerException, RequestException, OSError) as error:
        raise SandboxError(f"the Docker engine did not remove the container {name}: {error}") from error


def owner() -> str:
    """Return the label of the containers of this process: where its number counts, the number, and its start time.

    Where: the boot of the machine and the namespace of processes, since workers in containers of their own share an
    engine and all have the same number there.
    """
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    return f"{boot_id}/{namespace}:{os.getpid()}:{_start_time(os.getpid())}"


def _start_time(pid: int) -> str:
    """Return when a process started, in ticks since boot, or "" if there is no such process."""
    try:
        return (
            Path("/proc", str(pid), "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        )
    except OSError:
        return ""


def remove_orphans(client: DockerClient) -> None:
    """Remove the containers of processes that are no more, as far as this process could see them."""
    own = owner().partition(":")[0]
    for container in client.api.containers(all=True, filters={"label": LABEL}):
        where, _, rest = str((container["Labels"] or {}).get(OWNER_LABEL, "")).partition(":")
        pid, _, started = rest.partition(":")
        if pid.isdigit() and where == own and _start_time(int(pid)) != started:
            remove(client, str(container["Names"][0]).removeprefix("/"))
