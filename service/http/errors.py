"""Errors as RFC 9457 problem details, each with a `code` that programs may rely on."""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, JsonValue
from starlette.exceptions import HTTPException

from solvent.errors import (
    ConfigError,
    Conflict,
    DataError,
    DependencyError,
    NotFound,
    QuotaExceeded,
    SolventError,
    StoreError,
)
from solvent.service.http.door import door_of

MEDIA_TYPE = "application/problem+json"
_RETRY_S = 5
_SHOWN = 1000
_log = logging.getLogger(__name__)


class ProblemDetails(BaseModel):
    """What every answer but a good one carries (RFC 9457)."""

    type: str = Field(examples=["urn:solvent:error:not_found"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["not_found"])
    """Stable, unlike the texts."""
    remedy: str | None = None
    field: str | None = None
    """What in the request is wrong."""
    instance: str | None = None
    """Names this one failure in the server's log."""


class ApiError(Exception):
    """An answer that is no success.

    Args:
        status: of HTTP.
        code: stable name for programs.
        detail: for a person.
        remedy: what to do about it.
        field: what in the request is wrong.
        headers: further headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        remedy: str | None = None,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.remedy = remedy
        self.field = field
        self.headers = dict(headers or {})

    def answer(self, instance: str | None = None) -> JSONResponse:
        """Return the response."""
        body: dict[str, JsonValue] = {
            "type": f"urn:solvent:error:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail[:_SHOWN],
            "code": self.code,
        }
        more = {"remedy": self.remedy, "field": self.field, "instance": instance}
        body |= {name: value for name, value in more.items() if value is not None}
        return JSONResponse(body, self.status, self.headers, MEDIA_TYPE)


def as_api_error(error: SolventError) -> ApiError:
    """Return the answer to an error of ours. What lies behind the door (addresses, paths) is left to the log."""
    message, remedy = error.message, error.remedy
    match error:
        case NotFound():
            return ApiError(404, "not_found", message, remedy=remedy)
        case Conflict():
            return ApiError(409, "conflict", message, remedy=remedy)
        case ConfigError():
            return ApiError(400, "config", message, remedy=remedy)
        case DataError():
            return ApiError(422, "data", message, remedy=remedy, field=error.field)
        case QuotaExceeded():
            wait_s = max(1, math.ceil(error.retry_after_s or _RETRY_S))
            return ApiError(429, "quota_exceeded", message, remedy=remedy, headers={"Retry-After": str(wait_s)})
        case StoreError():
            return _unavailable("store", "the database does not answer; nothing was changed that was not confirmed")
        case DependencyError():
            return _unavailable("dependency", "something that this service needs does not answer")
        case _:
            return ApiError(500, "internal", "a defect of this service; the server's log says more")


def _unavailable(code: str, detail: str) -> ApiError:
    return ApiError(503, code, detail, remedy="try again soon", headers={"Retry-After": str(_RETRY_S)})


def install(app: FastAPI) -> None:
    """Make the application answer all errors in this form."""

    def solvent_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, SolventError)
        answer = as_api_error(error)
        if isinstance(error, QuotaExceeded):
            door_of(request).metrics.quotas.labels(error.quota).inc()
        if answer.status < 500:
            return answer.answer()
        instance = _instance()
        _log.error("%s %s: %s: %s", request.method, instance, type(error).__name__, error, exc_info=error.__cause__)
        return answer.answer(instance)

    def api_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return error.answer()

    def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        codes = {404: "no_such_path", 405: "method_not_allowed"}
        detail = {404: "there is no such path", 405: "this path does not take this method"}.get(
            error.status_code, str(error.detail)
        )
        code = codes.get(error.status_code, "bad_request")
        return ApiError(error.status_code, code, detail, headers=error.headers).answer()

    def wrong_value(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or None
        return ApiError(422, "invalid_request", f"{field or 'request'}: {first['msg']}", field=field).answer()

    def defect(request: Request, error: Exception) -> JSONResponse:
        instance = _instance()
        # The traceback itself is logged by the server, which gets the exception as well.
        _log.error("%s %s: %s", request.method, instance, type(error).__name__)
        detail = "a defect of this service; its log has it under `instance`"
        return ApiError(500, "internal", detail).answer(instance)

    app.add_exception_handler(SolventError, solvent_error)
    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, wrong_value)
    app.add_exception_handler(Exception, defect)


def _instance() -> str:
    return f"urn:uuid:{uuid.uuid4()}"
