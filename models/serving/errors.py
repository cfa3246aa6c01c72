"""Refusals in OpenAI's form: what is wrong, with which field, and a code that a program can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

_LONGEST = 500


class ApiError(Exception):
    """A request that is answered with an error.

    Args:
        status: HTTP status.
        message: what is wrong, for a person.
        param: field of the request that it is about.
        code: a word for programs.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        kind = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}.get(
            self.status, "server_error" if self.status >= 500 else "invalid_request_error"
        )
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def refused(error: ValidationError) -> ApiError:
    """Return the answer to a body that is not what the interface allows; it names the first field at fault."""
    all_errors = error.errors(include_url=False, include_input=False)
    # Where a field has several forms, the one that got furthest is the one that was meant.
    about = [item for item in all_errors if item["loc"][:1] == all_errors[0]["loc"][:1]]
    first = max(about, key=lambda item: len(item["loc"]))
    # Names of a union's branches are ours and not the sender's.
    path = [str(part) for part in first["loc"] if not (isinstance(part, str) and ("[" in part or part == "str"))]
    field = ".".join(path) or None
    if first["type"] == "extra_forbidden":
        message, code = f"{field}: this server does not support this parameter", "unsupported_parameter"
    else:
        message, code = str(first["msg"]).removeprefix("Value error, "), "invalid_value"
        if field is None:
            # What concerns several fields begins with the name of the one to change.
            field = message.partition(": ")[0] if ": " in message else None
        elif not message.startswith(f"{field}: "):
            message = f"{field}: {message}"
    return ApiError(400, message[:_LONGEST], param=field, code=code)


def too_long(prompt_tokens: int, context: int, param: str) -> ApiError:
    """Return the answer to a prompt that leaves no room for a token."""
    return ApiError(
        400,
        f"This model's maximum context length is {context} tokens. However, your prompt contains {prompt_tokens} input "
        "tokens, which leaves no room for a completion. Please reduce the length of the prompt.",
        param=param,
        code="context_length_exceeded",
    )
