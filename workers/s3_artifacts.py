"""Artifacts in a bucket of S3 or of what speaks as S3 does (MinIO, Ceph, Cloudflare R2, ...)."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from solvent.artifacts import FRESH_S, TEXT, MissingArtifactError, checked, encoded, id_of, require_id
from solvent.errors import ConfigError, DependencyError, StoreError

if TYPE_CHECKING:
    from obstore.store import S3Store

KEPT_BYTES = 32 << 20
"""Texts that a process keeps: what a job wrote a moment ago is read again at its next step."""
REMEMBERED = 20_000
"""What was stored within `FRESH_S` is not sent again."""
ANSWER_WAIT = timedelta(seconds=20)
PATIENCE = timedelta(seconds=30)
"""How long a request is made again that was refused or not answered."""


class S3Artifacts:
    """An `ArtifactBackend` in a bucket.

    A text that is stored again after a while is written again: that makes its date new, which `discard` goes by.
    Between its look at the date and its deletion lie some milliseconds, in which another might store the very same
    text; S3 has no operation that excludes that.

    Args:
        url: `s3://BUCKET` or `s3://BUCKET/PREFIX`. Keys, region and address of the server come from the environment, as
            for all clients of S3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL.

    Raises:
        ConfigError: the URL or something in the environment is wrong.
        DependencyError: the package `obstore` is not installed.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ConfigError("artifacts_url is no place for artifacts", remedy="use s3://BUCKET/PREFIX")
        prefix = parts.path.strip("/")
        self._name = f"s3://{parts.netloc}/{prefix}".rstrip("/")
        self._store = _store(parts.netloc, prefix)
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._stored: dict[str, float] = {}
        self._kept_bytes = 0
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """See `ArtifactBackend.name`."""
        return self._name

    def put(self, text: str, media_type: str = TEXT) -> str:
        """See `ArtifactStore.put`."""
        import obstore

        data = encoded(text)
        artifact_id = id_of(data)
        with self._lock:
            if self._stored.get(artifact_id, -FRESH_S) > time.monotonic() - FRESH_S:
                return artifact_id
        with self._boundary(f"write artifact {artifact_id[:12]}"):
            obstore.put(self._store, _key(artifact_id), data, attributes={"Content-Type": media_type})
        self._keep(artifact_id, text)
        with self._lock:
            self._stored.pop(artifact_id, None)
            self._stored[artifact_id] = time.monotonic()
            if len(self._stored) > REMEMBERED:
                self._stored.pop(next(iter(self._stored)))
        return artifact_id

    def get(self, artifact_id: str) -> str:
        """See `ArtifactStore.get`."""
        import obstore

        require_id(artifact_id)
        with self._lock:
            known = self._texts.get(artifact_id)
        if known is not None:
            return known
        with self._boundary(f"read artifact {artifact_id[:12]}"):
            data = bytes(obstore.get(self._store, _key(artifact_id)).bytes())
        text = checked(artifact_id, data, f"at {self._name}")
        self._keep(artifact_id, text)
        return text

    def __contains__(self, artifact_id: str) -> bool:
        """See `ArtifactStore.__contains__`."""
        return self._stored_at(require_id(artifact_id)) is not None

    def ids(self, *, older_than_s: float) -> Iterator[tuple[str, int]]:
        """See `ArtifactBackend.ids`."""
        import obstore

        before = datetime.now(UTC) - timedelta(seconds=older_than_s)
        with self._boundary("list the artifacts"):
            for page in obstore.list(self._store):
                for found in page:
                    artifact_id = found["path"].replace("/", "")
                    if found["last_modified"] <= before and _is_key(found["path"]):
                        yield artifact_id, found["size"]

    def discard(self, artifact_id: str, *, older_than_s: float) -> bool:
        """See `ArtifactBackend.discard`."""
        import obstore

        stored_at = self._stored_at(require_id(artifact_id))
        if stored_at is None or stored_at > datetime.now(UTC) - timedelta(seconds=older_than_s):
            return False
        with self._boundary(f"delete artifact {artifact_id[:12]}"):
            obstore.delete(self._store, _key(artifact_id))
        with self._lock:
            self._forget(artifact_id)
            self._stored.pop(artifact_id, None)
        return True

    def _stored_at(self, artifact_id: str) -> datetime | None:
        import obstore

        try:
            with self._boundary(f"look for artifact {artifact_id[:12]}"):
                return obstore.head(self._store, _key(artifact_id))["last_modified"]
        except MissingArtifactError:
            return None

    def _keep(self, artifact_id: str, text: str) -> None:
        # Characters, which is near enough to bytes for a bound.
        if len(text) > KEPT_BYTES // 8:
            return
        with self._lock:
            self._forget(artifact_id)
            self._texts[artifact_id] = text
            self._kept_bytes += len(text)
            while self._kept_bytes > KEPT_BYTES:
                self._forget(next(iter(self._texts)))

    def _forget(self, artifact_id: str) -> None:
        text = self._texts.pop(artifact_id, None)
        self._kept_bytes -= 0 if text is None else len(text)

    def _boundary(self, what: str) -> _Boundary:
        return _Boundary(f"cannot {what} at {self._name}")


class _Boundary:
    """Makes our errors of the library's, which may name keys of the request and so are shortened."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        from obstore.exceptions import BaseError, NotFoundError

        if isinstance(error, (NotFoundError, FileNotFoundError)):
            raise MissingArtifactError(f"{self._what}: it is not there (or the bucket is not)") from error
        if isinstance(error, (BaseError, OSError)):
            lines = str(error).strip().splitlines() or [""]
            raise StoreError(f"{self._what}: {type(error).__name__}: {lines[0][:300]}") from error


def _store(bucket: str, prefix: str) -> S3Store:
    try:
        from obstore.exceptions import BaseError
        from obstore.store import S3Store
    except ImportError:
        raise DependencyError("artifacts in S3 need obstore", remedy="pip install 'solvent[s3]'") from None
    try:
        return S3Store(
            bucket,
            prefix=prefix or None,
            client_options={"timeout": ANSWER_WAIT, "connect_timeout": timedelta(seconds=5), "allow_http": True},
            retry_config={"max_retries": 4, "retry_timeout": PATIENCE},
        )
    except (BaseError, ValueError) as error:
        raise ConfigError(f"artifacts_url: {error}", remedy="check the variables AWS_... of the environment") from error


def _key(artifact_id: str) -> str:
    """Return the key of an artifact: laid out as in a folder, so that one can be copied to the other."""
    return f"{artifact_id[:2]}/{artifact_id[2:]}"


def _is_key(path: str) -> bool:
    name = path.replace("/", "")
    return len(name) == 64 and path == _key(name) and set(name) <= set("0123456789abcdef")
