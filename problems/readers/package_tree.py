"""The files of a problem package in a folder or a zip archive, without a way out of it."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Protocol

from solvent.errors import DataError

LARGEST_FILE_BYTES = 256 * 1024**2
LARGEST_PACKAGE_BYTES = 2 * 1024**3
MOST_FILES = 50_000
_VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})


class Tree(Protocol):
    """The files below one folder, by their paths with `/`."""

    def names(self) -> list[str]:
        """Return the paths of all files, sorted."""

    def read(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            DataError: it is too large, damaged, or leads out of the package.
        """


class FolderTree:
    """A package in a folder. Links are followed only to files inside the package."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self) -> list[str]:
        """Return the paths of all files, sorted. Folders that are links, or of version control, are not entered."""
        found: list[str] = []
        for folder, folders, files in os.walk(self._root, followlinks=False):
            folders[:] = [name for name in folders if name not in _VERSION_CONTROL]
            found.extend((Path(folder) / name).relative_to(self._root).as_posix() for name in files)
            if len(found) > MOST_FILES:
                raise DataError(f"the package has more than {MOST_FILES} files")
        return sorted(found)

    def read(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            DataError: it is too large, no regular file, or a link that leads out of the package.
        """
        try:
            path = (self._root / name).resolve(strict=True)
            if self._root not in path.parents:
                raise DataError("is a link that leads out of the package", field=name, remedy="copy the file in")
            # Opened without waiting: a named pipe would block for ever.
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise DataError("is no regular file", field=name)
                if status.st_size > LARGEST_FILE_BYTES:
                    raise DataError(f"is larger than {LARGEST_FILE_BYTES // 1024**2} MiB", field=name)
                return file.read(LARGEST_FILE_BYTES)
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            raise DataError(f"cannot be read: {error}", field=name) from error


class ZipTree:
    """A package in a zip archive, read in memory and never unpacked to disk.

    Raises:
        DataError: the archive is damaged, too large, encrypted, or has a member whose path leads out of it.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(BytesIO(data))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise DataError(f"is a damaged zip archive: {error}") from error
        self._root = ""
        self._members: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for member in self._archive.infolist():
            if member.is_dir():
                continue
            _refuse(member)
            total += member.file_size
            self._members[member.filename] = member
        if len(self._members) > MOST_FILES or total > LARGEST_PACKAGE_BYTES:
            raise DataError("is a zip archive that unpacks to too much", remedy="unpack it and give the folder")

    def names(self) -> list[str]:
        """Return the paths of all files below the root, sorted."""
        return sorted(name.removeprefix(self._root) for name in self._members if name.startswith(self._root))

    def read(self, name: str) -> bytes:
        """Return a member's content.

        Raises:
            DataError: it is too large or damaged.
        """
        member = self._members[self._root + name]
        if member.file_size > LARGEST_FILE_BYTES:
            raise DataError(f"is larger than {LARGEST_FILE_BYTES // 1024**2} MiB", field=name)
        try:
            with self._archive.open(member) as file:
                # The header's size can lie; the bytes that come out cannot.
                data = file.read(LARGEST_FILE_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
            raise DataError(f"cannot be unpacked: {error}", field=name) from error
        if len(data) > LARGEST_FILE_BYTES:
            raise DataError(f"is larger than {LARGEST_FILE_BYTES // 1024**2} MiB", field=name)
        return data

    def below(self, root: str) -> ZipTree:
        """Return the files below the folder `root` (with a `/` at its end, or empty)."""
        tree = object.__new__(ZipTree)
        tree._archive, tree._members, tree._root = self._archive, self._members, self._root + root
        return tree


def _refuse(member: zipfile.ZipInfo) -> None:
    name = member.filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in path.parts[0]:
        raise DataError(f"the member {name[:80]!r} leads out of the archive", remedy="do not trust this archive")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DataError(f"the member {name[:80]!r} is a link", remedy="unpack the archive and give the folder")
    if member.flag_bits & 1:
        raise DataError(f"the member {name[:80]!r} is encrypted", remedy="unpack the archive and give the folder")
