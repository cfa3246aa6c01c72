"""Files in the cells' directory. Everything below it may be anything: no link is followed, only plain files count."""

import contextlib
import os
import stat

_MOST = 1000
_DEPTH = 8

Snapshot = dict[str, tuple[int, int]]


def snapshot() -> Snapshot:
    """Return size and time of change of each file by its relative path; at most 1,000."""
    found: Snapshot = {}
    pending = [("", 0)]
    while pending and len(found) < _MOST:
        folder, depth = pending.pop()
        with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.name.startswith(".") or entry.name == "__pycache__":
                    continue
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False) and depth < _DEPTH:
                        pending.append((name, depth + 1))
                    elif entry.is_file(follow_symlinks=False) and len(found) < _MOST:
                        status = entry.stat(follow_symlinks=False)
                        found[name] = (status.st_size, status.st_mtime_ns)
    return found


def listing() -> list[list[object]]:
    """Return name and size of each file."""
    return [[name, size] for name, (size, _) in sorted(snapshot().items())]


def changed(before: Snapshot) -> list[list[object]]:
    """Return name and size of each file that is new or different."""
    return [[name, value[0]] for name, value in sorted(snapshot().items()) if before.get(name) != value]


def read(name: str, max_bytes: int) -> bytes:
    """Return the content of a file.

    Raises:
        OSError: it is none, or too large.
    """
    descriptor = os.open(_plain(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{name!r} is no plain file")
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(f"{name!r} has more than {max_bytes} bytes")
    return data


def write(name: str, data: bytes) -> None:
    """Make or replace a file."""
    folder = os.path.dirname(_plain(name))
    if folder:
        os.makedirs(folder, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600), "wb") as file:
        file.write(data)


def _plain(name: str) -> str:
    if not name or any(part in ("", ".", "..") for part in name.split("/")) or "\0" in name:
        raise OSError(f"not a plain relative path: {name!r}")
    return name
