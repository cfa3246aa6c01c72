"""The bubblewrap backend: namespaces, a cgroup where we may make one, and the same supervisor as in containers.

As root every run has its own uid and the box a cgroup. As a plain user there is one uid and no cgroup: memory is then
limited per process and watched for the tree, which `info.guarantees` says.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any, cast

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.sandbox import cgroups, replies, supervisor
from solvent.sandbox.backend import BoxSandbox
from solvent.sandbox.base import SandboxInfo
from solvent.sandbox.box import Box, Channel
from solvent.sandbox.images.roots import CONTENT_FILE, find_root
from solvent.sandbox.layout import INODES, SHM_INODES, SHM_MB, SUPERVISOR, TMP_MB, WORK_MB, guarantees
from solvent.settings import Settings

_PROCESSES = 320
"""In the whole box, supervisor included; a program's own limit is lower."""
_DIAGNOSTICS_BYTES = 4000
_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_NOT_OF_ROOT = {"dev", "proc", "sys", "tmp", "w", "run", "home", "root", "mnt", "media"}
"""What a box has of its own, or has no use for."""
_PACKAGES_OF_HOST = ("etc/os-release", "var/lib/dpkg/status")
_SIZES = {"/w": (WORK_MB, INODES), "/tmp": (TMP_MB, INODES), "/dev/shm": (SHM_MB, SHM_INODES)}  # noqa: S108  in the box


class LocalSandbox(BoxSandbox):
    """Runs programs under bubblewrap on this machine.

    Args:
        slots: programs at once; default: the cores.
        root: directory with the root file system of the boxes; default: the one that was built for this version
            (see images.roots), else this machine's own system folders.
        runner: folder for the compiled supervisor, where `root` has none; default: in the settings' home.
        options: see BoxSandbox.
    """

    def __init__(
        self, slots: int | None = None, *, root: Path | None = None, runner: Path | None = None, **options: Any
    ) -> None:
        super().__init__(slots, **options)
        self._root = root
        self._runner = runner
        self._base: list[str] = []
        self._bwrap = ""
        self._privileged = os.geteuid() == 0
        self._prefix: tuple[str, ...] = ()
        """Put before bubblewrap's command; tests become another user with it."""
        self._cgroup_kind: str | None = None

    async def _prepare(self) -> None:
        found = shutil.which("bwrap")
        if found is None:
            raise SandboxUnavailable("bubblewrap is not installed", remedy=self._remedy())
        self._bwrap = found
        if self._root is None:
            self._root = await asyncio.to_thread(find_root)
        if self._root is not None:
            self._base = _root_of(self._root)
        else:
            folder = self._runner or Settings().home / "sandbox"
            built = await asyncio.to_thread(supervisor.built, folder)
            self._base = [*_root_of_host(), "--ro-bind", str(built), "/solvent"]
        if self._privileged:
            self._cgroup_kind = cgroups.find_kind()
            cgroups.remove_orphans()

    async def _open_channel(self, box: Box, memory_mb: int) -> Channel:
        group = None
        command = self._command(None)
        if self._cgroup_kind is not None:
            group = cgroups.create(self._cgroup_kind, memory_mb=memory_mb, processes=_PROCESSES)
            command = [*group.enter(), *self._command(group)]
        channel = _ProcessChannel(box, group)
        try:
            await channel.start(command)
        except BaseException as error:
            await asyncio.shield(channel.close())
            if isinstance(error, OSError):
                raise SandboxError(f"cannot start bubblewrap: {error}") from error
            raise
        return channel

    def _mounts(self) -> list[tuple[str, str, bool]]:
        if not self._privileged:
            return []
        return [
            (path, f"size={size}m,nr_inodes={inodes},mode=1777", path == "/w")
            for path, (size, inodes) in _SIZES.items()
        ]

    def _command(self, group: cgroups.BoxCgroup | None) -> list[str]:
        root = self._privileged
        command = [*self._prefix, self._bwrap, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        command += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "box"]
        command += ["--clearenv", "--cap-drop", "ALL"]
        if root:
            # SYS_ADMIN and SETPCAP are for the supervisor's first step (mounts with inode limits); then it drops them.
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN", "CAP_SETPCAP"):
                command += ["--cap-add", capability]
        else:
            command += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
        command += self._base
        command += ["--proc", "/proc", "--dev", "/dev"]
        if not root:
            # bubblewrap leaves it writable there, and the settings of the box's own namespaces could be changed.
            command += ["--ro-bind", "/proc/sys", "/proc/sys"]
        for path, (size, _) in _SIZES.items():
            command += ["--dir", path] if root else ["--perms", "1777", "--size", str(size << 20), "--tmpfs", path]
        for host, inside in group.bindings() if group is not None else ():
            command += ["--ro-bind", str(host), inside]
        command += ["--remount-ro", "/dev", "--remount-ro", "/"]
        for name, value in {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}.items():
            command += ["--setenv", name, value]
        return [*command, "--", SUPERVISOR]

    def _identity(self, ready: replies.Ready) -> str:
        root = self._root or Path("/")
        digest = hashlib.sha256()
        for name in (CONTENT_FILE,) if self._root else _PACKAGES_OF_HOST:
            with contextlib.suppress(OSError):
                digest.update((root / name).read_bytes())
        return f"{root} {ready.machine} {digest.hexdigest()}"

    def _describe(self, ready: replies.Ready) -> SandboxInfo:
        isolation = "bubblewrap-root" if ready.uid_per_run else "bubblewrap-user"
        return SandboxInfo(backend="local", isolation=isolation, guarantees=guarantees(ready))

    async def _finish(self) -> None:
        """Nothing is held but boxes."""

    def _remedy(self) -> str:
        if shutil.which("bwrap") is None:
            return "install bubblewrap (apt-get install bubblewrap) or start a Docker engine"
        return "allow user namespaces for bubblewrap (sysctl kernel.unprivileged_userns_clone=1), or use Docker"


class _ProcessChannel(asyncio.Protocol):
    """The supervisor of one bubblewrap process; its standard input and output are one socket."""

    def __init__(self, box: Box, group: cgroups.BoxCgroup | None) -> None:
        self._box = box
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._said = b""
        self._closed = False

    async def start(self, command: list[str]) -> None:
        """Start bubblewrap.

        Raises:
            OSError: it cannot be started.
        """
        own, other = socket.socketpair()
        with other:
            try:
                # Not in another thread: bubblewrap dies with the thread that started it.
                self._process = subprocess.Popen(  # noqa: ASYNC220  it returns as soon as the program is executed
                    command,
                    stdin=other.fileno(),
                    stdout=other.fileno(),
                    stderr=subprocess.PIPE,
                    env={},
                    cwd="/",
                    start_new_session=True,
                )
            except OSError:
                own.close()
                raise
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)
        self._loop.add_reader(self._process.stderr.fileno(), self._listen)
        try:
            await self._loop.create_connection(lambda: self, sock=own)
        except BaseException:
            own.close()
            raise

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an `isinstance`: the transports of other event loops (uvloop) are of no class of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._box.feed(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._listen()
        self._box.lose("it broke off")

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._transport is not None:
            self._transport.abort()
        if self._process is not None:
            # bubblewrap dies, and with it (die-with-parent) PID 1 of the box and every process in it. A child that has
            # not asked yet to die with it is still of its process group, and would wait for it for ever.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._exited(self._process)
            self._stop_listening()
        if self._group is not None:
            # The kernel empties the cgroup a moment after the last process has gone.
            for _ in range(500):
                if self._group.remove():
                    break
                await asyncio.sleep(0.002)

    def diagnostics(self) -> str:
        return self._said.decode("utf-8", errors="replace").strip()[-1000:]

    async def _exited(self, process: subprocess.Popen[bytes]) -> None:
        try:
            descriptor = os.pidfd_open(process.pid)
        except OSError:
            await asyncio.to_thread(process.wait)
            return
        ended: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(descriptor, _resolve, ended)
        try:
            await ended
        finally:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
        process.wait()

    def _listen(self) -> None:
        if self._process is None or self._process.stderr is None or self._process.stderr.closed:
            return
        try:
            part = os.read(self._process.stderr.fileno(), 4096)
        except BlockingIOError:
            return
        self._said = (self._said + part)[-_DIAGNOSTICS_BYTES:]
        if not part:
            self._stop_listening()

    def _stop_listening(self) -> None:
        if self._process is not None and self._process.stderr is not None and not self._process.stderr.closed:
            self._loop.remove_reader(self._process.stderr.fileno())
            self._process.stderr.close()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _root_of(root: Path) -> list[str]:
    """Return the options for the read-only folders of a prepared root file system."""
    options: list[str] = []
    for path in sorted(root.iterdir()):
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), f"/{path.name}"]
        elif path.is_dir() and path.name not in _NOT_OF_ROOT:
            options += ["--ro-bind", str(path), f"/{path.name}"]
    return options


def _root_of_host() -> list[str]:
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
