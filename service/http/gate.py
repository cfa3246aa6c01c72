"""Before the routes: counts and times answers, and keeps strangers out where no key is asked for."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from solvent.service.http.door import Door
from solvent.service.http.errors import ApiError

_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})


class Gate:
    """ASGI application before `app`."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        metrics = self._door.metrics

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")
                method = scope["method"] if route != "other" else "other"
                metrics.requests.labels(method, route, message["status"]).inc()
                metrics.seconds.labels(method, route).observe(time.perf_counter() - started)
            await send(message)

        refused = _stranger(dict(scope["headers"])) if self._door.keyless else None
        await (self._app if refused is None else refused.answer())(scope, receive, counted)


def _stranger(headers: Mapping[bytes, bytes]) -> ApiError | None:
    """Return the refusal of a request that did not come from this machine by itself, or None.

    Whoever reaches a server without keys may do everything. A page in a browser can reach it under a name of its own
    that leads here (DNS rebinding), and a proxy on this machine would let the whole world in. Whoever brings a key is
    looked up as ever.
    """
    if b"authorization" in headers:
        return None
    remedy = "use http://127.0.0.1, or start the server with --require-key"
    if not _FORWARDED.isdisjoint(headers):
        return ApiError(403, "forbidden", "a server without keys answers no requests of a proxy", remedy=remedy)
    if not is_loopback(_host(headers.get(b"host", b"").decode("latin-1"))):
        return ApiError(
            403, "forbidden", "a server without keys answers only under a name of this machine", remedy=remedy
        )
    return None


def _host(value: str) -> str:
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Return whether a host name or address can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
