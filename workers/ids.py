"""Names of jobs and batches: sortable by time, short enough to type, unguessable enough not to collide."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def new_id(prefix: str, now: datetime | None = None) -> str:
    """Return for example `job-20260131-142530-k7x2q` (UTC)."""
    moment = (now or datetime.now(UTC)).strftime("%Y%m%d-%H%M%S")
    return f"{prefix}-{moment}-{''.join(secrets.choice(_ALPHABET) for _ in range(5))}"
