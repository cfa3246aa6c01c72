"""The server's decisions: places, pace, errors, metrics."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from solvent.models.openai_errors import overflow_room
from solvent.models.serving.errors import ApiError, refused, too_long
from solvent.models.serving.generation import Desk, steps_per_event
from solvent.models.serving.http import UntilGone
from solvent.models.serving.metrics import Histogram, Metrics
from solvent.models.serving.schema import ChatBody, CompletionBody

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "x"}]}


def test_few_streams_get_every_token_and_many_a_few_at_once() -> None:
    paces = [steps_per_event(running) for running in range(100)]
    assert paces[:8] == [1] * 8
    assert paces[16] == 4
    assert paces == sorted(paces)
    assert paces[-1] == 8


async def test_places_are_given_until_there_are_none_and_come_back_once() -> None:
    metrics = Metrics("starter")
    engine: Any = None  # nothing is submitted
    desk = Desk(engine, slots=2, most_waiting=1, metrics=metrics)
    first = desk.admit([], 2)
    with pytest.raises(ApiError) as caught:
        desk.admit([], 2)
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "1"})
    assert metrics.refused == 1
    first.close()
    first.close()
    desk.admit([], 3)
    with pytest.raises(ApiError) as never:
        desk.admit([], 4)
    assert (never.value.status, never.value.param) == (400, "n")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"unknown": 1}, "unknown"),
        ({"stop": [""]}, "stop"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stream_options": {}}, "stream_options"),
        ({"stream": True, "stream_options": {"include": True}}, "stream_options.include"),
        ({"max_tokens": 3, "max_completion_tokens": 4}, "max_completion_tokens"),
        ({"best_of": 2}, "best_of"),
        ({"temperature": float("nan")}, "temperature"),
        ({"logit_bias": {"1": 101}}, "logit_bias.1"),
        ({"prompt_logprobs": 1}, "prompt_logprobs"),
        ({"prompt_logprobs": 0, "stream": True}, "prompt_logprobs"),
        ({"continue_final_message": True, "add_generation_prompt": False}, "continue_final_message"),
    ],
)
def test_a_refusal_names_the_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ChatBody.model_validate(CHAT | fields)
    error = refused(caught.value)
    assert (error.status, error.param) == (400, param)
    assert param in error.message


def test_null_is_as_if_it_were_not_there() -> None:
    assert ChatBody.model_validate(CHAT | {"stop": None, "n": None, "tools": None, "frequency_penalty": 0.0}).n == 1


@pytest.mark.parametrize("prompt", ["x", ["x", "y"], [1, 2], [[1], [2]]])
def test_a_prompt_has_four_forms(prompt: Any) -> None:
    assert CompletionBody(prompt=prompt).prompt == prompt


@pytest.mark.parametrize("prompt", [[1, "x"], [-1], [True], 3, [[1.5]]])
def test_other_forms_of_a_prompt_are_refused(prompt: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        CompletionBody.model_validate({"prompt": prompt})
    assert (refused(caught.value).param or "").startswith("prompt")


def test_our_client_understands_that_a_prompt_is_too_long() -> None:
    error = too_long(600, 512, "messages")
    found = overflow_room(error.message, error.code)
    assert found is not None
    assert found.room == 512 - 600


class Client:
    """The other end of an ASGI answer."""

    def __init__(self, *, reads: bool = True) -> None:
        self.gone = asyncio.Event()
        self.waits = asyncio.Event()
        self.got: list[Any] = []
        self._reads = reads

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.got.append(message)
        self.waits.set()
        if not self._reads:
            await asyncio.Event().wait()


async def endless(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.Event().wait()


async def test_an_answer_is_closed_when_its_client_goes_away() -> None:
    client, closed = Client(), []
    answering = asyncio.create_task(UntilGone(endless, lambda: closed.append(1))({}, client.receive, client.send))
    await client.waits.wait()
    client.gone.set()
    await answering
    assert closed == [1]


async def test_an_answer_is_closed_when_the_server_ends() -> None:
    client, closed = Client(), []
    answering = asyncio.create_task(UntilGone(endless, lambda: closed.append(1))({}, client.receive, client.send))
    await client.waits.wait()
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    assert closed == [1]


async def test_a_client_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvent.models.serving.http.SEND_WAIT_S", 0.01)
    client, closed = Client(reads=False), []
    await UntilGone(endless, lambda: closed.append(1))({}, client.receive, client.send)
    assert closed == [1]


async def test_a_defect_is_raised_and_the_answer_closed() -> None:
    async def broken(send: Any) -> None:
        raise ZeroDivisionError

    client, closed = Client(), []
    with pytest.raises(ZeroDivisionError):
        await UntilGone(broken, lambda: closed.append(1))({}, client.receive, client.send)
    assert closed == [1]


def test_a_histogram_counts_upwards() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(value)
    assert list(histogram.lines("name", 'x="1"')) == [
        'name_bucket{x="1",le="1.0"} 2',
        'name_bucket{x="1",le="2.0"} 3',
        'name_bucket{x="1",le="+Inf"} 4',
        'name_sum{x="1"} 12.0',
        'name_count{x="1"} 4',
    ]
