"""Content-addressed store of texts on disk: graph state and tables hold ids, the texts lie here."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from solvent.errors import StoreError, boundary

ID_LENGTH = 64


class ArtifactStore:
    """Texts by the SHA-256 of their UTF-8 bytes, one file each, written once and never changed.

    Safe for any number of processes on one directory: a file appears whole (written aside, flushed to disk, renamed) or not at all.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, text: str) -> str:
        """Store `text` durably and return its id (64 hexadecimal digits). Storing it again changes nothing.

        Lone surrogates, which model output can hold after a cut, are kept ("surrogatepass").

        Raises:
            StoreError: the disk refused.
        """
        data = text.encode("utf-8", errors="surrogatepass")
        artifact_id = hashlib.sha256(data).hexdigest()
        path = self._path(artifact_id)
        if path.exists():
            return artifact_id
        with boundary(StoreError, f"write artifact {artifact_id[:12]} under {self._root}", OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).rename(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        return artifact_id

    def get(self, artifact_id: str) -> str:
        """Return the text of `artifact_id`.

        Raises:
            StoreError: it is not there, or its content no longer matches its id.
        """
        with boundary(StoreError, f"read artifact {artifact_id[:12]} under {self._root}", OSError):
            data = self._path(artifact_id).read_bytes()
        if hashlib.sha256(data).hexdigest() != artifact_id:
            raise StoreError(f"artifact {artifact_id[:12]} under {self._root} is damaged", remedy="restore it from a backup")
        return data.decode("utf-8", errors="surrogatepass")

    def __contains__(self, artifact_id: str) -> bool:
        return self._path(artifact_id).exists()

    def _path(self, artifact_id: str) -> Path:
        if len(artifact_id) != ID_LENGTH or not set(artifact_id) <= set("0123456789abcdef"):
            raise StoreError(f"{artifact_id!r} is not an artifact id", remedy="an id is 64 hexadecimal digits")
        return self._root / artifact_id[:2] / artifact_id[2:]
