"""What each control needs of a model, and the refusal where it is lacking."""

from __future__ import annotations

from solvent.agents.decoding.options import DecodingOptions
from solvent.errors import ConfigError
from solvent.models.base import Capability, ModelInfo
from solvent.models.profiles import ModelProfile

_PREFIX: frozenset[Capability] = frozenset({"prefix"})
_LOGPROBS: frozenset[Capability] = frozenset({"logprobs"})

NEEDS: dict[str, frozenset[Capability]] = {
    "no thinking": _PREFIX,
    "thinking floor": _PREFIX | {"stop"},
    "thinking ceiling": _PREFIX,
    "end-of-thinking bias": _PREFIX | {"stop", "logit_bias", "token_ids"},
    "completion probe": _PREFIX | _LOGPROBS | {"stop"},
    "early answers": _PREFIX | {"stop"},
    "confidence": _LOGPROBS | {"stream", "cancel"},
    "markovian thinking": _PREFIX | {"stream"},
}
"""Capabilities by control. All but the last two need the profile's thinking markers as well."""
NEEDS_NO_MARKERS = frozenset({"confidence", "markovian thinking"})

_REMEDIES: dict[str, str] = {
    "prefix": 'set prefix = "completions" and count = "tokenize" in the profile if the endpoint is vLLM',
    "token_ids": 'set count = "tokenize" in the profile if the endpoint is vLLM, or give the id of the token',
    "markers": "add the table [thinking] with start and end to the profile",
}


def lacking(options: DecodingOptions, info: ModelInfo, profile: ModelProfile) -> dict[str, set[str]]:
    """Return what the model lacks for the controls that are on, by control."""
    missing: dict[str, set[str]] = {}
    for control in options.controls:
        needs: set[str] = set(NEEDS[control])
        if control == "end-of-thinking bias" and options.end_bias_token is not None:
            needs -= {"token_ids"}
        if control == "thinking floor" and isinstance(options.thinking_wait, int):
            needs |= {"token_ids"}
        found = needs - info.capabilities
        if profile.thinking is None and control not in NEEDS_NO_MARKERS:
            found.add("markers")
        if found:
            missing[control] = found
    return missing


def check(options: DecodingOptions, info: ModelInfo, profile: ModelProfile) -> None:
    """Refuse controls that the model cannot have.

    Raises:
        ConfigError: names the profile, the controls, what is lacking and what to do.
    """
    missing = lacking(options, info, profile)
    if not missing:
        return
    words = {"markers": "thinking markers", "token_ids": "token ids", "logit_bias": "a logit bias"}
    said = "; ".join(
        f"{control} needs {', '.join(words.get(need, need) for need in sorted(needs))}"
        for control, needs in missing.items()
    )
    needed = sorted({need for needs in missing.values() for need in needs})
    remedies = [_REMEDIES[need] for need in needed if need in _REMEDIES]
    raise ConfigError(
        f"profile {profile.name}: its model cannot have these decoding controls: {said}",
        remedy="; ".join([*remedies, "or leave these controls out" if remedies else "leave these controls out"]),
    )
