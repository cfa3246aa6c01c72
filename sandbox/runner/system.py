"""Calls of the kernel that Python's `os` module does not have."""

from __future__ import annotations

import ctypes
import fcntl
import os

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP = 1, 4, 22
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8

CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN = 6, 7, 21
_LAST_CAPABILITY = 63

SIGKILL = 9


def _check(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def _prctl(option: int, *arguments: int) -> int:
    words = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    return int(_libc.prctl(ctypes.c_int(option), *words))


def set_dumpable(dumpable: bool) -> None:
    """Let other processes of our uid look into this one (memory, descriptors), or forbid it."""
    _check(_prctl(_PR_SET_DUMPABLE, int(dumpable)), "PR_SET_DUMPABLE")


def no_new_privileges() -> None:
    """Give up for good what set-uid files would give."""
    _check(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "PR_SET_NO_NEW_PRIVS")


def die_with_parent() -> None:
    """Have this process killed when its parent dies."""
    _check(_prctl(_PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG")


def install_filter(program: bytes) -> None:
    """Install a seccomp filter (array of `struct sock_filter`) for this process and all that it starts."""

    class SocketFilterProgram(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(program, len(program))
    filter_program = SocketFilterProgram(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    result = _libc.prctl(
        ctypes.c_int(_PR_SET_SECCOMP), ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(filter_program), 0, 0
    )
    _check(int(result), "PR_SET_SECCOMP")


def held_capabilities() -> int:
    """Return the set of effective capabilities as bits."""
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    return 0


def keep_capabilities(wanted: int) -> None:
    """Drop every capability that is not in `wanted` (bits), also from the bounding set where that is permitted."""
    for capability in range(_LAST_CAPABILITY + 1):
        if not wanted >> capability & 1:
            _prctl(_PR_CAPBSET_DROP, capability)

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    class Data(ctypes.Structure):
        _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))

    low, high = wanted & 0xFFFFFFFF, wanted >> 32
    data = (Data * 2)(Data(low, low, 0), Data(high, high, 0))
    _check(int(_libc.capset(ctypes.byref(Header(_CAPABILITY_VERSION_3, 0)), data)), "capset")


def mount_tmpfs(path: str, options: str, *, executable: bool) -> None:
    """Mount a tmpfs without devices and set-uid files; `options` are those of mount(8), such as nr_inodes."""
    flags = _MS_NOSUID | _MS_NODEV | (0 if executable else _MS_NOEXEC)
    result = _libc.mount(b"tmpfs", path.encode(), b"tmpfs", ctypes.c_ulong(flags), options.encode())
    _check(int(result), f"mount {path}")


def memory_file(name: str, content: bytes | None = None) -> int:
    """Return the descriptor of an anonymous file, closed on exec. With `content` it can never be changed again."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | (os.MFD_ALLOW_SEALING if content is not None else 0))
    if content is not None:
        write_all(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        seal(descriptor)
    return descriptor


def seal(descriptor: int) -> None:
    """Make an anonymous file (made with sealing allowed) unchangeable."""
    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write everything."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def read_all(descriptor: int, size: int, offset: int = 0) -> bytes:
    """Return up to `size` bytes from `offset` on, without moving the file's position."""
    parts = []
    while size > 0:
        part = os.pread(descriptor, min(size, 1 << 20), offset)
        if not part:
            break
        parts.append(part)
        size -= len(part)
        offset += len(part)
    return b"".join(parts)
