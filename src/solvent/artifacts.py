"""Content-addressed store of texts: graph state and tables hold ids, the texts lie here."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from solvent.errors import StoreError

ID_LENGTH = 64
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
FRESH_S = 3600.0
"""A text that is stored again counts as stored now, unless it was within this time."""
_PARTIAL = ".new-"
_ASIDE = ".aside"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class MissingArtifactError(StoreError):
    """The store has no artifact of this id."""


class ArtifactStore(Protocol):
    """Texts by the SHA-256 of their UTF-8 bytes, written once and never changed.

    Safe for any number of threads and processes. Calls block; what was stored here a moment ago is read fast.
    """

    def put(self, text: str, media_type: str = TEXT) -> str:
        """Store `text` durably and return its id (64 hexadecimal digits). Storing it again changes nothing.

        Lone surrogates, which model output can hold after a cut, are kept ("surrogatepass").

        Raises:
            StoreError: the store refused, or does not answer; nothing is left half-written.
        """
        ...

    def get(self, artifact_id: str) -> str:
        """Return the text of `artifact_id`.

        Raises:
            MissingArtifactError: it is not there.
            StoreError: its content no longer matches its id, it is no id, or the store does not answer.
        """
        ...

    def __contains__(self, artifact_id: str) -> bool:
        """Whether it is there. Raises `StoreError`."""
        ...


class ArtifactBackend(ArtifactStore, Protocol):
    """A store as whoever runs the service sees it."""

    @property
    def name(self) -> str:
        """Where it is, for a person."""
        ...

    def ids(self, *, older_than_s: float) -> Iterator[tuple[str, int]]:
        """Give id and size in bytes of each artifact that was not stored, nor stored again, for so long.

        Raises:
            StoreError: the store does not answer.
        """
        ...

    def discard(self, artifact_id: str, *, older_than_s: float) -> bool:
        """Delete an artifact, unless it was stored, or stored again, within this time; returns whether it was.

        Raises:
            StoreError: the store does not answer.
        """
        ...


def id_of(data: bytes) -> str:
    """Return the id of a text's bytes. Pure."""
    return hashlib.sha256(data).hexdigest()


def encoded(text: str) -> bytes:
    """Return a text's bytes as they are stored. Pure."""
    return text.encode("utf-8", errors="surrogatepass")


def require_id(artifact_id: str) -> str:
    """Return it; raise `StoreError` where it is no id, so that it opens nothing."""
    if len(artifact_id) != ID_LENGTH or not set(artifact_id) <= set("0123456789abcdef"):
        raise StoreError(f"{artifact_id!r} is not an artifact id", remedy="an id is 64 hexadecimal digits")
    return artifact_id


def checked(artifact_id: str, data: bytes, where: str) -> str:
    """Return the text of an artifact's bytes.

    Raises:
        StoreError: they do not match the id.
    """
    if id_of(data) != artifact_id:
        raise StoreError(f"artifact {artifact_id[:12]} {where} is damaged", remedy="restore it from a backup")
    return data.decode("utf-8", errors="surrogatepass")


class FileArtifacts:
    """An `ArtifactBackend` in a folder, one file each.

    A file appears whole (written aside, flushed to disk, renamed) or not at all.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def name(self) -> str:
        """See `ArtifactBackend.name`."""
        return str(self._root)

    def put(self, text: str, media_type: str = TEXT) -> str:
        """See `ArtifactStore.put`."""
        data = encoded(text)
        artifact_id = id_of(data)
        path = self._path(artifact_id)
        if not self._is_there(path, len(data)):
            try:
                self._write(path, data)
            except OSError as error:
                full = "free space there; what was stored is whole" if error.errno in _FULL else None
                raise self._error("write", artifact_id, error, remedy=full) from error
        return artifact_id

    def get(self, artifact_id: str) -> str:
        """See `ArtifactStore.get`."""
        path = self._path(artifact_id)
        # One that is being looked at by `discard` is aside for a moment.
        for place in (path, _aside(path), path):
            try:
                return checked(artifact_id, place.read_bytes(), f"under {self._root}")
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self._error("read", artifact_id, error) from error
        raise MissingArtifactError(f"cannot read artifact {artifact_id[:12]} under {self._root}: it is not there")

    def __contains__(self, artifact_id: str) -> bool:
        """See `ArtifactStore.__contains__`."""
        return self._path(artifact_id).exists()

    def ids(self, *, older_than_s: float) -> Iterator[tuple[str, int]]:
        """See `ArtifactBackend.ids`. Also deletes what writers that died left half-written, where it is as old."""
        before = time.time() - older_than_s
        try:
            for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
                for path in sorted(folder.iterdir()):
                    artifact_id = folder.name + path.name
                    found = path.stat()
                    if found.st_mtime > before:
                        continue
                    if path.name.startswith(_PARTIAL):
                        path.unlink(missing_ok=True)
                    elif path.name.endswith(_ASIDE):
                        # Whoever set it aside died before it was decided.
                        self._restore(path, path.with_name(path.name.removesuffix(_ASIDE)))
                    elif len(artifact_id) == ID_LENGTH:
                        yield artifact_id, found.st_size
        except OSError as error:
            raise StoreError(f"cannot list the artifacts under {self._root}: {_said(error)}") from error

    def discard(self, artifact_id: str, *, older_than_s: float) -> bool:
        """See `ArtifactBackend.discard`.

        The file is set aside first and looked at then: whoever stores the same text at this moment either made it
        young before, and it is put back, or finds it gone and writes it anew.
        """
        path = self._path(artifact_id)
        aside = _aside(path)
        try:
            path.rename(aside)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._error("delete", artifact_id, error) from error
        try:
            if aside.stat().st_mtime > time.time() - older_than_s:
                self._restore(aside, path)
                return False
            aside.unlink()
        except OSError as error:
            raise self._error("delete", artifact_id, error) from error
        return True

    def _is_there(self, path: Path, size: int) -> bool:
        """Whether a whole file is there; makes it young, so that no sweep takes it for forgotten."""
        try:
            found = path.stat()
            if found.st_size != size:
                return False
            if found.st_mtime < time.time() - FRESH_S:
                os.utime(path)
        except OSError:
            # Not there, gone this moment, or another user's: then it is written again.
            return False
        return True

    def _write(self, path: Path, data: bytes) -> None:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            _flush(path.parent.parent)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_PARTIAL)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).rename(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _flush(path.parent)

    @staticmethod
    def _restore(aside: Path, path: Path) -> None:
        if path.exists():
            aside.unlink(missing_ok=True)
        else:
            aside.rename(path)

    def _error(self, what: str, artifact_id: str, error: OSError, *, remedy: str | None = None) -> StoreError:
        return StoreError(
            f"cannot {what} artifact {artifact_id[:12]} under {self._root}: {_said(error)}", remedy=remedy
        )

    def _path(self, artifact_id: str) -> Path:
        require_id(artifact_id)
        return self._root / artifact_id[:2] / artifact_id[2:]


def _aside(path: Path) -> Path:
    return path.with_name(path.name + _ASIDE)


def _said(error: OSError) -> str:
    return f"{type(error).__name__}: {error}"


def _flush(folder: Path) -> None:
    """Write a folder's entries to disk, so that a file's name survives a power cut as its content does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
