"""The starter model beyond the contract: company, slots, closing, exact counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from chat_models import OPEN_PROBLEM

from solvent.errors import ConfigError, PromptTooLong, ProviderUnavailable
from solvent.models.base import ChatRequest, Completion, Message, Sampling, generate
from solvent.models.profiles import ModelProfile
from solvent.models.starter.model import StarterModel
from solvent.models.starter.text import ChatTokenizer
from solvent.models.starter.weights import SHIPPED

TOKENIZER = ChatTokenizer(SHIPPED)


def profile(**fields: object) -> ModelProfile:
    return ModelProfile.model_validate(
        {"name": "starter", "backend": "starter", "context_tokens": 1024, "concurrency": 4} | fields
    )


@pytest.fixture
async def model() -> AsyncIterator[StarterModel]:
    starter = StarterModel(profile())
    yield starter
    await starter.aclose()


def ask(text: str = OPEN_PROBLEM, n: int = 1, prefix: str = "", **sampling: object) -> ChatRequest:
    fields = {"seed": 5, "max_tokens": 60, "temperature": 1.5} | sampling
    return ChatRequest(
        messages=(Message(role="user", content=text),), n=n, prefix=prefix, sampling=Sampling.model_validate(fields)
    )


async def test_a_seed_repeats_in_any_company(model: StarterModel) -> None:
    (alone,) = await generate(model, ask(top_logprobs=2))
    crowd = [
        ask(f"Read {number} words and sort them.", n=3, seed=number, max_tokens=20 + number) for number in range(5)
    ]
    results = await asyncio.gather(*(generate(model, request) for request in [*crowd, ask(top_logprobs=2), *crowd]))
    again = results[len(crowd)][0]
    assert again.text == alone.text
    assert [token.logprob for token in again.logprobs] == pytest.approx(
        [token.logprob for token in alone.logprobs], abs=1e-4
    )


async def test_without_a_seed_samples_differ(model: StarterModel) -> None:
    first, second = [[one.text for one in await generate(model, ask(seed=None, n=8))] for _ in range(2)]
    # Two may be the same by chance, all of them are not.
    assert first != second
    assert len(set(first)) > 1


async def test_more_samples_than_slots_all_end(model: StarterModel) -> None:
    completions = await generate(model, ask(n=11))
    singles = [await generate(model, ask(seed=5 + index)) for index in range(11)]
    assert [c.text for c in completions] == [single[0].text for single in singles]


async def test_a_waiting_request_gets_the_slots_of_a_cancelled_one(model: StarterModel) -> None:
    async with aclosing(model.stream(ask(n=4, max_tokens=400, prefix="word and word"))) as hog:
        await anext(hog)
        waiting = asyncio.create_task(generate(model, ask(max_tokens=3)))
        await asyncio.sleep(0)
    (completion,) = await waiting
    assert completion.usage.completion_tokens <= 3
    await model.wait_idle()


async def test_usage_counts_what_was_generated_with_the_end(model: StarterModel) -> None:
    request = ask(temperature=0.0, max_tokens=200)
    (completion,) = await generate(model, request)
    assert completion.finish_reason == "stop"
    assert completion.usage.prompt_tokens == len(TOKENIZER.encode_chat(request.messages))
    assert completion.usage.completion_tokens == len(TOKENIZER.encode_text(completion.text)) + 1


async def test_logprobs_spell_the_text(model: StarterModel) -> None:
    (completion,) = await generate(model, ask(temperature=0.0, max_tokens=200, top_logprobs=3))
    assert "".join(token.token for token in completion.logprobs) == completion.text
    assert all(token.logprob == token.top[0][1] for token in completion.logprobs), "greedy takes the likeliest"


async def test_the_last_place_of_the_context_can_be_used(model: StarterModel) -> None:
    words = " word"
    text = words * 1010
    while (room := 1024 - await model.count_prompt_tokens((Message(role="user", content=text),))) < 1:
        text = text[: -len(words)]
    (completion,) = await generate(model, ask(text, max_tokens=100))
    assert completion.usage.completion_tokens <= room
    with pytest.raises(PromptTooLong):
        await generate(model, ask(text + words * (room + 1)))


async def test_closing_ends_open_streams_with_an_error_and_refuses_new_ones() -> None:
    starter = StarterModel(profile())
    stream = starter.stream(ask(n=4, max_tokens=400))
    await anext(stream)
    await starter.aclose()
    with pytest.raises(ProviderUnavailable) as caught:
        [chunk async for chunk in stream]
    assert caught.value.may_have_generated
    with pytest.raises(ProviderUnavailable):
        await generate(starter, ask())


async def test_two_event_loops_share_one_model() -> None:
    starter = StarterModel(profile())

    def elsewhere() -> list[Completion]:
        return asyncio.run(generate(starter, ask()))

    here, there = await asyncio.gather(generate(starter, ask()), asyncio.to_thread(elsewhere))
    assert here[0].text == there[0].text
    await starter.aclose()


def test_a_profile_cannot_promise_more_context_than_the_weights_have() -> None:
    with pytest.raises(ConfigError, match="context_tokens is 4096"):
        StarterModel(profile(context_tokens=4096))


def test_a_folder_without_weights_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.json"):
        StarterModel(profile(weights_dir=tmp_path))
