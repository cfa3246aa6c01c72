"""Real models for tests: the starter model in this process and behind its server, and whatever a vLLM serves."""

from __future__ import annotations

import asyncio
import os
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from starter_process import StarterProcess

from solvent.models.base import ChatModel
from solvent.models.openai import OpenAIChatModel
from solvent.models.profiles import ModelProfile
from solvent.models.registry import load_profile
from solvent.models.starter.model import StarterModel

VLLM_URL = os.environ.get("SOLVENT_TEST_VLLM_URL")
REAL = (
    *("starter", "starter-server", "starter-server-tokens"),
    *(pytest.param(name, marks=pytest.mark.vllm) for name in ("vllm", "vllm-tokens")),
)
"""Parameters of `open_real`. With "-tokens", what begins with a given prefix goes to /v1/completions."""

IDLE_WITHIN_S = 120.0

OPEN_PROBLEM = (
    "Read a line of integers. Change every number in the same way, then put the numbers in an order, then drop some of "
    "them. Print the result. See the examples.\nin: 4 1 9\nout: 2 5\nin: 7 7 3 8\nout: 4 8 8\nin: 10 -2\nout: -1"
)
"""Of the starter model's kind, with many solutions: what is sampled differs."""


@dataclass
class Subject:
    """A model under test. `idle` returns once nothing is being generated for it, and fails if that never comes."""

    model: ChatModel
    idle: Callable[[], Awaitable[None]]
    prompt: str = OPEN_PROBLEM
    profile: ModelProfile | None = None


async def open_real(stack: AsyncExitStack, name: str, request: pytest.FixtureRequest) -> Subject:
    """Open one of `REAL`; the fixture `starter_process` is asked for where it is needed."""
    if name == "starter":
        profile = load_profile("starter")
        model = StarterModel(profile)
        stack.push_async_callback(model.aclose)
        return Subject(model, model.wait_idle, profile=profile)
    way: dict[str, object] = {"prefix": "completions"} if name.endswith("-tokens") else {}
    if name.startswith("vllm"):
        if not VLLM_URL:
            pytest.skip("SOLVENT_TEST_VLLM_URL names no vLLM; make test-vllm starts one")
        return await _served(stack, load_profile("vllm").model_copy(update=way), VLLM_URL)
    server: StarterProcess = request.getfixturevalue("starter_process")
    return await _served(stack, load_profile("starter-server").model_copy(update=way), server.base_url)


async def _served(stack: AsyncExitStack, shipped: ModelProfile, url: str) -> Subject:
    profile = shipped.model_copy(update={"base_url": url, "model": None})
    model = OpenAIChatModel(profile)
    stack.push_async_callback(model.aclose)
    ((_, length),) = (await model.served_models()).items()
    assert length is not None
    profile = profile.model_copy(update={"context_tokens": length})
    model = OpenAIChatModel(profile)
    stack.push_async_callback(model.aclose)

    async def idle() -> None:
        # Such a server tells only when asked; vLLM writes its metrics with each step of the engine.
        states = ("vllm:num_requests_running{", "vllm:num_requests_waiting{")
        values: list[float] = []
        try:
            async with asyncio.timeout(IDLE_WITHIN_S):
                while len(values) < 2 or any(values):
                    with await asyncio.to_thread(
                        urllib.request.urlopen, url.removesuffix("/v1") + "/metrics"
                    ) as answer:
                        lines = answer.read().decode().splitlines()
                    values = [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(states)]
        except TimeoutError:
            pytest.fail("the server still generates")

    return Subject(model, idle, profile=profile)
