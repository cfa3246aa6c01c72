"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from solvent.errors import QuotaExceeded
from solvent.service.http.door import Door, door_of
from solvent.service.http.errors import ApiError
from solvent.service.keys import PREFIX, digest_of
from solvent.usage import Budget

_LONGEST_SECRET = 200
_scheme = HTTPBearer(auto_error=False, description="An API key (`solvent keys add`): `Authorization: Bearer sk-...`.")


@dataclass(frozen=True)
class Caller:
    """Who asks, and whose jobs they see."""

    key_id: str | None
    """None: this machine, without a key."""
    project: str | None
    """None: all projects."""
    day_budget: Budget = field(default_factory=Budget)
    """Of the key."""

    async def refusal(self, door: Door) -> QuotaExceeded | None:
        """Return why this caller may submit nothing now, or None."""
        if self.key_id is None or door.day_budgets is None:
            return None
        return await door.day_budgets.refusal(self.key_id, self.day_budget)


async def _caller(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]) -> Caller:
    door = door_of(request)
    if given is None:
        if "authorization" not in request.headers and door.keyless:
            return Caller(None, None)
        raise _unauthorized("this server asks for an API key", "send Authorization: Bearer sk-...")
    return await _caller_of(door, given.credentials)


async def _caller_of(door: Door, secret: str) -> Caller:
    key = None
    if secret.startswith(PREFIX) and len(secret) <= _LONGEST_SECRET:
        key = await door.store.key_of(digest_of(secret))
    if key is None:
        raise _unauthorized("there is no such API key, or it was revoked", "ask for a new one: `solvent keys add`")
    return Caller(key.id, key.project, key.day_budget)


def _unauthorized(detail: str, remedy: str) -> ApiError:
    return ApiError(401, "unauthorized", detail, remedy=remedy, headers={"WWW-Authenticate": "Bearer"})


CallerOf = Annotated[Caller, Depends(_caller)]
"""Parameter of a route that needs to know who asks; without a valid key it is not reached."""
DoorOf = Annotated[Door, Depends(door_of)]
