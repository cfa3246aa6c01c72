"""What the OpenAI client raises, as errors of ours: named by what may be done about them, and free of the API key."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solvent.errors import (
    PromptTooLong,
    ProviderError,
    ProviderOverloaded,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from solvent.models.retry import retry_after_s

if TYPE_CHECKING:
    import openai

LONGEST_QUOTE = 500
"""Most characters of an endpoint's own words in a message."""

# Where the figures stand in the words of an overflow; `overflow_room` says whose words they are.
_CONTEXT = re.compile(r"(?:maximum (?:context|model) length (?:is|of)|context length is only) (\d+)", re.IGNORECASE)
_PROMPT = re.compile(r"(?:has|contains|passed) (?:at least )?(\d+) input tokens|\((\d+) in the messages", re.IGNORECASE)
_MOST = re.compile(r"tokens=\d+ cannot be greater than max_model_len=(\d+)")
_NONE_LEFT = re.compile(r"max_(?:completion_)?tokens must be at least 1, got (-?\d+)")


@dataclass(frozen=True)
class Overflow:
    """`room`: most tokens of a completion that are worth asking for; at most 0 if none fits, None if unknown."""

    room: int | None


def overflow_room(words: str, code: object = None) -> Overflow | None:
    """Return what an endpoint's refusal says about the context, or None if it is about something else.

    Understands vLLM 0.32 (read from its renderers/params.py, and tried), its versions since 2023 and OpenAI:

    * "max_tokens=6000 cannot be greater than max_model_len=600. ..."
    * "This model's maximum context length is 600 tokens. However, your prompt contains at least 601 input tokens, ..."
    * "max_tokens must be at least 1, got 0. ...": what vLLM makes of a prompt that fills the context exactly
    * "... You passed 601 input tokens and requested 5 output tokens. However, the model's context length is only ..."
    * "... This model's maximum context length is 4096 tokens and your request has 2778 input tokens ..."
    * "... maximum context length is 4096 tokens. However, you requested 5000 tokens (1000 in the messages, ...). ..."

    Args:
        words: the message.
        code: the error's code; OpenAI's is "context_length_exceeded".
    """
    if none_left := _NONE_LEFT.search(words):
        return Overflow(int(none_left[1]))
    if most := _MOST.search(words):
        return Overflow(int(most[1]))
    context, prompt = _CONTEXT.search(words), _PROMPT.search(words)
    if context is not None:
        return Overflow(int(context[1]) - int(prompt[1] or prompt[2]) if prompt else None)
    return Overflow(None) if code == "context_length_exceeded" else None


class ContextOverflow(PromptTooLong):
    """A prompt and its max_tokens do not fit together; `room` is what is left for the completion, where it is known."""

    def __init__(self, message: str, *, room: int | None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.room = room


@dataclass(frozen=True)
class Endpoint:
    """Whom a request went to, for messages.

    Args:
        name: name of the profile.
        url: base URL; it holds no secret.
        model: model id, where it is known.
        api_key_env: variable with the key.
        secret: the key itself, which is taken out of everything that is quoted.
    """

    name: str
    url: str
    model: str | None
    api_key_env: str | None
    secret: str | None

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r}, {self.url!r})"

    def __str__(self) -> str:
        return f"{self.name} at {self.url}"

    def quote(self, text: str) -> str:
        """Return `text` without the key, on one line, cut to `LONGEST_QUOTE` characters."""
        if self.secret:
            text = text.replace(self.secret, "[api key]")
        text = " ".join(text.split())
        return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "..."


def translate(error: openai.OpenAIError | json.JSONDecodeError, endpoint: Endpoint, *, started: bool) -> ProviderError:
    """Return the error to raise for what the client raised.

    Args:
        error: the client's exception.
        endpoint: whom the request went to.
        started: whether a token of the sample had come; tokens may have been generated from then on.
    """
    import openai

    if isinstance(error, json.JSONDecodeError):
        return ProviderProtocolError(
            f"{endpoint}: a piece of the stream is not valid JSON: {endpoint.quote(error.doc)!r}",
            may_have_generated=True,
        )
    if isinstance(error, openai.APIStatusError):
        return _status(error, endpoint)
    if isinstance(error, openai.APIConnectionError):
        return _connection(error, endpoint, started)
    if isinstance(error, openai.APIError):
        # vLLM and others report a failure within the stream as an event with the key "error".
        return ProviderUnavailable(
            f"{endpoint}: the endpoint broke off: {endpoint.quote(error.message)}", may_have_generated=True, lost=True
        )
    return ProviderProtocolError(f"{endpoint}: {endpoint.quote(str(error))}", may_have_generated=True)


def _connection(error: openai.APIConnectionError, endpoint: Endpoint, started: bool) -> ProviderError:
    cause = error.__cause__
    # The client's transport is httpx2 or httpx, which name these alike. Nothing was sent if no connection came about.
    unconnected = type(cause).__name__ in {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"}
    reason = endpoint.quote(f"{type(cause).__name__}: {cause}" if cause is not None else error.message)
    if unconnected and not started:
        return ProviderUnavailable(
            f"{endpoint}: cannot connect: {reason}",
            remedy="start the endpoint, or correct base_url in the profile",
        )
    return ProviderUnavailable(f"{endpoint}: the connection broke off: {reason}", may_have_generated=True, lost=True)


def _status(error: openai.APIStatusError, endpoint: Endpoint) -> ProviderError:
    status = error.status_code
    body = error.body if isinstance(error.body, dict) else {}
    words = endpoint.quote(str(body.get("message") or error.message))
    what = f"{endpoint}: HTTP {status}: {words}"
    if status in {401, 403}:
        # The endpoint's words are left out: they often quote a part of the key.
        key = f"check the key in {endpoint.api_key_env}" if endpoint.api_key_env else "name its variable in api_key_env"
        return ProviderRejected(f"{endpoint}: HTTP {status}: the endpoint refused the API key", remedy=key)
    if status == 429 and "insufficient_quota" in {body.get("code"), body.get("type")}:
        return ProviderRejected(what, remedy="the account's quota is used up: raise it or take another endpoint")
    if status in {429, 503}:
        wait = retry_after_s(error.response.headers)
        return ProviderOverloaded(what, retry_after_s=wait, remedy="try later, or lower the profile's concurrency")
    if status >= 500 or status == 408:
        return ProviderUnavailable(what, remedy="read the endpoint's log", may_have_generated=True, lost=True)
    if status == 404:
        model = f"check that the endpoint serves {endpoint.model!r}" if endpoint.model else "check the model id"
        return ProviderRejected(what, remedy=f"{model} and that base_url ends with its API's root, such as /v1")
    overflow = overflow_room(words, body.get("code"))
    if overflow is not None:
        remedy = "shorten the prompt, or take a model with a longer context"
        return ContextOverflow(what, room=overflow.room, remedy=remedy)
    return ProviderRejected(what)
