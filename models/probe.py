"""Whether the model of a profile can be used here and now: what `solvent doctor` shows."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Literal

from solvent.errors import ConfigError, ProviderRejected, SolventError
from solvent.models.base import Message
from solvent.models.profiles import ModelProfile
from solvent.models.registry import open_model


@dataclass(frozen=True)
class Probe:
    """State of one model. `degraded`: it works, with what `detail` says; `missing`: it does not."""

    status: Literal["ok", "degraded", "missing"]
    detail: str
    remedy: str | None = None


async def probe(profile: ModelProfile) -> Probe:
    """Look whether the profile's model can be used. No tokens are generated; failures are values, not exceptions."""
    try:
        if profile.endpoints:
            return await _endpoints(profile)
        if profile.backend == "openai":
            return await _endpoint(profile)
        model = open_model(profile)
        try:
            # Loads the tokenizer and the weights, where there are some.
            await model.count_prompt_tokens([Message(role="user", content="Hello")])
        finally:
            await model.aclose()
        detail = f"{profile.backend}, context {profile.context_tokens} tokens"
        return Probe("ok", f"{detail}, weights sha256 {_digest(profile)}" if profile.backend == "starter" else detail)
    except SolventError as error:
        return Probe("missing", error.message, error.remedy)
    except ImportError as error:
        return Probe("missing", f"backend {profile.backend}: cannot import {error.name}", f"pip install {error.name}")


async def _endpoints(profile: ModelProfile) -> Probe:
    """Look at each endpoint; one that works is enough to be degraded only."""
    found = dict(await probe_endpoints(profile))
    able = [probe for probe in found.values() if probe.status != "missing"]
    worst = next((probe for probe in found.values() if probe.status != "ok"), None)
    if worst is None:
        return Probe("ok", f"{len(found)} endpoints: {', '.join(found)}")
    wrong = "; ".join(probe.detail for probe in found.values() if probe.status != "ok")
    status: Literal["degraded", "missing"] = "degraded" if able else "missing"
    return Probe(status, f"{len(able)} of {len(found)} endpoints can be used: {wrong}", worst.remedy)


async def probe_endpoints(profile: ModelProfile) -> list[tuple[str, Probe]]:
    """Return the name and the state of each endpoint of a profile; one without a list of them is its own only one."""
    if not profile.endpoints:
        return [(profile.base_url or profile.backend, await probe(profile))]
    states = await asyncio.gather(*(probe(profile.at(entry)) for entry in profile.endpoints))
    return [(entry.label, state) for entry, state in zip(profile.endpoints, states, strict=True)]


async def _endpoint(profile: ModelProfile) -> Probe:
    from solvent.models.openai import OpenAIChatModel

    model = OpenAIChatModel(profile)
    try:
        try:
            served = await model.served_models()
        except ProviderRejected as error:
            if "HTTP 404" not in error.message:
                raise
            return Probe("degraded", f"{profile.base_url} answers, and lists no models", "check base_url, or go ahead")
        names = ", ".join(sorted(served)) or "none"
        if profile.model is None and len(served) != 1:
            return Probe("missing", f"{profile.base_url} serves {names}", "set `model` in the profile to one of these")
        chosen = profile.model or next(iter(served))
        if chosen not in served:
            return Probe("missing", f"{profile.base_url} does not serve {chosen}; it serves {names}", "correct `model`")
        length = served[chosen]
        if length is not None and length < profile.context_tokens:
            return Probe(
                "degraded",
                f"{chosen} is served with a context of {length} tokens, the profile says {profile.context_tokens}",
                f"set context_tokens = {length}",
            )
        if profile.count == "tokenize":
            try:
                await model.count_prompt_tokens([Message(role="user", content="Hello")])
            except SolventError as error:
                return Probe("missing", f"prompts cannot be counted: {error.message}", 'set count = "bound"')
        return Probe("ok", f"{chosen} at {profile.base_url}")
    except ConfigError as error:
        return Probe("missing", error.message, error.remedy)
    finally:
        await model.aclose()


def _digest(profile: ModelProfile) -> str:
    from solvent.models.starter.weights import SHIPPED

    with ((profile.weights_dir or SHIPPED) / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
