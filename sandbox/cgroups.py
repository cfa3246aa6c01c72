"""Control groups of local boxes: one per box, made by the service where it may (cgroup v1 and v2)."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from solvent.errors import SandboxError

ROOT = Path("/sys/fs/cgroup")
FOLDER = "solvent"
_V1_CONTROLLERS = ("memory", "cpuacct", "pids")
_counter = itertools.count()


@dataclass(frozen=True)
class BoxCgroup:
    """The cgroup of one box."""

    kind: str
    """`v1` or `v2`."""
    paths: tuple[Path, ...]
    """Its directories: one per controller (v1) or one (v2)."""

    def enter(self) -> list[str]:
        """Return a command prefix that moves its process into the cgroup and executes the rest."""
        script = "".join('echo 0 > "$1/cgroup.procs" && shift && ' for _ in self.paths) + 'exec "$@"'
        return ["/bin/sh", "-c", script, "sh", *(str(path) for path in self.paths)]

    def bindings(self) -> list[tuple[Path, str]]:
        """Return host directory and place in the box of each directory."""
        if self.kind == "v2":
            return [(self.paths[0], str(ROOT))]
        return [(path, str(ROOT / controller)) for controller, path in zip(_V1_CONTROLLERS, self.paths, strict=True)]

    def remove(self) -> bool:
        """Remove the directories; tell whether they are gone. Processes must have ended."""
        gone = True
        for path in self.paths:
            try:
                path.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                gone = False
        return gone


def find_kind() -> str | None:
    """Return which kind of cgroups this process may make: `v1`, `v2` or None."""
    if os.geteuid() != 0:
        return None
    if all(os.access(ROOT / controller / "cgroup.procs", os.W_OK) for controller in _V1_CONTROLLERS):
        return "v1"
    if (ROOT / "cgroup.controllers").exists() and _enable_v2():
        return "v2"
    return None


def create(kind: str, *, memory_mb: int, processes: int) -> BoxCgroup:
    """Make a cgroup for one box.

    Raises:
        SandboxError: the kernel refused.
    """
    name = f"{os.getpid()}-{next(_counter)}"
    try:
        if kind == "v2":
            group = BoxCgroup("v2", (ROOT / FOLDER / name,))
            group.paths[0].mkdir(parents=True)
            _write(group.paths[0], {"memory.max": memory_mb << 20, "pids.max": processes})
            _write(group.paths[0], {"memory.swap.max": 0}, optional=True)
        else:
            group = BoxCgroup("v1", tuple(ROOT / controller / FOLDER / name for controller in _V1_CONTROLLERS))
            for path in group.paths:
                path.mkdir(parents=True)
            memory, _, pids = group.paths
            _write(memory, {"memory.limit_in_bytes": memory_mb << 20})
            _write(memory, {"memory.memsw.limit_in_bytes": memory_mb << 20, "memory.swappiness": 0}, optional=True)
            _write(pids, {"pids.max": processes})
    except OSError as error:
        raise SandboxError(f"cannot make a cgroup for the sandbox: {error}") from error
    return group


def remove_orphans() -> None:
    """Remove the empty cgroups of service processes that are no more."""
    for owner, path in everyones():
        if not Path("/proc", str(owner)).exists():
            with contextlib.suppress(OSError):
                path.rmdir()


def everyones() -> Iterator[tuple[int, Path]]:
    """Yield the cgroups of all boxes here with the pids of their services; others may remove some meanwhile."""
    for folder in (ROOT / FOLDER, *(ROOT / controller / FOLDER for controller in _V1_CONTROLLERS)):
        try:
            paths = list(folder.iterdir())
        except FileNotFoundError:
            continue
        for path in paths:
            owner = path.name.partition("-")[0]
            if owner.isdigit():
                yield int(owner), path


def _enable_v2() -> bool:
    """Make our folder in the unified hierarchy, with the controllers that are needed."""
    folder = ROOT / FOLDER
    wanted = "+memory +pids +cpu"
    try:
        (ROOT / "cgroup.subtree_control").write_text(wanted)
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.subtree_control").write_text(wanted)
    except OSError:
        return False
    return "memory" in (folder / "cgroup.subtree_control").read_text().split()


def _write(path: Path, values: dict[str, int], *, optional: bool = False) -> None:
    for name, value in values.items():
        try:
            (path / name).write_text(str(value))
        except OSError:
            if not optional:
                raise
