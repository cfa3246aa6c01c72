"""What every ChatModel keeps, run for each implementation: scripted, over HTTP (counted, bounded, routed), starter, and
the starter model behind its own server in a process of its own.

`make test-vllm` also runs it against a vLLM, and so does `pytest -m vllm` with SOLVENT_TEST_VLLM_URL (such as
http://localhost:8000/v1), for any vLLM that serves one model.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from random import Random

import pytest
from chat_models import REAL, Subject, open_real
from openai_server import OpenAIServer

from solvent.errors import ConfigError, PromptTooLong
from solvent.models.base import CAPABILITIES, ChatRequest, Completion, Message, Sampling, generate
from solvent.models.openai import OpenAIChatModel
from solvent.models.registry import open_model
from solvent.models.scripted import Reply, ScriptedModel, prompt_key

CONTEXT = 600
WORDS = tuple("def f x y z return if else for in range sum sort list map 1 2 3 ( ) [ ] : = + *".split())  # noqa: SIM905 - plainer


def babble(request: ChatRequest) -> Reply:
    """Endless words that depend on the prompt and the seed as a model's would; a prefix of them is continued."""
    texts = []
    for index in range(request.n):
        seed = None if request.sampling.seed is None else request.sampling.seed + index
        if request.sampling.temperature == 0:
            seed = 0
        random = Random(None if seed is None else f"{prompt_key(request.messages)} {seed}")
        text = " ".join(random.choice(WORDS) for _ in range(2 * CONTEXT))
        texts.append(text.removeprefix(request.prefix))
    return Reply(tuple(texts))


@pytest.fixture(params=["scripted", "http", "http-bound", "router", *REAL])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    async with AsyncExitStack() as stack:
        if request.param.startswith(("starter", "vllm")):
            yield await open_real(stack, request.param, request)
            return
        if request.param == "router":
            yield await _router(stack)
            return
        scripted = ScriptedModel(babble, context_tokens=CONTEXT)
        if request.param == "scripted":

            async def idle() -> None:
                assert scripted.live == 0

            yield Subject(scripted, idle)
            return
        server = stack.enter_context(OpenAIServer(scripted))
        model = OpenAIChatModel(server.profile(count="tokenize" if request.param == "http" else "bound"))
        stack.push_async_callback(model.aclose)

        async def idle_server() -> None:
            await server.wait(lambda: scripted.live == server.live == 0 and server.served == len(server.bodies))

        yield Subject(model, idle_server)


async def _router(stack: AsyncExitStack) -> Subject:
    """Two servers behind a router whose sessions spill over at once."""
    vocabulary: list[str] = []
    models = [ScriptedModel(babble, context_tokens=CONTEXT, vocabulary=vocabulary) for _ in range(2)]
    servers = [stack.enter_context(OpenAIServer(model)) for model in models]
    endpoints = [{"base_url": server.base_url, "max_concurrent": 2} for server in servers]
    router = {"affinity_factor": 1, "affinity_slack_tokens": 0}
    model = open_model(servers[0].profile(base_url=None, endpoints=endpoints, router=router))
    stack.push_async_callback(model.aclose)

    async def idle() -> None:
        for server, scripted in zip(servers, models, strict=True):

            def quiet(server: OpenAIServer = server, scripted: ScriptedModel = scripted) -> bool:
                return scripted.live == server.live == 0 and server.served == len(server.bodies)

            await server.wait(quiet)

    return Subject(model, idle)


def ask(
    subject: Subject, *, n: int = 1, prefix: str = "", prompt: str | None = None, **sampling: object
) -> ChatRequest:
    fields = {"seed": 7, "max_tokens": 40, "temperature": 1.0} | sampling
    messages = (Message(role="user", content=prompt or subject.prompt),)
    return ChatRequest(messages=messages, n=n, prefix=prefix, sampling=Sampling.model_validate(fields))


async def one(subject: Subject, **fields: object) -> Completion:
    (completion,) = await generate(subject.model, ask(subject, **fields))  # type: ignore[arg-type]
    return completion


async def test_info_names_the_backend_and_what_it_can_do(subject: Subject) -> None:
    assert subject.model.info.context_tokens > 1
    lacking = CAPABILITIES - subject.model.info.capabilities
    assert lacking <= {"token_ids", "prefix_logprob"}
    assert not lacking or not subject.model.info.exact_prompt_count


async def test_a_chat_with_all_roles_gets_a_text(subject: Subject) -> None:
    messages = (
        Message(role="system", content="You write programs."),
        Message(role="user", content=subject.prompt),
        Message(role="assistant", content="print(1)"),
        Message(role="user", content="Again, please."),
    )
    (completion,) = await generate(subject.model, ChatRequest(messages=messages, sampling=Sampling(max_tokens=16)))
    assert completion.text
    assert completion.usage.completion_tokens > 0


async def test_pieces_come_in_order_and_only_the_last_has_finish_and_usage(subject: Subject) -> None:
    request = ask(subject)
    async with aclosing(subject.model.stream(request)) as stream:
        chunks = [chunk async for chunk in stream]
    assert len([chunk for chunk in chunks if chunk.text]) > 1, "a stream, not one block"
    for chunk in chunks[:-1]:
        assert chunk.finish_reason is None
        assert chunk.usage is None
    assert chunks[-1].finish_reason is not None
    assert chunks[-1].usage is not None
    (completion,) = await generate(subject.model, request)
    assert "".join(chunk.text for chunk in chunks) == completion.text


async def test_the_running_count_never_falls_and_ends_at_the_usage(subject: Subject) -> None:
    for n in (1, 3):
        counts: dict[int, list[int]] = {}
        exact = True
        async with aclosing(subject.model.stream(ask(subject, n=n))) as stream:
            async for chunk in stream:
                assert chunk.tokens is not None
                counts.setdefault(chunk.index, []).append(chunk.tokens)
                if chunk.usage is None:
                    exact &= chunk.tokens_exact
                else:
                    assert chunk.tokens == chunk.usage.completion_tokens
        for running in counts.values():
            if exact:
                assert running == sorted(running)
                assert len(set(running)) > 2, "it runs"
            else:
                assert max(running) >= running[-1], "an upper bound"


async def test_n_samples_have_own_index_finish_and_usage(subject: Subject) -> None:
    completions = await generate(subject.model, ask(subject, n=5))
    assert [completion.index for completion in completions] == [0, 1, 2, 3, 4]
    assert all(0 < completion.usage.completion_tokens <= 40 for completion in completions)
    assert len({completion.text for completion in completions}) > 1, "samples differ"
    charged = [completion.usage.prompt_tokens for completion in completions]
    if subject.model.info.prompt_tokens_per_sample:
        assert len(set(charged)) == 1
        assert charged[0] > 0
    else:
        assert charged[0] > 0
        assert charged[1:] == [0, 0, 0, 0]


async def test_a_seed_reproduces_and_another_differs(subject: Subject) -> None:
    first, again, *others = [await one(subject, seed=seed) for seed in (11, 11, 12, 13, 14, 15)]
    assert first == again
    assert any(other.text != first.text for other in others), "a model that is sure may write the same for some"


async def test_sample_i_of_n_is_the_single_sample_of_seed_plus_i(subject: Subject) -> None:
    together = await generate(subject.model, ask(subject, n=4, seed=20))
    for index, completion in enumerate(together):
        assert completion.text == (await one(subject, seed=20 + index)).text


async def test_stop_ends_the_text_before_the_stop(subject: Subject) -> None:
    whole = await one(subject)
    middle = len(whole.text) // 2
    stop = whole.text[middle : middle + 4]
    cut = await one(subject, stop=(stop, "never in the text"))
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason == "stop"
    assert cut.stop_text == stop
    assert whole.stop_text is None
    assert 0 < cut.usage.completion_tokens <= whole.usage.completion_tokens


async def test_max_tokens_ends_with_length_and_is_never_exceeded(subject: Subject) -> None:
    completion = await one(subject, max_tokens=6)
    assert completion.finish_reason == "length"
    assert completion.usage.completion_tokens == 6
    assert (await one(subject)).text.startswith(completion.text)


async def test_logprobs_come_only_when_asked_for(subject: Subject) -> None:
    assert (await one(subject)).logprobs == ()
    completion = await one(subject, top_logprobs=3)
    assert 0 < len(completion.logprobs) <= completion.usage.completion_tokens
    for token in completion.logprobs:
        assert token.logprob <= 0
        values = [value for _, value in token.top]
        assert len(values) == 3
        assert values == sorted(values, reverse=True)
        assert values[0] <= 0
        assert token.logprob <= values[0] + 1e-6, "no token is likelier than the likeliest"
    assert all(token.top == () for token in (await one(subject, top_logprobs=0)).logprobs)


async def test_a_prefix_is_continued_and_not_repeated(subject: Subject) -> None:
    request = ask(subject, temperature=0.0)
    async with aclosing(subject.model.stream(request)) as stream:
        pieces = [chunk.text async for chunk in stream if chunk.text]
    half = len(pieces) // 2
    prefix, rest = "".join(pieces[:half]), "".join(pieces[half:])
    continued = await one(subject, temperature=0.0, prefix=prefix)
    assert continued.text.startswith(rest)
    with_logprobs = await one(subject, temperature=0.0, prefix=prefix, top_logprobs=3)
    assert with_logprobs.text == continued.text
    assert {len(token.top) for token in with_logprobs.logprobs} == {3}
    assert continued.usage.prompt_tokens > (await one(subject, temperature=0.0)).usage.prompt_tokens


async def test_how_likely_a_given_text_is(subject: Subject) -> None:
    written = await one(subject, temperature=0.0, max_tokens=12, top_logprobs=0)
    if "prefix_logprob" not in subject.model.info.capabilities:
        with pytest.raises(ConfigError, match="how likely"):
            await likelihood(subject, written.text)
        return
    told = await likelihood(subject, written.text)
    assert told == pytest.approx(sum(token.logprob for token in written.logprobs), abs=0.2, rel=0.02)
    assert await likelihood(subject, written.text + " , however , Tuesday") < told
    assert (await one(subject, prefix=written.text)).prefix_logprob is None, "told where it is asked for"


async def test_a_text_whose_likelihood_is_asked_for_is_charged_as_a_prompt(subject: Subject) -> None:
    if "prefix_logprob" not in subject.model.info.capabilities:
        return
    request = ask(subject, prefix="def f ( x", max_tokens=1).model_copy(update={"prefix_logprob": True})
    (told,) = await generate(subject.model, request)
    assert told.usage.prompt_tokens == await subject.model.count_prompt_tokens(request.messages, request.prefix)
    assert told.usage.completion_tokens == 1
    twice = await generate(subject.model, request.model_copy(update={"n": 2}))
    assert [sample.prefix_logprob for sample in twice] == pytest.approx([told.prefix_logprob] * 2, abs=0.2)


async def likelihood(subject: Subject, text: str) -> float:
    request = ask(subject, prefix=text, max_tokens=1).model_copy(update={"prefix_logprob": True})
    (told,) = await generate(subject.model, request)
    assert told.prefix_logprob is not None
    return told.prefix_logprob


async def test_tokens_have_ids_and_ids_their_text(subject: Subject) -> None:
    if "token_ids" not in subject.model.info.capabilities:
        with pytest.raises(ConfigError, match="tokenize"):
            await subject.model.token_ids("x")
        with pytest.raises(ConfigError, match="tokenize"):
            await subject.model.token_text([1])
        return
    text = "def f(x): return 1"
    ids = await subject.model.token_ids(text)
    assert len(ids) > 2
    assert await subject.model.token_text(ids) == text
    with pytest.raises(ConfigError):
        await subject.model.token_text([10**8])


@pytest.mark.parametrize("prefix", ["", "def f ( x"])
async def test_a_bias_bars_a_token_or_has_nothing_else_come(subject: Subject, prefix: str) -> None:
    if "token_ids" not in subject.model.info.capabilities:
        # Who knows the ids from elsewhere may use them here too; there are none to be known of scripted words.
        with pytest.raises(ConfigError, match="tokenize"):
            await subject.model.token_ids("x")
        return
    (token,) = await subject.model.token_ids("x")
    only = await one(subject, logit_bias=((token, 100.0),), max_tokens=5, prefix=prefix)
    assert only.text == "xxxxx"
    usual = await one(subject, temperature=0.0, prefix=prefix, top_logprobs=1)
    first = usual.logprobs[0].token
    (barred,) = await subject.model.token_ids(first)
    other = await one(subject, temperature=0.0, prefix=prefix, top_logprobs=1, logit_bias=((barred, -100.0),))
    assert first not in [entry.token for entry in other.logprobs]


@pytest.mark.parametrize("n", [1, 4])
async def test_closing_the_stream_stops_the_generation(subject: Subject, n: int) -> None:
    async with aclosing(subject.model.stream(ask(subject, n=n, max_tokens=500))) as stream:
        await anext(stream)
    await subject.idle()
    assert (await one(subject)).text, "the model goes on to serve others"


async def test_cancelling_the_reader_stops_the_generation(subject: Subject) -> None:
    arrived = asyncio.Event()

    async def read() -> None:
        try:
            async with aclosing(subject.model.stream(ask(subject, n=3, max_tokens=500))) as stream:
                async for _ in stream:
                    arrived.set()
        finally:
            arrived.set()

    task = asyncio.create_task(read())
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await subject.idle()


@pytest.mark.parametrize("prefix", ["", "def f ( x"])
async def test_the_counted_prompt_is_what_is_charged(subject: Subject, prefix: str) -> None:
    messages = [Message(role="system", content="Be brief."), Message(role="user", content="Größe, 数, 🙂 and more.")]
    counted = await subject.model.count_prompt_tokens(messages, prefix)
    request = ChatRequest(messages=tuple(messages), prefix=prefix, sampling=Sampling(max_tokens=4))
    (completion,) = await generate(subject.model, request)
    if subject.model.info.exact_prompt_count:
        assert completion.usage.prompt_tokens == counted
    else:
        assert completion.usage.prompt_tokens <= counted


@pytest.mark.parametrize("prefix", ["", "def f ( x"])
async def test_a_prompt_longer_than_the_context_is_refused(subject: Subject, prefix: str) -> None:
    request = ask(subject, prompt="word and " * subject.model.info.context_tokens, prefix=prefix)
    with pytest.raises(PromptTooLong) as caught:
        await generate(subject.model, request)
    assert caught.value.may_have_generated is False
    assert caught.value.remedy


@pytest.mark.parametrize("prefix", ["", "def f ( x"])
async def test_max_tokens_beyond_the_context_is_no_error(subject: Subject, prefix: str) -> None:
    context = subject.model.info.context_tokens
    completion = await one(subject, max_tokens=10 * context, prefix=prefix)
    assert completion.usage.prompt_tokens + completion.usage.completion_tokens <= context


async def test_concurrent_requests_do_not_mix(subject: Subject) -> None:
    requests = [
        ask(
            subject,
            prompt=f"Write the program number {number}.",
            seed=100 + number,
            max_tokens=10 + number,
            n=1 + number % 2,
        )
        for number in range(8)
    ]
    alone = [await generate(subject.model, request) for request in requests]
    together = await asyncio.gather(*(generate(subject.model, request) for request in requests))
    assert together == alone


async def test_closing_twice_is_fine(subject: Subject) -> None:
    await one(subject)
    await subject.model.aclose()
    await subject.model.aclose()
