"""How likely the prefix of a request was, from an answer with vLLM's `prompt_logprobs`; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from solvent.errors import ProviderProtocolError
from solvent.models.profiles import ModelProfile

if TYPE_CHECKING:
    from solvent.models.openai_errors import Endpoint


def tells_prefix(profile: ModelProfile) -> bool:
    """Return whether an endpoint says how likely a prompt was, and which of its tokens are the prefix: vLLM's do."""
    return profile.prefix in {"vllm", "completions"} and profile.count == "tokenize"


def as_event(answer: object, endpoint: Endpoint) -> dict[str, Any]:
    """Return a whole answer as the one event of a stream that says the same.

    Raises:
        ProviderProtocolError: it is no answer of one sample.
    """
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ProviderProtocolError(f"{endpoint}: the answer has no choices", may_have_generated=True)
    choice = dict(choices[0])
    return {**answer, "choices": [{**choice, "delta": choice.pop("message", None)}]}


def prefix_logprob(event: dict[str, Any], tokens: int, endpoint: Endpoint) -> float:
    """Return the log probability of the last tokens of a prompt.

    Args:
        event: see `as_event`.
        tokens: how many they are.
        endpoint: for messages.

    Raises:
        ProviderProtocolError: the answer does not say it.
    """
    entries = event.get("prompt_logprobs") or event["choices"][0].get("prompt_logprobs") or []
    try:
        # One entry of a token is its own: others come where more than 0 are asked for.
        values = [float(next(iter(entry.values()))["logprob"]) for entry in entries[-tokens:]]
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError) as cause:
        raise ProviderProtocolError(f"{endpoint}: prompt_logprobs are malformed", may_have_generated=True) from cause
    if len(values) != tokens:
        raise ProviderProtocolError(
            f"{endpoint}: the answer says of {len(values)} tokens of the prompt how likely they were, not of {tokens}",
            remedy="what needs the likelihood of a text needs an endpoint with prompt_logprobs, such as vLLM",
            may_have_generated=True,
        )
    return min(0.0, sum(values))
