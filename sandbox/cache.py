"""Programs that were built before: in memory, and on disk where a folder is given.

A key is the SHA-256 of all that makes a build what it is, so an entry is never out of date. An entry on disk begins
with the hash of its content; one that does not agree with it is as good as absent.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import secrets
from collections import OrderedDict
from pathlib import Path

from solvent.errors import ConfigError
from solvent.sandbox.base import Build, BuiltFile

DEFAULT_BYTES = 1 << 30
_MEMORY_BYTES = 48 << 20
_ENTRY_OVERHEAD = 1 << 10
_MAGIC = b"solvent build 1\n"
_HASH_BYTES = 32
_TEMPORARY = ".writing-"
_EVICT_TO = 0.9
"""Part of the limit to which a full folder is reduced, so that not every write has to look through it."""

_log = logging.getLogger(__name__)


class BuildCache:
    """Builds by key.

    Args:
        folder: where those that are ok are kept; made if absent. None: in memory only.
        max_bytes: most that the folder may hold; the entries that were not used for longest go first.

    Raises:
        ConfigError: others than its owner may write to the folder.
    """

    def __init__(self, folder: Path | None, max_bytes: int = DEFAULT_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._memory: OrderedDict[str, tuple[Build, int]] = OrderedDict()
        self._memory_bytes = 0
        self._disk_bytes: int | None = None
        if folder is not None:
            own_folder(folder)

    async def get(self, key: str) -> Build | None:
        """Return the build, or None."""
        found = self.recall(key)
        if found is not None or self._folder is None:
            return found
        build = await asyncio.to_thread(self._read, key)
        if build is not None:
            self._remember(key, build)
        return build

    def recall(self, key: str) -> Build | None:
        """Return the build if it is in memory."""
        found = self._memory.get(key)
        if found is None:
            return None
        self._memory.move_to_end(key)
        return found[0]

    async def put(self, key: str, build: Build) -> None:
        """Keep a build; one that failed only in memory."""
        self._remember(key, build)
        if build.ok and self._folder is not None:
            await asyncio.to_thread(self._write, key, build)

    def _remember(self, key: str, build: Build) -> None:
        size = sum(len(file.data) for file in build.files) + len(build.log) + _ENTRY_OVERHEAD
        old = self._memory.pop(key, None)
        self._memory_bytes += size - (old[1] if old else 0)
        self._memory[key] = (build, size)
        while self._memory_bytes > _MEMORY_BYTES and len(self._memory) > 1:
            _, (_, dropped) = self._memory.popitem(last=False)
            self._memory_bytes -= dropped

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / key[:2] / key

    def _read(self, key: str) -> Build | None:
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        build = _decode(data)
        if build is None:
            _log.warning("the build cache entry %s is damaged and is not used", path)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return build

    def _write(self, key: str, build: Build) -> None:
        data = _encode(build)
        path = self._path(key)
        temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(path)
        except OSError as error:
            # A build that is not kept costs a compilation later, nothing else.
            _log.warning("cannot write to the build cache %s: %s", path, error)
            with contextlib.suppress(OSError):
                temporary.unlink()
            return
        if self._disk_bytes is None:
            self._disk_bytes = sum(size for _, size, _ in self._entries())
        else:
            self._disk_bytes += len(data)
        if self._disk_bytes > self._max_bytes:
            self._evict()

    def _entries(self) -> list[tuple[float, int, Path]]:
        """Return time of last use, size and path of all entries."""
        assert self._folder is not None
        found = []
        for path in self._folder.glob("??/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return found

    def _evict(self) -> None:
        # Other processes write to the folder too, so it is looked through again.
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= self._max_bytes * _EVICT_TO:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size
        self._disk_bytes = total


def _encode(build: Build) -> bytes:
    files = [{"name": file.name, "mode": file.mode, "size": len(file.data)} for file in build.files]
    header = json.dumps({"language": build.language, "log": build.log, "files": files}).encode()
    content = b"".join((len(header).to_bytes(4, "little"), header, *(file.data for file in build.files)))
    return _MAGIC + hashlib.sha256(content).digest() + content


def _decode(data: bytes) -> Build | None:
    start = len(_MAGIC) + _HASH_BYTES
    content = data[start:]
    if data[:start] != _MAGIC + hashlib.sha256(content).digest():
        return None
    size = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + size])
    at, files = 4 + size, []
    for entry in header["files"]:
        files.append(built_file(entry["name"], entry["mode"], content[at : at + entry["size"]]))
        at += entry["size"]
    return Build(language=header["language"], ok=True, files=tuple(files), log=header["log"])


def built_file(name: str, mode: int, data: bytes) -> BuiltFile:
    """Return a file of a build."""
    return BuiltFile(name=name, mode=mode, sha256=hashlib.sha256(data).hexdigest(), data=data)


def own_folder(folder: Path) -> None:
    """Make a folder out of which programs come, so that nobody else may put any in.

    Raises:
        ConfigError: it cannot be made, or others may write to it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise ConfigError(
            f"cannot use the build cache {folder}: {error}", remedy="set SOLVENT_SANDBOX_CACHE to a folder of yours"
        ) from error
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise ConfigError(
            f"others may write to the build cache {folder}", remedy=f"chown it to this user and chmod 700 {folder}"
        )
