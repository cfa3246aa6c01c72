"""Decoding controls on real models: the starter model in this process, behind its server, and a vLLM (`-m vllm`).

The weights know no thinking, so a line's end is the marker here: what is tested is that pieces continue each other,
that markers are suppressed, biases bias and logprobs are those of the text, and not what it is good for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from chat_models import REAL, Subject, open_real

from solvent.agents.budget import Refused
from solvent.agents.calls import Calls
from solvent.agents.decoding.confidence import ConfidenceMeter
from solvent.agents.decoding.early_answer import stated
from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.decoding.perform import Decoded, Desk, decode
from solvent.agents.ledgers import MemoryLedger
from solvent.agents.reporter import Reporter
from solvent.agents.roles import Cast, RoleModel
from solvent.artifacts import FileArtifacts
from solvent.models.base import ChatRequest, Chunk, Completion, Message, Sampling, generate
from solvent.models.profiles import ThinkingMarkers
from solvent.usage import Budget, Usage

PROMPT = (
    "Read a line of numbers. Keep only the even numbers. Then square each number. Print the sum.\nin: 3 4 5 6\nout: 52"
)
NEVER = "</no such end>"


class Recorder:
    """Passes requests on to a model, and keeps them."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.requests: list[ChatRequest] = []
        self.streaming = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        self.requests.append(request)
        async with aclosing(self._model.stream(request)) as chunks:
            async for chunk in chunks:
                self.streaming.set()
                yield chunk


@dataclass
class Bench:
    """Writes replies of one job with the model under test."""

    subject: Subject
    model: Recorder
    desk: Desk
    ledger: MemoryLedger

    async def reply(self, key: str = "t0/solve/0", *, end: str = "\n", **decoding: Any) -> Decoded:
        thinking = ThinkingMarkers(start="", end=end)
        who = replace(self.desk.who, profile=self.desk.who.profile.model_copy(update={"thinking": thinking}))
        sampling = {"seed": 7, "max_tokens": 60, "temperature": 1.0, **decoding.pop("sampling", {})}
        request = ChatRequest(
            messages=(Message(role="user", content=PROMPT),), sampling=Sampling.model_validate(sampling)
        )
        decoded = await decode(replace(self.desk, who=who), key, request, DecodingOptions.model_validate(decoding))
        assert isinstance(decoded, Decoded)
        assert not isinstance(decoded, Refused)
        return decoded

    async def usage(self) -> Usage:
        return await self.ledger.usage("job")

    async def again(self, request: ChatRequest) -> Completion:
        """Ask the model itself what one of the recorded requests gives."""
        (completion,) = await generate(self.subject.model, request)
        return completion

    async def tokens(self, text: str, which: slice) -> str:
        """Return the text of some of the model's tokens of a text."""
        return await self.model.token_text((await self.model.token_ids(text))[which])


@pytest.fixture(params=REAL)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        subject = await open_real(stack, request.param, request)
        assert subject.profile is not None
        model: Any = Recorder(subject.model)
        who = RoleModel(model, subject.profile)
        ledger = MemoryLedger()
        await ledger.open("job", Budget(tokens=20_000))
        nothing: Any = None
        calls = Calls(
            job_id="job", cast=Cast(who), sandbox=nothing, artifacts=FileArtifacts(tmp_path), ledger=ledger,
            report=Reporter("job", lambda event: None),
        )  # fmt: skip
        yield Bench(subject, model, Desk(calls, "t0", "solve", who, floor=1), ledger)
        await calls.aclose()


async def joined(bench: Bench, decoded: Decoded, *put_in: str) -> str:
    """Return the reply as its requests say it must be, each asked again: pieces, and what was put between them."""
    text = ""
    between = [*put_in, ""]
    for request, after in zip(bench.model.requests, between, strict=True):
        assert request.prefix == text
        text += (await bench.again(request)).text + after
    assert decoded.reply.text == text
    return text


async def test_a_floor_suppresses_the_marker_and_goes_on(bench: Bench) -> None:
    decoded = await bench.reply(thinking_floor_tokens=25, thinking_waits=2, thinking_wait=" # go on")
    requests = bench.model.requests
    assert requests[0].sampling.stop == ("\n",)
    waits = decoded.reply.text.count(" # go on")
    assert 1 <= waits <= 2
    after = ["\n"] if requests[-1].sampling.stop == () else []
    text = await joined(bench, decoded, *[" # go on"] * waits, *after)
    assert text.index(" # go on") < text.index("\n"), "the first line's end is not there"
    used = await bench.usage()
    assert used.completion_tokens == decoded.tokens <= 60
    assert used.model_calls == len(requests)


async def test_a_ceiling_closes_and_has_the_answer_written(bench: Bench) -> None:
    # The marker does not come, so that the ceiling is met.
    decoded = await bench.reply(
        thinking_floor_tokens=12, thinking_ceiling_tokens=12, thinking_waits=9, answer_bridge="print("
    )
    thinking, answer = bench.model.requests[:-1], bench.model.requests[-1]
    assert answer.prefix.endswith("\nprint(")
    assert decoded.reply.text == answer.prefix + (await bench.again(answer)).text
    thought = [(await bench.again(request)).usage.completion_tokens for request in thinking]
    assert sum(thought) <= 12
    assert answer.sampling.max_tokens == 60 - sum(thought)
    assert decoded.tokens <= 60


async def test_no_thinking_is_a_prefix(bench: Bench) -> None:
    decoded = await bench.reply(no_thinking=True, no_thinking_text="python")
    (request,) = bench.model.requests
    assert request.prefix == "\npython\n\n\n\n"
    assert decoded.reply.text == request.prefix + (await bench.again(request)).text


async def test_a_probe_reads_the_next_token(bench: Bench) -> None:
    greedy = {"temperature": 0.0}
    asked = ChatRequest(messages=(Message(role="user", content=PROMPT),), sampling=Sampling(max_tokens=40, **greedy))
    text = (await bench.again(asked)).text
    words = re.findall(r"\w+", text)
    word = next(word for word in words[1:] if words.count(word) == 1 and text.count(word) == 1)
    before = text[: text.index(word)].rstrip()
    # What comes next in the text itself is as good as a question.
    options: dict[str, Any] = {
        "end": NEVER,
        "sampling": greedy,
        "chunk_tokens": 40,
        "completion_threshold": 0.01,
        "completion_text": text[len(before) : text.index(word)].rstrip(" "),
        "completion_no": (),
        "hesitation_words": (word,),
    }
    unfinished = await bench.reply("unfinished", completion_yes=("no such token",), **dict(options))
    assert not any("complete" in note for note in unfinished.reply.notes)
    probe = bench.model.requests[1]
    assert (probe.prefix, probe.sampling.max_tokens) == (before + options["completion_text"], 1)
    (token,) = (await bench.again(probe)).logprobs
    assert len(token.top) == 20
    finished = await bench.reply("finished", completion_yes=(token.top[0][0],), **dict(options))
    assert any("complete" in note for note in finished.reply.notes)
    assert finished.reply.text.startswith(f"{before}\n{NEVER}\n\n")
    assert finished.tokens <= 60


async def test_a_bias_ends_thinking_at_once_or_never(bench: Bench) -> None:
    at_once = await bench.reply("at-once", end_bias=100)
    assert at_once.reply.text.startswith("\n")
    bench.model.requests.clear()
    never = await bench.reply("never", end_bias=-100, thinking_ceiling_tokens=30, chunk_tokens=10)
    thinking = [request for request in bench.model.requests if request.sampling.logit_bias]
    assert [dict(request.sampling.logit_bias).popitem()[1] for request in thinking] == [-100] * len(thinking)
    assert "\n" not in (await bench.again(thinking[0])).text
    assert never.tokens <= 60


async def test_a_bias_grows_by_chunks(bench: Bench) -> None:
    await bench.reply(end_bias=-100, end_bias_growth=100, chunk_tokens=5)
    biases = [request.sampling.logit_bias for request in bench.model.requests]
    assert [bias[0][1] for bias in biases if bias] in ([-100], [-100, 100]), "0 is no bias"
    assert biases[-1] == ()
    assert (await bench.again(bench.model.requests[0])).usage.completion_tokens <= 5


async def test_confidence_is_that_of_the_text(bench: Bench) -> None:
    measured = await bench.reply("whole", confidence_window_tokens=4, confidence_top_logprobs=5)
    (request,) = bench.model.requests
    meter = ConfidenceMeter(4)
    meter.see((await bench.again(request)).logprobs)
    assert measured.confidence is not None
    assert meter.so_far is not None
    assert measured.confidence.lowest == pytest.approx(meter.so_far.lowest, abs=1e-3)
    assert measured.confidence.tokens == meter.so_far.tokens
    assert not measured.reply.cut


async def test_below_the_bar_the_stream_is_closed(bench: Bench) -> None:
    sampling = {"max_tokens": 300}
    cut = await bench.reply(confidence_window_tokens=4, confidence_cut=1000.0, sampling=sampling)
    assert cut.reply.cut
    assert cut.reply.finish_reason == "length"
    await bench.subject.idle()
    (whole,) = [await bench.again(request) for request in bench.model.requests]
    assert whole.text.startswith(cut.reply.text)
    assert len(cut.reply.text) < len(whole.text)


async def test_chunks_are_bounded(bench: Bench) -> None:
    decoded = await bench.reply(
        markovian_chunk_tokens=16, markovian_carry_tokens=4, markovian_head_tokens=3, markovian_chunks=3,
        sampling={"max_tokens": 80},
    )  # fmt: skip
    requests = bench.model.requests
    messages = requests[0].messages
    empty = await bench.model.count_prompt_tokens(messages)
    chunks = [request for request in requests if not request.prefix.endswith("\n\n")][:3]
    assert [request.sampling.max_tokens for request in chunks] == [16, 12, 12][: len(chunks)]
    assert len(chunks) > 1
    written = [(await bench.again(request)).text for request in requests]
    head = await bench.tokens(written[0], slice(3))
    for request, before in zip(chunks[1:], written, strict=False):
        assert await bench.model.count_prompt_tokens(messages, request.prefix) <= empty + 3 + 4 + 2
        assert request.prefix == head + await bench.tokens(before, slice(-4, None))
    assert decoded.reply.text.startswith("".join(written[: len(chunks)]))
    assert decoded.tokens <= 80


async def test_early_answers_are_drawn_from_a_closed_copy(bench: Bench) -> None:
    decoded = await bench.reply(
        end=NEVER, early_answers=2, early_answer_text="print(", early_answer_tokens=5, chunk_tokens=4
    )
    probes = [
        request for request in bench.model.requests if NEVER in request.prefix and request.prefix.endswith("print(")
    ]
    assert len(probes) >= 2
    answers = [stated((await bench.again(probe)).text) for probe in probes]
    equal = [first == second and first != "" for first, second in pairwise(answers)]
    assert not any(equal[:-1]), "two that are equal end it"
    assert equal[-1] == ("early answers" in " ".join(decoded.reply.notes))
    assert decoded.tokens <= 60


async def test_a_cancelled_reply_stops_its_stream(bench: Bench) -> None:
    bench.model.streaming.clear()
    task = asyncio.create_task(bench.reply(thinking_floor_tokens=300, sampling={"max_tokens": 380}))
    await bench.model.streaming.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await bench.subject.idle()
