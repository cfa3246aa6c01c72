"""`Idempotency-Key`: a request that is sent again, since nobody knows whether it came, is done once."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import Depends, Header

from solvent.service.http.errors import ApiError

REPLAYED = {"Idempotency-Replayed": "true"}
"""Header of an answer that tells of an earlier request's jobs."""
_LONGEST = 255


def _key(
    idempotency_key: Annotated[
        str | None, Header(description="Any text of your own, for example a UUID; holds for 24 hours.")
    ] = None,
) -> str | None:
    if idempotency_key is None:
        return None
    if not 0 < len(idempotency_key) <= _LONGEST or not (idempotency_key.isascii() and idempotency_key.isprintable()):
        raise ApiError(
            400, "invalid_request", f"Idempotency-Key is not 1 to {_LONGEST} printable ASCII characters", field="header"
        )
    return idempotency_key


IdempotencyKey = Annotated[str | None, Depends(_key)]


def digest(*parts: str | bytes) -> str:
    """Return what tells one request from another: a SHA-256 over its parts and their lengths."""
    found = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", errors="surrogatepass") if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "big"))
        found.update(data)
    return found.hexdigest()
