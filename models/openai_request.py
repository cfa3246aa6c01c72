"""What is sent to an endpoint for one sample; pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from solvent.errors import ConfigError
from solvent.models.base import ChatRequest, Message
from solvent.models.profiles import ModelProfile

CHAT, COMPLETIONS = "/chat/completions", "/completions"
_OF_TEMPLATE = frozenset({"chat_template", "chat_template_kwargs"})
"""Further fields of a request that say how a conversation becomes a prompt."""


def turns(
    profile: ModelProfile, messages: Sequence[Message], prefix: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the messages to send, and the fields that make the endpoint continue the last one.

    Raises:
        ConfigError: there is a prefix and the profile says that the endpoint takes none.
    """
    sent: list[dict[str, Any]] = [{"role": message.role, "content": sendable(message.content)} for message in messages]
    if not prefix:
        return sent, {}
    match profile.prefix:
        case "vllm":
            sent.append({"role": "assistant", "content": sendable(prefix)})
            return sent, {"continue_final_message": True, "add_generation_prompt": False}
        case "assistant":
            sent.append({"role": "assistant", "content": sendable(prefix), "prefix": True})
            return sent, {}
        case "completions":
            return sent, {}
        case "none":
            raise ConfigError(
                f"profile {profile.name}: this endpoint cannot continue a given beginning",
                remedy='set prefix to "completions", "vllm" or "assistant" if it can, or choose what needs none',
            )


def template_fields(profile: ModelProfile) -> dict[str, Any]:
    """Return the profile's further fields that change how a conversation becomes a prompt."""
    return {name: value for name, value in profile.extra_body.items() if name in _OF_TEMPLATE}


def route_of(profile: ModelProfile, request: ChatRequest) -> str:
    """Return where a request goes: one that continues given tokens is no chat."""
    return COMPLETIONS if request.prefix and profile.prefix == "completions" else CHAT


def max_tokens_field(profile: ModelProfile, route: str) -> str:
    """Return the field of the body that caps the completion."""
    return profile.max_tokens_field if route == CHAT else "max_tokens"


def body_of(
    profile: ModelProfile, request: ChatRequest, index: int, model: str, prompt_ids: Sequence[int]
) -> dict[str, Any]:
    """Return the body of a request for one sample.

    Args:
        profile: of the endpoint.
        request: for all samples.
        index: of the sample; its seed is the request's plus this.
        model: its id at the endpoint.
        prompt_ids: the tokens of prompt and prefix, where the request is no chat; else unused.
    """
    sampling = profile.resolve(request.sampling)
    route = route_of(profile, request)
    extra = dict(profile.extra_body)
    if route == COMPLETIONS:
        prompt: dict[str, Any] = {"prompt": list(prompt_ids)}
        extra = {name: value for name, value in extra.items() if name not in _OF_TEMPLATE}
        tops: dict[str, Any] = {"logprobs": sampling.top_logprobs}
    else:
        sent, switches = turns(profile, request.messages, request.prefix)
        prompt = {"messages": sent, **switches}
        asked = sampling.top_logprobs is not None
        tops = {"logprobs": True if asked else None, "top_logprobs": sampling.top_logprobs}
    options = {"include_usage": True, **({"continuous_usage_stats": True} if profile.running_usage else {})}
    # vLLM tells the log probabilities of a prompt in whole answers only.
    form = {"prompt_logprobs": 0} if request.prefix_logprob else {"stream": True, "stream_options": options}
    body: dict[str, Any] = {
        "model": model,
        **form,
        max_tokens_field(profile, route): sampling.max_tokens,
        **extra,
        **prompt,
    }
    optional = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop) or None,
        "seed": None if sampling.seed is None else sampling.seed + index,
        "logit_bias": {str(token): bias for token, bias in sampling.logit_bias} or None,
        **tops,
    }
    return body | {name: value for name, value in optional.items() if value is not None}


def prompt_bound(messages: Sequence[Message], prefix: str, profile: ModelProfile) -> int:
    """Return an upper bound of a prompt's tokens.

    A byte-level tokenizer makes at most one token of each byte of UTF-8; some (Qwen's) bring the text to NFC before,
    which can lengthen it, so the longer form counts. What the chat template adds comes from the profile.
    """
    bound = profile.prompt_bound
    texts = [message.content for message in messages] + ([prefix] if prefix else [])
    return bound.per_prompt + sum(bound.per_message + _longest_bytes(text) for text in texts)


def sendable(text: str) -> str:
    """Return `text` with "?" for lone surrogates, which model output can hold after a cut and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", errors="replace").decode("utf-8")


def _longest_bytes(text: str) -> int:
    if text.isascii():
        return len(text)
    forms = (text, unicodedata.normalize("NFC", text))
    return max(len(form.encode("utf-8", errors="surrogatepass")) for form in forms)
