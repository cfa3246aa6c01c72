"""What a model call costs that has no end: cancelled, or lost with its endpoint."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from solvent.agents.job import JobStatus, Outcome, StopReason
from solvent.agents.roles import RoleModel
from solvent.artifacts import JSON, TEXT
from solvent.errors import ConfigError, ProviderUnavailable
from solvent.models.scripted import Reply, ScriptedModel
from solvent.usage import Budget

Block = Callable[[str], str]
ONE = {"wave": 1, "repairs": 0}
WORDS = " ".join(["word"] * 50)


def lost(text: str, after: int, received: int | None = 0) -> Reply:
    error = ProviderUnavailable("the connection broke off", may_have_generated=True, lost=True)
    error.received_tokens = received
    return Reply((text,), error=error, after_chunks=after)


async def test_a_cancelled_call_counts_as_what_came_of_it(bench: Any) -> None:
    script = [Reply((WORDS,), gate=asyncio.Event(), after_chunks=7)]
    running = asyncio.create_task(bench.run(script, parameters=ONE))
    while bench.model.generated_tokens < 7:
        await asyncio.sleep(0)
    running.cancel()
    result = await running
    assert result.status is JobStatus.CANCELLED
    assert bench.model.generated_tokens == 7
    assert result.usage.completion_tokens == 7
    assert result.usage.model_calls == 1


async def test_without_a_stated_margin_a_cancelled_call_counts_in_full(bench: Any, monkeypatch: Any) -> None:
    info = ScriptedModel([]).info.model_copy(update={"cut_margin_tokens": None, "context_tokens": 4000})
    monkeypatch.setattr(ScriptedModel, "info", info)
    script = [Reply((WORDS,), gate=asyncio.Event(), after_chunks=7)]
    running = asyncio.create_task(bench.run(script, parameters=ONE, budget=Budget(completion_tokens=100)))
    while bench.model.generated_tokens < 7:
        await asyncio.sleep(0)
    running.cancel()
    assert (await running).usage.completion_tokens == 100


@pytest.mark.parametrize(("cap", "expected"), [(100, 39), (30, 30)])
async def test_the_margin_counts_and_never_more_than_was_reserved(
    bench: Any, monkeypatch: Any, cap: int, expected: int
) -> None:
    info = ScriptedModel([]).info.model_copy(update={"cut_margin_tokens": 32})
    monkeypatch.setattr(ScriptedModel, "info", info)
    script = [Reply((WORDS,), gate=asyncio.Event(), after_chunks=7)]
    running = asyncio.create_task(bench.run(script, parameters=ONE, budget=Budget(completion_tokens=cap)))
    while bench.model.generated_tokens < 7:
        await asyncio.sleep(0)
    running.cancel()
    assert (await running).usage.completion_tokens == expected


async def test_a_run_that_was_cancelled_before_it_began_costs_nothing(bench: Any, reply: Block) -> None:
    class Taken(asyncio.Semaphore):
        asked = asyncio.Event()

        async def acquire(self) -> Any:
            self.asked.set()
            return await super().acquire()

    bench.changes = {"cores": Taken(0)}
    running = asyncio.create_task(bench.run([reply("ok")], parameters=ONE))
    await Taken.asked.wait()
    running.cancel()
    result = await running
    assert result.status is JobStatus.CANCELLED
    assert bench.sandbox.runs == 0
    assert (result.usage.sandbox_runs, result.usage.sandbox_cpu_s) == (0, 0)


async def test_a_run_that_was_cancelled_while_its_result_was_stored_costs_what_it_used(
    bench: Any, reply: Block, monkeypatch: Any
) -> None:
    loop = asyncio.get_running_loop()
    begun, goes_on = asyncio.Event(), threading.Event()
    put = bench.artifacts.put

    def slow(text: str, media_type: str = TEXT) -> str:
        if media_type == JSON and "cpu_s" in text:
            loop.call_soon_threadsafe(begun.set)
            assert goes_on.wait(30)
        return str(put(text, media_type))

    monkeypatch.setattr(bench.artifacts, "put", slow)
    running = asyncio.create_task(bench.run([reply("ok")], parameters=ONE))
    await begun.wait()
    running.cancel()
    loop.call_soon(goes_on.set)
    result = await running
    assert result.status is JobStatus.CANCELLED
    assert bench.sandbox.runs == 2
    assert result.usage.sandbox_runs == 1
    assert result.usage.sandbox_cpu_s == 2 * 0.125, "of two tests"


async def test_a_call_whose_endpoint_was_lost_is_made_again_and_both_are_paid(bench: Any, reply: Block) -> None:
    result = await bench.run([lost(WORDS, after=9), reply("ok")], parameters=ONE)
    assert (result.status, result.outcome) == (JobStatus.COMPLETED, Outcome.SOLVED)
    assert len(bench.model.requests) == 2
    assert bench.prompts[0] == bench.prompts[1]
    assert result.usage.completion_tokens == bench.model.generated_tokens
    assert result.usage.model_calls == 2
    again = await bench.run([], parameters=ONE)
    assert again == result, "and the job is not run again"


async def test_a_lost_call_whose_tokens_are_not_known_counts_in_full(bench: Any, reply: Block) -> None:
    budget = Budget(completion_tokens=200)
    result = await bench.run([lost(WORDS, after=9, received=None), reply("ok")], parameters=ONE, budget=budget)
    assert (result.outcome, result.stop_reason) == (Outcome.EXHAUSTED, StopReason.CAP_TOKENS)
    assert result.usage.completion_tokens == 200


async def test_a_lost_call_is_made_again_only_within_the_budget(bench: Any) -> None:
    result = await bench.run([lost(WORDS, after=9)], parameters=ONE, budget=Budget(model_calls=1))
    assert (result.status, result.stop_reason) == (JobStatus.COMPLETED, StopReason.CAP_CALLS)


async def test_a_third_loss_of_one_call_fails_the_job(bench: Any) -> None:
    result = await bench.run([lost(WORDS, after=2)] * 3, parameters=ONE)
    assert result.status is JobStatus.FAILED
    assert result.error["type"] == "ProviderUnavailable"
    assert result.usage.completion_tokens == bench.model.generated_tokens == 6


async def test_a_role_is_played_by_its_own_model(bench: Any, reply: Block) -> None:
    repairer = ScriptedModel([reply("ok")])
    profile = bench.profile.model_copy(update={"name": "cheap", "reply_tokens": 77})
    bench.changes = {"role_models": {"refine": RoleModel(repairer, profile)}}
    result = await bench.run([reply("no")], parameters={"wave": 1}, model="strong", model_for={"refine": "cheap"})
    assert result.outcome is Outcome.SOLVED
    assert (result.model, result.model_for) == ("strong", {"refine": "cheap"})
    (request,) = repairer.requests
    assert "# prints: no" in request.messages[-1].content
    assert request.sampling.max_tokens == 77
    assert request.session == "job"


async def test_a_job_that_names_a_model_which_is_not_open_is_refused(bench: Any) -> None:
    with pytest.raises(ConfigError, match="cheap"):
        await bench.run([], model_for={"refine": "cheap"})
