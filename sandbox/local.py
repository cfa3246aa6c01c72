"""The bubblewrap backend: namespaces, a cgroup where we may make one, and the same supervisor as in containers.

As root every run has its own uid and the box a cgroup. As a plain user there is one uid and no cgroup: memory is then
limited per process and watched for the tree, which `info.guarantees` says.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.sandbox import boot, cgroups
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

_PROCESSES = 320
"""In the whole box, supervisor included; a program's own limit is lower."""
_DIAGNOSTICS_BYTES = 4000
_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


class LocalSandbox(BoxSandbox):
    """Runs programs under bubblewrap on this machine.

    Args:
        slots: sessions at once; default: the cores.
    """

    def __init__(self, slots: int | None = None) -> None:
        super().__init__(slots)
        self._bwrap = ""
        self._privileged = os.geteuid() == 0
        self._prefix: tuple[str, ...] = ()
        """Put before bubblewrap's command; tests become another user with it."""
        self._cgroup_kind: str | None = None

    async def _prepare(self) -> None:
        found = shutil.which("bwrap")
        if found is None:
            raise SandboxUnavailable("bubblewrap is not installed", remedy=self._remedy())
        if not os.access(boot.COMMAND[0], os.X_OK):
            raise SandboxUnavailable(f"there is no {boot.COMMAND[0]}", remedy="install the system's Python 3")
        self._bwrap = found
        if self._privileged:
            self._cgroup_kind = cgroups.find_kind()
            cgroups.remove_orphans()

    async def _open_channel(self, memory_mb: int, slot: int) -> Channel:
        group = None
        command = self._command(slot, None)
        if self._cgroup_kind is not None:
            group = cgroups.create(self._cgroup_kind, memory_mb=memory_mb + BOX_MARGIN_MB, processes=_PROCESSES)
            command = [*group.enter(), *self._command(slot, group)]
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            if group is not None:
                group.remove()
            raise SandboxError(f"cannot start bubblewrap: {error}") from error
        return _ProcessChannel(process, group)

    def _command(self, slot: int, group: cgroups.BoxCgroup | None) -> list[str]:
        root = self._privileged
        sizes = {"/w": (WORK_MB, INODES), "/tmp": (TMP_MB, INODES), "/dev/shm": (SHM_MB, SHM_INODES)}  # noqa: S108
        mounts = {}
        if root:
            mounts = {path: f"size={size}m,nr_inodes={inodes},mode=1777" for path, (size, inodes) in sizes.items()}
        command = [
            *self._prefix,
            self._bwrap,
            "--unshare-pid",
            "--unshare-net",
            "--unshare-ipc",
            "--unshare-uts",
            "--unshare-cgroup-try",
        ]
        command += ["--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "box", "--clearenv"]
        command += ["--cap-drop", "ALL"]
        if root:
            # SYS_ADMIN and SETPCAP are for the supervisor's first step (mounts with inode limits); then it drops them.
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN", "CAP_SETPCAP"):
                command += ["--cap-add", capability]
        else:
            command += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
        command += _root_file_system()
        command += ["--proc", "/proc", "--dev", "/dev"]
        for path, (size, _) in sizes.items():
            command += ["--dir", path] if root else ["--perms", "1777", "--size", str(size << 20), "--tmpfs", path]
        for host, inside in group.bindings() if group is not None else ():
            command += ["--ro-bind", str(host), inside]
        command += ["--remount-ro", "/dev", "--remount-ro", "/"]
        for name, value in boot.environment(slot, mounts).items():
            command += ["--setenv", name, value]
        return [*command, "--", *boot.COMMAND]

    def _describe(self, ready: dict[str, Any]) -> SandboxInfo:
        isolation = "bubblewrap-root" if ready["uid_per_run"] else "bubblewrap-user"
        return SandboxInfo(backend="local", isolation=isolation, guarantees=guarantees(ready))

    async def _finish(self) -> None:
        """Nothing is held but boxes."""

    def _remedy(self) -> str:
        if shutil.which("bwrap") is None:
            return "install bubblewrap (apt-get install bubblewrap) or start a Docker engine"
        return "allow user namespaces for bubblewrap (sysctl kernel.unprivileged_userns_clone=1), or use Docker"


class _ProcessChannel:
    """The supervisor of one bubblewrap process."""

    def __init__(self, process: asyncio.subprocess.Process, group: cgroups.BoxCgroup | None) -> None:
        self._process = process
        self._group = group
        self._said = b""
        self._listener = asyncio.create_task(self._listen())

    async def read_exactly(self, size: int) -> bytes:
        if self._process.stdout is None:
            raise EOFError
        return await self._process.stdout.readexactly(size)

    async def write(self, data: bytes) -> None:
        if self._process.stdin is None:
            raise BrokenPipeError
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def close(self) -> None:
        # bubblewrap dies, and with it (die-with-parent) PID 1 of the box and every process in it.
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        await self._listener
        if self._group is not None:
            # The kernel empties the cgroup a moment after the last process has gone.
            for _ in range(500):
                if self._group.remove():
                    break
                await asyncio.sleep(0.002)

    def diagnostics(self) -> str:
        return self._said.decode("utf-8", errors="replace").strip()[-1000:]

    async def _listen(self) -> None:
        if self._process.stderr is None:
            return
        while part := await self._process.stderr.read(4096):
            self._said = (self._said + part)[-_DIAGNOSTICS_BYTES:]


def _root_file_system() -> list[str]:
    """Return the options for a read-only root of system folders only; nothing of any user is in it."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in _SYSTEM_FOLDERS:
        path = Path("/", name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            options += ["--ro-bind", str(path), str(path)]
    for name in ("/etc/ld.so.cache", "/etc/alternatives"):
        options += ["--ro-bind-try", name, name]
    # What somebody installed here by hand is no part of the languages.
    if Path("/usr/local").is_dir():
        options += ["--tmpfs", "/usr/local", "--remount-ro", "/usr/local"]
    return options
