"""The HTTP side that knows nothing of models: bodies, keys, disconnects, counts of answers."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from solvent.models.serving.errors import ApiError, refused
from solvent.models.serving.metrics import Metrics

BODY_WAIT_S = 30.0
"""How long the body of a request may take to come."""
SEND_WAIT_S = 60.0
"""How long a client may leave an answer unread; then it is dropped, and its place is free for others."""

Body = TypeVar("Body", bound=BaseModel)


async def read_body(request: Request, form: type[Body], most_bytes: int) -> Body:
    """Return the request's JSON body.

    Raises:
        ApiError: 400, 408, 413 or 415: it is not what `form` takes, came too slowly, is too large, or is not JSON.
    """
    # A page in a browser can send other types anywhere without asking first.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, "send the body with Content-Type: application/json", code="unsupported_media_type")
    large = ApiError(413, f"the body is larger than {most_bytes} bytes", code="body_too_large")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most_bytes:
        raise large
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            async for piece in request.stream():
                raw += piece
                if len(raw) > most_bytes:
                    raise large
    except TimeoutError:
        raise ApiError(408, f"the body did not come within {BODY_WAIT_S:g} s", code="body_timeout") from None
    except ClientDisconnect:
        raise ApiError(400, "the client went away", code="client_disconnected") from None
    try:
        given = from_json(bytes(raw))
    except ValueError as error:
        raise ApiError(400, f"the body is not JSON: {error}", code="invalid_json") from None
    try:
        return form.model_validate(given)
    except ValidationError as error:
        raise refused(error) from None


class UntilGone:
    """An ASGI answer whose writing ends when the client goes away.

    Args:
        write: sends the answer.
        close: called once the answer ended, in whatever way.
    """

    def __init__(self, write: Callable[[Send], Awaitable[None]], close: Callable[[], None]) -> None:
        self._write = write
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""

        async def send_soon(message: Message) -> None:
            async with asyncio.timeout(SEND_WAIT_S):
                await send(message)

        try:
            work = asyncio.ensure_future(self._write(send_soon))
            gone = asyncio.ensure_future(_disconnected(receive))
            try:
                await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                # The server ends and its time to drain is over: the connection breaks off, which the log says.
                return
            finally:
                work.cancel()
                gone.cancel()
                await asyncio.gather(work, gone, return_exceptions=True)
            failure = None if work.cancelled() else work.exception()
            if failure is not None and not isinstance(failure, TimeoutError):
                raise failure
        finally:
            self._close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Gate:
    """Before the routes: asks for the key, and counts answers by path and status.

    Args:
        app: what is behind it.
        key: None lets everybody in.
        metrics: what is counted.
        paths: those that are counted by their name; others count together.
        open_paths: those that need no key.
    """

    def __init__(
        self, app: ASGIApp, *, key: str | None, metrics: Metrics, paths: frozenset[str], open_paths: frozenset[str]
    ) -> None:
        self._app = app
        self._expected = None if key is None else f"Bearer {key}".encode()
        self._metrics = metrics
        self._paths = paths
        self._open = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in self._paths else "other"

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.answers[path, message["status"]] += 1
            await send(message)

        given = dict(scope["headers"]).get(b"authorization", b"")
        if self._expected is None or path in self._open or hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, counted)
            return
        error = ApiError(401, "the API key is missing or wrong; send Authorization: Bearer KEY", code="invalid_api_key")
        await JSONResponse(error.body, 401, {"WWW-Authenticate": "Bearer"})(scope, receive, counted)


def answer_error(_request: Request, error: Exception) -> Response:
    """Return an error as OpenAI's clients expect it."""
    if isinstance(error, HTTPException):
        error = ApiError(error.status_code, error.detail, headers=error.headers)
    if not isinstance(error, ApiError):
        # What went wrong stands in the log and is nobody else's business.
        error = ApiError(500, "the server failed; its log says why", code="internal_error")
    return JSONResponse(error.body, error.status, error.headers)
