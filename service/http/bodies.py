"""Bodies of requests: their size and type, their JSON, and what is wrong in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from solvent.service.http.errors import ApiError

PIECE_WAIT_S = 30.0
"""How long the next piece of a body may take to come."""
_LARGE_BYTES = 64 << 10
"""From here on a body is read off the event loop."""
JSON = "application/json"

Form = TypeVar("Form", bound=BaseModel)
Value = TypeVar("Value")


def media_type(request: Request) -> str:
    """Return the type of a request's body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, most_bytes: int, *, types: frozenset[str] = frozenset({JSON})) -> bytes:
    """Return the request's body.

    Raises:
        ApiError: 400, 408, 413 or 415: it has another type, is too large, came too slowly or broke off.
    """
    # A page in a browser can send the types of HTML forms anywhere without asking first.
    if media_type(request) not in types:
        raise ApiError(
            415,
            "unsupported_media_type",
            f"the body's Content-Type is not one of {', '.join(sorted(types))}",
            remedy=f"send it with Content-Type: {JSON}" if JSON in types else None,
        )
    large = ApiError(413, "body_too_large", f"the body is larger than {most_bytes} bytes", remedy="send less at once")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most_bytes:
        raise large
    raw = bytearray()
    pieces = request.stream()
    try:
        while True:
            async with asyncio.timeout(PIECE_WAIT_S):
                raw += await anext(pieces)
            if len(raw) > most_bytes:
                raise large
    except StopAsyncIteration:
        return bytes(raw)
    except TimeoutError:
        raise ApiError(408, "body_timeout", f"nothing more of the body came for {PIECE_WAIT_S:g} s") from None
    except ClientDisconnect:
        raise ApiError(400, "client_disconnected", "the client went away") from None


def load(raw: bytes) -> JsonValue:
    """Return the value of a JSON body.

    Raises:
        ApiError: 400, it is no JSON.
    """
    try:
        value: JsonValue = from_json(raw)
    except ValueError as error:
        raise ApiError(400, "invalid_json", f"the body is not JSON: {error}") from None
    return value


def as_form(value: JsonValue, form: type[Form]) -> Form:
    """Return a JSON value as what it is to be.

    Raises:
        ApiError: 400 or 422, a field is wrong.
    """
    try:
        return form.model_validate(value)
    except ValidationError as error:
        raise wrong(error) from None
    except RecursionError:
        raise ApiError(400, "invalid_json", "values are nested too deep") from None


def wrong(error: ValidationError) -> ApiError:
    """Return the answer to a body that is not what the interface takes; it names the first field at fault."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    first = details[0]
    field = ".".join(str(part) for part in first["loc"]) or None
    message = {"extra_forbidden": "there is no such field", "missing": "is missing"}.get(
        first["type"], str(first["msg"]).removeprefix("Value error, ")
    )
    more = f"; and {len(details) - 1} more" if len(details) > 1 else ""
    return ApiError(422, "invalid_request", f"{field or 'body'}: {message}{more}", field=field)


async def off_loop(size: int, work: Callable[[], Value]) -> Value:
    """Return what the work returns; in a thread where it is about much."""
    return await asyncio.to_thread(work) if size > _LARGE_BYTES else work()
