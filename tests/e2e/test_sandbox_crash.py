"""`kill -9` of the service: no program outlives it, and the next service removes what it left."""

from __future__ import annotations

import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sandboxes import WITH_ZYGOTE, require_backend

TIMEOUT_S = 60.0


def programs(mark: str) -> list[int]:
    """Return the pids of programs that were started with `mark` as their argument."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                words = (path / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[1:2] == [b"-c"] and words[3:4] == [mark.encode()]:
                found.append(int(path.name))
    return found


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, what
        select.select([], [], [], 0.05)


@pytest.mark.parametrize("backend", WITH_ZYGOTE)
def test_no_program_outlives_the_service(request: pytest.FixtureRequest, backend: str) -> None:
    require_backend(backend, request)
    mark = secrets.token_hex(8)
    script = Path(__file__).with_name("sandbox_crash_child.py")
    with subprocess.Popen([sys.executable, str(script), backend, mark]) as service:
        try:
            wait_until(lambda: len(programs(mark)) >= 4 or service.poll() is not None, "the program did not start")
            assert service.poll() is None
        finally:
            service.send_signal(signal.SIGKILL)
    wait_until(lambda: not programs(mark), "programs outlived the service")
    if backend == "docker":
        wait_until(lambda: not containers_of(service.pid), "the container was not removed")
    elif os.geteuid() == 0:
        cgroups_of_dead_services_are_removed(service.pid)


def containers_of(pid: int) -> list[str]:
    import docker

    from solvent.sandbox.container import OWNER_LABEL

    client = docker.from_env()
    try:
        containers = client.containers.list(all=True, filters={"label": OWNER_LABEL}, ignore_removed=True)
        return [str(one.name) for one in containers if one.labels[OWNER_LABEL].split(":")[1] == str(pid)]
    finally:
        client.close()


def cgroups_of_dead_services_are_removed(pid: int) -> None:
    from solvent.sandbox import cgroups

    def left() -> list[Path]:
        cgroups.remove_orphans()
        return [path for owner, path in cgroups.everyones() if owner == pid]

    wait_until(lambda: not left(), "cgroups of the dead service were left")


@pytest.mark.docker
@pytest.mark.usefixtures("require_docker")
async def test_the_next_service_removes_containers_of_dead_ones() -> None:
    import docker

    from solvent.sandbox import engine
    from solvent.sandbox.container import LABEL, OWNER_LABEL
    from solvent.sandbox.docker import DEFAULT_IMAGE, DockerSandbox

    here = engine.owner().partition(":")[0]
    boot_id = here.partition("/")[0]
    # A worker in a container of its own beside this one: the same machine, and another count of processes.
    others = [f"{boot_id}/1:1:5", "another-boot:1:5"]
    client = docker.from_env()
    try:
        made = {}
        for owner in (f"{here}:999999999:5", f"{here}:1:5", *others):
            labels = {LABEL: "1", OWNER_LABEL: owner}
            made[owner] = client.containers.create(DEFAULT_IMAGE, labels=labels, network_mode="none").name
        sandbox = DockerSandbox(1)
        await sandbox.start()
        await sandbox.aclose()
        left = {one.name for one in client.containers.list(all=True, ignore_removed=True)}
        # What was made under another boot id may belong to another machine that shares this engine.
        assert [owner for owner, name in made.items() if name in left] == others
    finally:
        for one in client.containers.list(all=True, ignore_removed=True):
            if one.name in made.values():
                one.remove(force=True)
        client.close()
