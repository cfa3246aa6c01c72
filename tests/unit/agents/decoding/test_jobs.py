"""Jobs under decoding controls with a scripted model: what is asked, spent, kept and shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from solvent.agents.job import JobStatus, Outcome, StopReason
from solvent.errors import ConfigError
from solvent.models.base import ChatRequest, Chunk
from solvent.models.profiles import ThinkingMarkers
from solvent.models.scripted import Reply, ScriptedModel, tokens_of
from solvent.usage import Budget

Block = Callable[[str], str]
THINKING = ThinkingMarkers(start="<think>", end="</think>")


def under(**decoding: object) -> dict[str, object]:
    """Parameters of a job as `--param decoding.NAME=VALUE` gives them."""
    return {f"decoding.{name}": value for name, value in decoding.items()}


@pytest.fixture
def thinker(bench: Any) -> Any:
    bench.profile = bench.profile.model_copy(update={"thinking": THINKING})
    return bench


async def test_a_floor_makes_the_model_go_on_and_every_token_counts(thinker: Any, reply: Block) -> None:
    texts = {"": "<think> short </think> no", "<think> short Wait": " but longer </think> no"}

    def script(request: ChatRequest) -> str:
        return texts.get(request.prefix, "\n" + reply("ok"))

    result = await thinker.run(script, strategy="single", parameters=under(thinking_floor_tokens=5, thinking_waits=3))
    assert result.outcome is Outcome.SOLVED
    prefixes = [request.prefix for request in thinker.model.requests]
    assert prefixes == ["", "<think> short Wait", "<think> short Wait but longer </think>"]
    stops = [request.sampling.stop for request in thinker.model.requests]
    assert stops == [("</think>",), ("</think>",), ()]
    assert result.usage.model_calls == 3
    assert result.usage.completion_tokens == 3 + 3 + len(tokens_of("\n" + reply("ok")))
    prompt = len(tokens_of(thinker.prompts[0])) + 1
    assert result.usage.prompt_tokens == 3 * prompt + sum(len(tokens_of(prefix)) for prefix in prefixes)
    seeds = {request.sampling.seed for request in thinker.model.requests}
    assert len(seeds) == 3, "no piece is drawn with another's random numbers"


async def test_a_token_id_can_be_the_wait(thinker: Any, reply: Block) -> None:
    class Knowing(ScriptedModel):
        async def token_text(self, tokens: Any) -> str:
            assert tokens == [7]
            return "<|continue-thinking|>"

    parameters = under(thinking_floor_tokens=9, thinking_wait=7)
    model = Knowing(lambda request: reply("ok") if request.prefix else "<think> </think>")
    thinker.changes = {"model": model}
    result = await thinker.run([], strategy="single", parameters=parameters)
    assert result.outcome is Outcome.SOLVED
    assert model.requests[1].prefix == "<think> <|continue-thinking|>"


async def test_a_ceiling_closes_thinking(thinker: Any, reply: Block) -> None:
    def script(request: ChatRequest) -> str:
        return "<think>" + " and on" * 500 if not request.prefix else reply("ok")

    parameters = under(thinking_ceiling_tokens=40) | {"max_tokens": 100}
    result = await thinker.run(script, strategy="single", parameters=parameters)
    assert result.outcome is Outcome.SOLVED
    assert [request.sampling.max_tokens for request in thinker.model.requests] == [40, 60]
    assert thinker.model.requests[1].prefix.endswith(" and\n</think>\n\n")
    (finished,) = thinker.of_type("trajectory.finished")
    assert "thinking was closed after 40 tokens" in finished.summary


async def test_no_thinking_begins_the_reply(thinker: Any, reply: Block) -> None:
    result = await thinker.run([reply("ok")], strategy="single", parameters=under(no_thinking=True))
    assert result.outcome is Outcome.SOLVED
    (request,) = thinker.model.requests
    assert request.prefix.startswith("<think>\nOkay")
    assert request.prefix.endswith("</think>\n\n")


async def test_a_probe_is_asked_aside_and_never_shown(thinker: Any, reply: Block) -> None:
    def script(request: ChatRequest) -> Reply | str:
        if request.prefix.endswith("Answer:"):
            finished = "step two" in request.prefix
            return Reply((" Yes",), top=(((" Yes", -0.1 if finished else -3.0), (" No", -3.0 if finished else -0.1)),))
        if request.prefix.endswith("</think>\n\n"):
            return reply("ok")
        return "<think> step one\n\n so step two\n\n more and more".removeprefix(request.prefix)

    parameters = under(completion_threshold=0.6, chunk_tokens=4)
    result = await thinker.run(script, strategy="single", parameters=parameters)
    assert result.outcome is Outcome.SOLVED
    probes = [request for request in thinker.model.requests if request.prefix.endswith("Answer:")]
    assert [(probe.sampling.max_tokens, probe.sampling.top_logprobs) for probe in probes] == [(1, 20)] * 2
    assert {probe.sampling.temperature for probe in probes} == {0.0}
    shown = "".join(event.text for event in thinker.of_type("text"))
    assert "Yes" not in shown
    assert "step two" in shown
    assert thinker.model.requests[-1].prefix == "<think> step one\n\n so step two\n</think>\n\n"


async def test_early_answers_that_agree_end_thinking(thinker: Any, sum_: Any) -> None:
    def script(request: ChatRequest) -> str:
        if request.prefix.endswith("\\boxed{"):
            return "4} is it"
        if "</think>" in request.prefix:
            return "It is \\boxed{4}."
        return "<think> one two three four five six seven"

    parameters = under(early_answers=2, chunk_tokens=3, answer_reserve_tokens=20) | {"max_tokens": 200}
    result = await thinker.run(script, sum_(), strategy="single", parameters=parameters)
    assert result.answer.text == "4"
    assert len(thinker.model.requests) == 5, "two chunks, two probes, the answer"


async def test_a_bias_goes_to_the_marker_while_it_thinks(thinker: Any, reply: Block) -> None:
    def script(request: ChatRequest) -> str:
        return reply("ok") if "</think>" in request.prefix else "<think> a b c d e f</think>"

    parameters = under(end_bias=2.5, end_bias_growth=1.0, chunk_tokens=4)
    await thinker.run(script, strategy="single", parameters=parameters)
    (token,) = await thinker.model.token_ids("</think>")
    biases = [request.sampling.logit_bias for request in thinker.model.requests]
    assert biases[0] == ((token, 2.5),)
    assert biases[1] == ((token, 3.5),)
    assert biases[-1] == ()


async def test_a_marker_of_several_tokens_takes_no_bias(bench: Any) -> None:
    bench.profile = bench.profile.model_copy(update={"thinking": ThinkingMarkers(start="a", end="end of it")})
    result = await bench.run([], strategy="single", parameters=under(end_bias=1.0))
    assert result.status is JobStatus.FAILED
    assert "3 tokens" in result.error["message"]
    assert bench.model.requests == []


class Coarse(ScriptedModel):
    """Sends many tokens at once, as a busy endpoint does."""

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        text = ""
        async with aclosing(super().stream(request)) as chunks:
            async for chunk in chunks:
                text += chunk.text
        yield chunk.model_copy(update={"text": text})


@pytest.mark.parametrize("kind", [ScriptedModel, Coarse])
async def test_chunks_carry_over(thinker: Any, kind: type[ScriptedModel]) -> None:
    replies = ["<think>" + "".join(f" {number}" for number in range(100)), " go on" * 100, " end"]
    parameters = under(markovian_chunk_tokens=20, markovian_carry_tokens=6, markovian_head_tokens=3)
    model = kind(replies)
    thinker.changes = {"model": model}
    await thinker.run([], strategy="single", parameters=parameters)
    requests = model.requests
    assert requests[1].prefix == "<think> 0 1 13 14 15 16 17 18"
    assert requests[2].prefix == "<think> 0 1" + " go on" * 3
    assert [request.sampling.max_tokens for request in requests] == [20, 14, 14]


async def test_chunks_that_do_not_fit_are_refused_before_a_token_is_spent(thinker: Any) -> None:
    result = await thinker.run([], strategy="single", parameters=under(markovian_chunk_tokens=999_999))
    assert result.status is JobStatus.FAILED
    assert "markovian_chunk_tokens" in result.error["remedy"]
    assert result.usage.completion_tokens == 0


async def test_a_model_that_cannot_is_refused_before_a_token_is_spent(bench: Any, monkeypatch: Any) -> None:
    with pytest.raises(ConfigError, match=r"profile scripted.*thinking markers"):
        await bench.run([], parameters=under(thinking_floor_tokens=100))
    info = ScriptedModel([]).info
    monkeypatch.setattr(
        ScriptedModel, "info", info.model_copy(update={"capabilities": info.capabilities - {"logprobs"}})
    )
    with pytest.raises(ConfigError, match="confidence needs logprobs"):
        await bench.run([], parameters=under(confidence_window_tokens=100))
    assert bench.model.requests == []


async def test_after_the_warm_up_replies_of_low_confidence_are_cut(thinker: Any, sum_: Any) -> None:
    def script(request: ChatRequest) -> Reply:
        number = len(thinker.model.requests)
        sure = (((("a"), -5.0), ("b", -7.0)),)
        unsure = ((("a", -1.0), ("b", -1.2)),)
        return Reply((f"word word word word word word so \\boxed{{{number}}}",), top=unsure if number == 3 else sure)

    parameters = under(confidence_window_tokens=2, confidence_warm_up=2, confidence_keep=0.9)
    parameters |= {"wave": 1, "max_trajectories": 4, "repairs": 2}
    result = await thinker.run(script, sum_(), parameters=parameters)
    finished = thinker.of_type("trajectory.finished")
    assert [("low confidence" in event.summary) for event in finished] == [False, False, True, False]
    assert result.evidence.votes == 3, "what was cut does not vote"
    assert all(request.sampling.top_logprobs == 20 for request in thinker.model.requests)
    whole = len(tokens_of("word word word word word word so \\boxed{1}"))
    assert result.usage.completion_tokens == 3 * whole + 2, "it was cut as soon as the window was full"


async def test_a_budget_that_ends_while_it_thinks_leaves_what_was_written(thinker: Any) -> None:
    def script(request: ChatRequest) -> str:
        return "<think>" + " and on" * 500

    parameters = under(thinking_floor_tokens=200, thinking_ceiling_tokens=300)
    result = await thinker.run(script, strategy="single", parameters=parameters, budget=Budget(completion_tokens=120))
    assert result.usage.completion_tokens == 120
    assert result.outcome is Outcome.EXHAUSTED or result.stop_reason is StopReason.MAX_ROUNDS
    (finished,) = thinker.of_type("trajectory.finished")
    assert "cut off" in finished.summary


async def test_cancelling_between_pieces_stops_the_stream_and_keeps_the_pieces(thinker: Any, reply: Block) -> None:
    gate = asyncio.Event()

    def script(request: ChatRequest) -> Reply | str:
        if not request.prefix:
            return "<think> a</think>"
        return Reply((" b c d e f",), gate=gate, after_chunks=2)

    parameters = under(thinking_floor_tokens=50)
    running = asyncio.create_task(thinker.run(script, strategy="single", parameters=parameters))
    while thinker.model.generated_tokens < 4:
        await asyncio.sleep(0)
    first = thinker.model
    running.cancel()
    cancelled = await running
    assert cancelled.status is JobStatus.CANCELLED
    assert first.live == 0
    assert cancelled.usage.completion_tokens == 2 + 2

    def again(request: ChatRequest) -> str:
        return reply("ok") if "</think>" in request.prefix else " b</think>"

    resumed = await thinker.run(again, strategy="single", parameters=parameters)
    assert resumed.outcome is Outcome.SOLVED
    assert thinker.model.requests[0].prefix == "<think> aWait", "the first piece is not written again"
    assert resumed.usage.model_calls == 4


async def test_without_a_stated_margin_a_cut_reply_counts_in_full(thinker: Any, sum_: Any, monkeypatch: Any) -> None:
    info = ScriptedModel([]).info.model_copy(update={"cut_margin_tokens": None})
    monkeypatch.setattr(ScriptedModel, "info", info)
    parameters = under(confidence_window_tokens=2, confidence_cut=50.0) | {"max_tokens": 70}
    result = await thinker.run(["a b c d e f g"], sum_(), strategy="single", parameters=parameters)
    assert result.usage.completion_tokens == 70
    assert thinker.model.generated_tokens == 2
    (finished,) = thinker.of_type("trajectory.finished")
    assert "low confidence" in finished.summary
