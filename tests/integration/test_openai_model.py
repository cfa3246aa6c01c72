"""OpenAIChatModel against a real HTTP server that misbehaves."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from openai_server import Fault, OpenAIServer, drop_after, refuse, replace, silent, stall_after

from solvent.errors import (
    ConfigError,
    PromptTooLong,
    ProviderError,
    ProviderOverloaded,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from solvent.models.base import ChatRequest, Chunk, Message, Sampling, generate
from solvent.models.openai import OpenAIChatModel
from solvent.models.probe import probe
from solvent.models.profiles import ModelProfile
from solvent.models.scripted import Reply, ScriptedModel

KEY = "sk-very-secret-0123456789abcdef"
TEXT = "one two three four"


def constant(request: ChatRequest) -> str:
    return TEXT


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(ScriptedModel(constant, context_tokens=50)) as running:
        yield running


@pytest.fixture
async def models() -> AsyncIterator[list[OpenAIChatModel]]:
    """Models to close at the end."""
    opened: list[OpenAIChatModel] = []
    yield opened
    for model in opened:
        await model.aclose()


@pytest.fixture
def connect(server: OpenAIServer, models: list[OpenAIChatModel]) -> Any:
    def build(environment: dict[str, str] | None = None, **changes: Any) -> OpenAIChatModel:
        model = OpenAIChatModel(server.profile(**changes), environment=environment)
        models.append(model)
        return model

    return build


def ask(n: int = 1, prefix: str = "", prompt: str = "hello", **sampling: Any) -> ChatRequest:
    messages = (Message(role="user", content=prompt),)
    return ChatRequest(messages=messages, n=n, prefix=prefix, sampling=Sampling(**({"max_tokens": 20} | sampling)))


async def text(model: OpenAIChatModel, request: ChatRequest | None = None) -> str:
    return (await generate(model, request or ask()))[0].text


async def failure(model: OpenAIChatModel, request: ChatRequest | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await generate(model, request or ask())
    return caught.value


async def read(model: OpenAIChatModel, request: ChatRequest) -> tuple[list[Chunk], ProviderError | None]:
    chunks: list[Chunk] = []
    try:
        async with aclosing(model.stream(request)) as stream:
            async for chunk in stream:
                chunks.append(chunk)
    except ProviderError as error:
        return chunks, error
    return chunks, None


async def test_429_is_overloaded_with_the_wait_asked_for(server: OpenAIServer, connect: Any) -> None:
    server.faults.append(refuse(429, "slow down", Retry_After="7"))
    error = await failure(connect())
    assert isinstance(error, ProviderOverloaded)
    assert error.retry_after_s == 7
    assert error.may_have_generated is False
    assert "slow down" in str(error)
    assert "429" in str(error)


@pytest.mark.parametrize("status", [429, 503])
async def test_an_overloaded_endpoint_is_asked_again(server: OpenAIServer, connect: Any, status: int) -> None:
    server.faults += [refuse(status, "busy"), refuse(status, "busy", retry_after_ms="1"), None]
    assert await text(connect(retry={"attempts": 3, "first_delay_s": 0.001})) == TEXT
    assert len(server.bodies) == 3


async def test_attempts_are_bounded(server: OpenAIServer, connect: Any) -> None:
    server.faults += [refuse(429, "busy")] * 5
    error = await failure(connect(retry={"attempts": 3, "first_delay_s": 0.001}))
    assert isinstance(error, ProviderOverloaded)
    assert len(server.bodies) == 3


async def test_a_wait_beyond_the_deadline_is_not_begun(server: OpenAIServer, connect: Any) -> None:
    server.faults.append(refuse(429, "busy", Retry_After="3600"))
    error = await failure(connect(retry={"attempts": 3}, timeouts={"total_s": 60}))
    assert isinstance(error, ProviderOverloaded)
    assert len(server.bodies) == 1


async def test_a_spent_quota_is_a_refusal(server: OpenAIServer, connect: Any) -> None:
    server.faults.append(refuse(429, "You exceeded your current quota", code="insufficient_quota"))
    error = await failure(connect(retry={"attempts": 3, "first_delay_s": 0.001}))
    assert isinstance(error, ProviderRejected)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_server_error_is_unavailable_and_never_sent_again(
    server: OpenAIServer, connect: Any, status: int
) -> None:
    server.faults.append(Fault(status=status, body=b"<html>Internal Server Error</html>"))
    error = await failure(connect(retry={"attempts": 3, "first_delay_s": 0.001}))
    assert isinstance(error, ProviderUnavailable)
    assert error.may_have_generated is True
    assert str(status) in str(error)
    assert len(server.bodies) == 1


async def test_a_refused_connection_names_the_endpoint_and_the_remedy(models: list[OpenAIChatModel]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    model = OpenAIChatModel(_profile(f"http://127.0.0.1:{port}/v1"))
    models.append(model)
    error = await failure(model)
    assert isinstance(error, ProviderUnavailable)
    assert error.may_have_generated is False
    assert str(port) in str(error)
    assert "base_url" in str(error.remedy)


async def test_an_unknown_host_is_unavailable(models: list[OpenAIChatModel]) -> None:
    model = OpenAIChatModel(_profile("http://no-such-host.invalid/v1"))
    models.append(model)
    error = await failure(model)
    assert isinstance(error, ProviderUnavailable)
    assert error.may_have_generated is False


@pytest.mark.parametrize("events", [0, 1, 2, 4])
async def test_a_dropped_stream_may_have_generated_and_is_never_sent_again(
    server: OpenAIServer, connect: Any, events: int
) -> None:
    server.faults.append(drop_after(events))
    error = await failure(connect(retry={"attempts": 3, "first_delay_s": 0.001}))
    assert isinstance(error, ProviderUnavailable)
    assert error.may_have_generated is True
    assert len(server.bodies) == 1


async def test_what_came_before_a_drop_reaches_the_reader(server: OpenAIServer, connect: Any) -> None:
    server.faults.append(drop_after(3))
    chunks, error = await read(connect(), ask())
    assert [chunk.text for chunk in chunks] == ["one", " two"]
    assert isinstance(error, ProviderUnavailable)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([{"choices": []}, b"data: [DONE]\n\n"], "finish reason"),
        ([b"data: [DONE]\n\n"], "any choice"),
        ([{"choices": None}], "finish reason"),
        ([{"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}], "finish reason"),
        ([{"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}], "usage"),
        ([{"choices": [{"index": 0, "delta": {"content": 5}, "finish_reason": None}]}], "content"),
        ([{"choices": [{"index": 0, "delta": None, "finish_reason": "tool_calls"}]}], "tool_calls"),
        ([{"choices": [], "usage": {"prompt_tokens": "3", "completion_tokens": 1}}], "usage"),
        ([{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": -1}}], "usage"),
        ([b"data: {broken\n\n"], "JSON"),
        ([b'data: "text"\n\n'], "object"),
        ([b"data: [1, 2]\n\n"], "object"),
        ([b"<html>hello</html>"], "finish reason"),
        ([b'data: {"choices": "\xff"}\n\n'], "UTF-8"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_answers_that_the_protocol_does_not_allow(
    server: OpenAIServer, connect: Any, events: list[Any], words: str
) -> None:
    server.faults.append(replace(*events))
    error = await failure(connect(count="bound"))
    assert isinstance(error, ProviderProtocolError)
    assert error.may_have_generated is True
    assert words in str(error)


ANSWER: dict[str, Any] = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1},
}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ANSWER, "of 0 tokens of the prompt how likely"),
        (ANSWER | {"prompt_logprobs": [None, {"1": {"logprob": -1.0}}]}, "malformed"),
        (ANSWER | {"prompt_logprobs": [None, {}, {"1": {"logprob": -1.0}}]}, "malformed"),
        (ANSWER | {"prompt_logprobs": [{"1": {"logprob": "high"}}] * 3}, "malformed"),
        (ANSWER | {"prompt_logprobs": 5}, "malformed"),
        ({"choices": []}, "no choices"),
        (["text"], "no choices"),
        (ANSWER | {"usage": None, "prompt_logprobs": [{"1": {"logprob": -1.0}}] * 3}, "usage"),
    ],
)
async def test_an_answer_that_does_not_say_how_likely_a_prefix_was(
    server: OpenAIServer, connect: Any, answer: Any, words: str
) -> None:
    server.faults.append(Fault(body=answer))
    request = ask(prefix="two words").model_copy(update={"prefix_logprob": True})
    error = await failure(connect(), request)
    assert isinstance(error, ProviderProtocolError)
    assert error.may_have_generated is True
    assert words in str(error)


async def test_the_likelihood_of_a_prefix_is_that_of_its_own_tokens(server: OpenAIServer, connect: Any) -> None:
    likely = [{str(number): {"logprob": -float(number), "rank": 1}} for number in range(1, 6)]
    server.faults.append(Fault(body=ANSWER | {"prompt_logprobs": [None, *likely]}))
    (told,) = await generate(connect(), ask(prefix="two words").model_copy(update={"prefix_logprob": True}))
    assert (told.prefix_logprob, told.text, told.usage.completion_tokens) == (-9.0, "x", 1)
    assert {"prompt_logprobs": 0, "continue_final_message": True}.items() <= server.bodies[0].items()
    assert "stream" not in server.bodies[0]


async def test_a_failure_told_within_the_stream_is_unavailable(server: OpenAIServer, connect: Any) -> None:
    server.faults.append(replace({"error": {"message": "EngineDeadError", "type": "InternalServerError", "code": 500}}))
    error = await failure(connect())
    assert isinstance(error, ProviderUnavailable)
    assert error.may_have_generated is True
    assert "EngineDeadError" in str(error)


async def test_a_content_filter_is_a_refusal(server: OpenAIServer, connect: Any) -> None:
    server.faults.append(replace({"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]}))
    error = await failure(connect())
    assert isinstance(error, ProviderRejected)
    assert error.may_have_generated is True


@pytest.mark.parametrize(
    ("fault", "limits", "name"),
    [
        (silent(), {"first_token_s": 0.2}, "first_token_s"),
        (stall_after(1), {"first_token_s": 0.2}, "first_token_s"),
        (stall_after(2), {"between_chunks_s": 0.2}, "between_chunks_s"),
        (stall_after(2), {"total_s": 0.5}, "total_s"),
    ],
    ids=["slow-first-byte", "role-only", "stalled", "endless"],
)
async def test_a_silent_endpoint_is_given_up_and_the_timeout_named(
    server: OpenAIServer, connect: Any, fault: Fault, limits: dict[str, float], name: str
) -> None:
    model = connect()
    await text(model)  # The client's import does not count against the limits below.
    model = connect(timeouts=limits, retry={"attempts": 3, "first_delay_s": 0.001})
    server.faults.append(fault)
    error = await failure(model)
    assert isinstance(error, ProviderUnavailable)
    assert error.may_have_generated is True
    assert name in str(error)
    assert len(server.bodies) == 2
    await server.wait(lambda: server.live == 0)


async def test_a_server_without_usage_is_refused_unless_tokens_can_be_counted(models: list[OpenAIChatModel]) -> None:
    with OpenAIServer(ScriptedModel(constant), usage=False) as server:
        strict = OpenAIChatModel(server.profile(count="bound"))
        counting = OpenAIChatModel(server.profile(count="tokenize"))
        models += [strict, counting]
        error = await failure(strict)
        assert isinstance(error, ProviderProtocolError)
        assert "usage" in str(error)
        (completion,) = await generate(counting, ask())
    assert completion.text == TEXT
    assert completion.usage.prompt_tokens == 2
    # Four words, and one for the end of the turn.
    assert completion.usage.completion_tokens == 5


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_shows_nowhere(
    server: OpenAIServer, connect: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.faults.append(refuse(status, f"Incorrect API key provided: {KEY}"))
    model = connect(environment={"ENDPOINT_KEY": KEY}, api_key_env="ENDPOINT_KEY")
    error = await failure(model)
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert isinstance(error, ProviderRejected)
    assert "ENDPOINT_KEY" in str(error.remedy)
    shown = [str(error), repr(error), repr(error.__cause__), repr(model), str(error.to_dict()), caplog.text]
    assert all(KEY not in each for each in shown)


async def test_a_key_that_the_endpoint_quotes_is_taken_out(server: OpenAIServer, connect: Any) -> None:
    server.faults.append(refuse(400, f"bad header: Bearer {KEY}"))
    error = await failure(connect(environment={"ENDPOINT_KEY": KEY}, api_key_env="ENDPOINT_KEY"))
    assert KEY not in str(error)
    assert "bad header" in str(error)


def test_a_missing_key_is_named_before_any_request(server: OpenAIServer) -> None:
    with pytest.raises(ConfigError, match="ENDPOINT_KEY"):
        OpenAIChatModel(server.profile(api_key_env="ENDPOINT_KEY"), environment={})


async def test_the_key_of_another_service_is_not_sent(
    server: OpenAIServer, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert await text(connect()) == TEXT
    assert KEY not in str(server.headers)


@pytest.mark.parametrize("words", [47, 48, 49, 50, 60])
async def test_a_prompt_too_long_is_told_from_one_that_just_fits(
    server: OpenAIServer, connect: Any, words: int
) -> None:
    request = ask(prompt="word " * words, max_tokens=1)
    # One token for the message itself, and one for the white space at its end.
    if words + 2 < 50:
        assert await text(connect(), request) == "one"
        return
    error = await failure(connect(), request)
    assert type(error) is PromptTooLong
    assert error.may_have_generated is False
    assert len(server.bodies) == 1


async def test_max_tokens_is_cut_to_what_the_context_has(server: OpenAIServer, connect: Any) -> None:
    assert await text(connect(), ask(max_tokens=1000)) == TEXT
    assert [body["max_tokens"] for body in server.bodies] == [1000, 50]


async def test_max_tokens_is_cut_to_what_the_prompt_leaves_where_the_endpoint_says_so(
    server: OpenAIServer, connect: Any
) -> None:
    message = (
        "This model's maximum context length is 50 tokens and your request has 45 input tokens (20 > 50 - 45). None"
    )
    server.faults.append(refuse(400, message))
    assert await text(connect(), ask(max_tokens=20)) == TEXT
    assert [body["max_tokens"] for body in server.bodies] == [20, 5]


async def test_an_endpoint_that_goes_on_refusing_is_not_asked_for_ever(server: OpenAIServer, connect: Any) -> None:
    message = "This model's maximum context length is 50 tokens and your request has 45 input tokens"
    server.faults += [refuse(400, message)] * 9
    assert type(await failure(connect())) is PromptTooLong
    assert len(server.bodies) == 2


async def test_an_unknown_model_is_a_refusal_with_a_remedy(server: OpenAIServer, connect: Any) -> None:
    error = await failure(connect(model="other"))
    assert isinstance(error, ProviderRejected)
    assert "other" in str(error)
    assert error.remedy is not None


async def test_without_a_model_id_the_only_one_served_is_taken(models: list[OpenAIChatModel]) -> None:
    with (
        OpenAIServer(ScriptedModel(constant), model_ids=("only",)) as one,
        OpenAIServer(ScriptedModel(constant), model_ids=("first", "second")) as two,
    ):
        clear, unclear = OpenAIChatModel(one.profile(model=None)), OpenAIChatModel(two.profile(model=None))
        models += [clear, unclear]
        assert await text(clear) == TEXT
        with pytest.raises(ConfigError, match="first, second"):
            await text(unclear)
    assert one.bodies[0]["model"] == "only"


async def test_a_prefix_is_sent_as_the_endpoint_wants_it(server: OpenAIServer, connect: Any) -> None:
    with pytest.raises(ConfigError, match="prefix"):
        await text(connect(prefix="none"), ask(prefix="Sure"))
    assert server.bodies == []
    await text(connect(prefix="vllm"), ask(prefix="Sure"))
    vllm = server.bodies[-1]
    assert vllm["messages"][-1] == {"role": "assistant", "content": "Sure"}
    assert (vllm["continue_final_message"], vllm["add_generation_prompt"]) == (True, False)
    await text(connect(prefix="assistant"), ask(prefix="Sure"))
    other = server.bodies[-1]
    assert other["messages"][-1] == {"role": "assistant", "content": "Sure", "prefix": True}
    assert "continue_final_message" not in other


async def test_the_profile_fills_what_a_request_leaves_open(server: OpenAIServer, connect: Any) -> None:
    model = connect(
        sampling={"temperature": 0.6, "top_p": 0.9},
        extra_body={"top_k": 20, "chat_template_kwargs": {"enable_thinking": False}},
        max_tokens_field="max_completion_tokens",
    )
    await generate(model, ask(n=2, temperature=0.1, seed=5, stop=("END",), top_logprobs=2))
    first, second = server.bodies
    assert (first["temperature"], first["top_p"], first["top_k"]) == (0.1, 0.9, 20)
    assert first["chat_template_kwargs"] == {"enable_thinking": False}
    assert first["stop"] == ["END"]
    assert (first["logprobs"], first["top_logprobs"]) == (True, 2)
    assert first["max_completion_tokens"] == 20
    assert "max_tokens" not in first
    assert (first["seed"], second["seed"]) == (5, 6)


async def test_unset_choices_are_left_to_the_endpoint(server: OpenAIServer, connect: Any) -> None:
    await text(connect())
    assert not {"temperature", "top_p", "seed", "stop", "logprobs", "top_logprobs"} & server.bodies[0].keys()


@pytest.mark.parametrize(("reasoning", "expected"), [("hide", TEXT), ("wrap", f"<think>hm, well</think>{TEXT}")])
async def test_thinking_sent_apart_is_left_out_or_wrapped(
    models: list[OpenAIChatModel], reasoning: str, expected: str
) -> None:
    with OpenAIServer(ScriptedModel(constant), thinking="hm, well") as server:
        thinking = {"start": "<think>", "end": "</think>"}
        model = OpenAIChatModel(server.profile(reasoning=reasoning, thinking=thinking))
        models.append(model)
        assert await text(model) == expected


async def test_the_first_sample_is_sent_alone_until_it_speaks(models: list[OpenAIChatModel]) -> None:
    gate = asyncio.Event()
    calls = 0

    def script(request: ChatRequest) -> Reply:
        nonlocal calls
        calls += 1
        return Reply((TEXT,), gate=gate if calls == 1 else None)

    with OpenAIServer(ScriptedModel(script)) as server:
        # The role alone is not a token: vLLM sends it together with the first one.
        model = OpenAIChatModel(server.profile())
        models.append(model)
        task = asyncio.create_task(generate(model, ask(n=3)))
        await server.wait(lambda: server.live == 1)
        assert len(server.bodies) == 1
        await _on_server(server, gate.set)
        assert [completion.text for completion in await task] == [TEXT] * 3
    assert len(server.bodies) == 3


async def test_one_failing_sample_does_not_cost_the_others(server: OpenAIServer, connect: Any) -> None:
    server.faults += [None, refuse(429, "busy")]
    chunks, error = await read(connect(), ask(n=3))
    assert len([chunk for chunk in chunks if chunk.finish_reason is not None]) == 2
    assert isinstance(error, ProviderOverloaded)
    assert error.may_have_generated is True, "the other samples were generated"


async def test_no_more_samples_run_at_once_than_the_profile_says(models: list[OpenAIChatModel]) -> None:
    gate = asyncio.Event()
    others: list[int] = []

    def script(request: ChatRequest) -> Reply:
        others.append(scripted.live)
        return Reply((TEXT,), gate=gate)

    scripted = ScriptedModel(script)
    with OpenAIServer(scripted) as server:
        model = OpenAIChatModel(server.profile(concurrency=2))
        models.append(model)
        task = asyncio.gather(*(generate(model, ask(n=3)) for _ in range(3)))
        await server.wait(lambda: server.live == 2)
        await _on_server(server, gate.set)
        await task
    assert len(others) == 9
    assert max(others) == 1


async def test_a_slot_is_free_again_after_a_cancelled_and_a_failed_sample(server: OpenAIServer, connect: Any) -> None:
    model = connect(concurrency=1)
    async with aclosing(model.stream(ask())) as stream:
        await anext(stream)
    server.faults.append(drop_after(2))
    await failure(model)
    assert await text(model) == TEXT


async def test_a_server_without_running_counts_gives_an_upper_bound_that_says_so(
    server: OpenAIServer, connect: Any
) -> None:
    model = connect(continuous_usage=False)
    assert model.info.cut_margin_tokens is None, "a sample without an end counts in full"
    assert connect(continuous_usage=False, cut_margin_tokens=5).info.cut_margin_tokens == 5
    chunks, _ = await read(model, ask())
    assert "continuous_usage_stats" not in server.bodies[-1]["stream_options"]
    for number, chunk in enumerate(chunks[:-1], start=1):
        assert chunk.tokens_exact is False
        assert chunk.tokens is not None
        assert chunk.tokens >= number
    exact, _ = await read(connect(), ask())
    assert [chunk.tokens for chunk in exact[:-1]] == list(range(1, len(exact)))
    assert all(chunk.tokens_exact for chunk in exact)


async def test_an_endpoint_answers_by_health_or_by_its_models(server: OpenAIServer, connect: Any) -> None:
    assert await connect().answers()
    assert not await connect(base_url="http://127.0.0.1:9/v1").answers()


async def test_half_a_surrogate_pair_in_a_prompt_is_sent_as_a_question_mark(server: OpenAIServer, connect: Any) -> None:
    await text(connect(), ask(prompt="cut \ud83d here"))
    assert server.bodies[0]["messages"][0]["content"] == "cut ? here"


async def test_counting_fails_clearly_where_there_is_no_tokenize(server: OpenAIServer, connect: Any) -> None:
    model = connect(tokenize_url=f"http://127.0.0.1:{server.port}/nowhere")
    with pytest.raises(ProviderRejected, match="404"):
        await model.count_prompt_tokens([Message(role="user", content="hello")])


async def test_equal_prompts_are_counted_once(server: OpenAIServer, connect: Any) -> None:
    """Attempts at one problem begin together; one of them that is cancelled leaves the count to the others."""
    model = connect()
    prompts = [[Message(role="user", content=text)] for text in ("one two", "one two three")]
    asked = [asyncio.create_task(model.count_prompt_tokens(prompt)) for prompt in prompts * 4]
    await asyncio.sleep(0)
    asked[0].cancel()
    counts = await asyncio.gather(*asked[1:])
    assert counts == [4, 3, 4, 3, 4, 3, 4]
    assert await model.count_prompt_tokens(prompts[0]) == 3
    assert server.counted == 2


async def test_probe_tells_what_is_wrong(server: OpenAIServer) -> None:
    fine = await probe(server.profile())
    assert (fine.status, fine.remedy) == ("ok", None)
    other = await probe(server.profile(model="other"))
    assert other.status == "missing"
    assert "served" in other.detail
    long = await probe(server.profile(context_tokens=4096))
    assert long.status == "degraded"
    assert long.remedy == "set context_tokens = 50"
    uncounted = await probe(server.profile(tokenize_url=f"http://127.0.0.1:{server.port}/nowhere"))
    assert uncounted.status == "missing"
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    gone = await probe(server.profile(base_url=f"http://127.0.0.1:{port}/v1"))
    assert gone.status == "missing"
    assert gone.remedy is not None
    keyless = await probe(server.profile(api_key_env="SOLVENT_NO_SUCH_KEY"))
    assert keyless.status == "missing"
    assert "SOLVENT_NO_SUCH_KEY" in keyless.detail


async def test_probe_tells_a_refused_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDPOINT_KEY", KEY)
    with OpenAIServer(ScriptedModel(constant), api_key="another") as server:
        state = await probe(server.profile(api_key_env="ENDPOINT_KEY"))
    assert state.status == "missing"
    assert KEY not in repr(state)


def _profile(base_url: str) -> ModelProfile:
    fields = {"name": "gone", "backend": "openai", "base_url": base_url, "model": "m", "context_tokens": 50}
    return ModelProfile.model_validate(fields | {"retry": {"attempts": 1}})


async def _on_server(server: OpenAIServer, action: Any) -> None:
    """Run `action` on the server's event loop, whose objects are not safe for other threads."""
    await server.wait(lambda: server.loop is not None)
    server.loop.call_soon_threadsafe(action)
