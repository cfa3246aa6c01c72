"""What Solvent relies on in vLLM beyond the model contract, against a real one: `make test-vllm`.

With SOLVENT_TEST_VLLM_URL alone (`pytest -m vllm`) it runs against any vLLM; what compares with the bundled model is
skipped where another model is served. SOLVENT_TEST_VLLM_PYTHON names an interpreter with vLLM, for its options.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio

from solvent.benchmarks.http_streams import read_metrics, running
from solvent.benchmarks.vllm import CANCEL_STREAMS, CANCEL_TOKENS, Server, cancelling
from solvent.errors import PromptTooLong
from solvent.models.base import ChatRequest, Message, Sampling, generate
from solvent.models.openai import OpenAIChatModel
from solvent.models.probe import probe
from solvent.models.profiles import ModelProfile
from solvent.models.registry import list_profiles, load_profile, open_model
from solvent.models.serve_command import serve_arguments
from solvent.models.starter.text import ChatTokenizer
from solvent.models.starter.weights import SHIPPED
from solvent.settings import Settings
from solvent.training.families import FAMILIES, generate_samples
from solvent.training.prompting import render_prompt

pytestmark = pytest.mark.vllm

CONVERSATIONS = [
    [Message(role="user", content="Read an integer. Add 3. Print it.")],
    [Message(role="system", content="Be brief."), Message(role="user", content="  Größe, 数, 🙂\n\n")],
    [
        Message(role="user", content="One."),
        Message(role="assistant", content="print(1)\n"),
        Message(role="user", content="Two."),
    ],
]


@pytest.fixture
def url() -> str:
    found = os.environ.get("SOLVENT_TEST_VLLM_URL")
    if not found:
        pytest.skip("SOLVENT_TEST_VLLM_URL names no vLLM; make test-vllm starts one")
    return found


@pytest_asyncio.fixture
async def profile(url: str) -> ModelProfile:
    """A profile of the server, with its own context length."""
    profile = load_profile("vllm", Settings(config_dir=None)).model_copy(update={"base_url": url, "model": None})
    model = OpenAIChatModel(profile)
    ((name, length),) = (await model.served_models()).items()
    await model.aclose()
    assert length is not None
    return profile.model_copy(update={"model": name, "context_tokens": length})


@pytest_asyncio.fixture
async def model(profile: ModelProfile) -> AsyncIterator[OpenAIChatModel]:
    opened = OpenAIChatModel(profile)
    yield opened
    await opened.aclose()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=600) as client:
        yield client


@pytest.fixture
def same_weights(profile: ModelProfile) -> None:
    if profile.model != "starter":
        pytest.skip(f"it serves {profile.model}, not the bundled weights as `starter`")


async def idle(http: httpx2.AsyncClient, url: str) -> dict[str, float]:
    """Return the metrics once nothing runs; the server tells only when asked."""
    async with asyncio.timeout(120):
        while running(metrics := await read_metrics(http, url)):
            await asyncio.sleep(0)
    return metrics


def ask(text: str, *, n: int = 1, **sampling: object) -> ChatRequest:
    fields = {"seed": 7, "max_tokens": 24, "temperature": 1.0} | sampling
    return ChatRequest(messages=(Message(role="user", content=text),), n=n, sampling=Sampling.model_validate(fields))


async def fits_into(model: OpenAIChatModel, text: str, most: int) -> bool:
    return await model.count_prompt_tokens([Message(role="user", content=text)]) <= most


async def test_the_probe_finds_it_usable(profile: ModelProfile) -> None:
    assert (await probe(profile)).status == "ok"


@pytest.mark.usefixtures("same_weights")
async def test_greedy_decoding_is_the_bundled_engine_s(model: OpenAIChatModel) -> None:
    drawn = [[render_prompt(s) for s in generate_samples("held-out", name, 2, 5, seed=3)] for name in FAMILIES]
    # One of each family, then the next of each; an early version of the weights has a short context.
    most = model.info.context_tokens - 150
    prompts = [text for texts in zip(*drawn, strict=True) for text in texts if await fits_into(model, text, most)][:20]
    assert len(prompts) == 20
    engine = open_model(load_profile("starter", Settings(config_dir=None)))
    try:
        for prompt in prompts:
            request = ask(prompt, temperature=0.0, max_tokens=150, seed=None)
            (ours,), (theirs,) = await generate(engine, request), await generate(model, request)
            assert theirs.text == ours.text
            assert theirs.finish_reason == ours.finish_reason
            assert theirs.usage == ours.usage
    finally:
        await engine.aclose()


@pytest.mark.usefixtures("same_weights")
@pytest.mark.parametrize("messages", CONVERSATIONS)
@pytest.mark.parametrize("prefix", ["", "x = in"])
async def test_the_chat_template_is_the_bundled_engine_s(
    http: httpx2.AsyncClient, url: str, messages: list[Message], prefix: str
) -> None:
    turns = [message.model_dump() for message in messages]
    body: dict[str, object] = {"model": "starter", "messages": turns}
    if prefix:
        turns.append({"role": "assistant", "content": prefix})
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    answer = await http.post(url.removesuffix("/v1") + "/tokenize", json=body)
    assert answer.json()["tokens"] == ChatTokenizer(SHIPPED).encode_chat(messages, prefix)


async def test_its_logprobs_are_the_bundled_engine_s(model: OpenAIChatModel, same_weights: None) -> None:
    engine = open_model(load_profile("starter", Settings(config_dir=None)))
    try:
        request = ask("Read a list of integers. Print the sum.", temperature=0.0, top_logprobs=3)
        (ours,), (theirs,) = await generate(engine, request), await generate(model, request)
    finally:
        await engine.aclose()
    assert [token.token for token in theirs.logprobs] == [token.token for token in ours.logprobs]
    for their, our in zip(theirs.logprobs, ours.logprobs, strict=True):
        assert their.logprob == pytest.approx(our.logprob, abs=1e-3)
        assert [value for _, value in their.top] == pytest.approx([value for _, value in our.top], abs=1e-3)


async def test_the_second_of_n_samples_finds_the_prompt_in_the_cache(
    model: OpenAIChatModel, http: httpx2.AsyncClient, url: str
) -> None:
    before = await idle(http, url)
    # Nobody has asked this before; it fills more than one block of the cache, which holds up to 128 tokens.
    text = f"{uuid4()} " + "Read a list of integers and print their sum. " * 22
    completions = await generate(model, ask(text, n=4))
    after = await idle(http, url)
    prompt_tokens = completions[0].usage.prompt_tokens
    assert prompt_tokens > 2 * 128
    queried = after["vllm:prefix_cache_queries_total"] - before["vllm:prefix_cache_queries_total"]
    hit = after["vllm:prefix_cache_hits_total"] - before["vllm:prefix_cache_hits_total"]
    assert queried == 4 * prompt_tokens
    assert hit >= 3 * 128
    assert hit <= 3 * prompt_tokens, "the first sample found nothing"


async def test_usage_is_what_the_server_counts_itself(
    model: OpenAIChatModel, http: httpx2.AsyncClient, url: str
) -> None:
    before = await idle(http, url)
    requests = [ask(f"Write the program number {number}.", n=3, max_tokens=5 + number) for number in range(6)]
    completions = [c for some in await asyncio.gather(*(generate(model, r) for r in requests)) for c in some]
    after = await idle(http, url)
    assert after["vllm:prompt_tokens_total"] - before["vllm:prompt_tokens_total"] == sum(
        completion.usage.prompt_tokens for completion in completions
    )
    assert after["vllm:generation_tokens_total"] - before["vllm:generation_tokens_total"] == sum(
        completion.usage.completion_tokens for completion in completions
    )


async def test_the_longest_prompt_that_fits_is_answered_and_a_longer_one_refused(model: OpenAIChatModel) -> None:
    context = model.info.context_tokens

    low, high = 0, 2 * context
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if await fits_into(model, "word " * middle, context - 1) else (low, middle)
    (last,) = await generate(model, ask("word " * low, max_tokens=context))
    assert last.usage.prompt_tokens + last.usage.completion_tokens <= context
    assert last.usage.completion_tokens > 0
    with pytest.raises(PromptTooLong, match=r"max_tokens must be at least 1|maximum context length") as caught:
        await generate(model, ask("word " * high))
    assert caught.value.may_have_generated is False
    assert caught.value.remedy is not None


async def test_closing_a_stream_stops_its_generation_and_no_other(
    model: OpenAIChatModel, http: httpx2.AsyncClient, url: str
) -> None:
    before = await idle(http, url)
    most = model.info.context_tokens - 60
    async with aclosing(model.stream(ask("Write a long program.", n=4, max_tokens=most))) as stream:
        received = {}
        async for chunk in stream:
            received[chunk.index] = chunk.tokens or 0
            if len(received) == 4:
                break
    after = await idle(http, url)
    generated = after["vllm:generation_tokens_total"] - before["vllm:generation_tokens_total"]
    assert generated < 4 * most / 2, "far from the end"
    await asyncio.sleep(0.5)
    assert (await read_metrics(http, url))["vllm:generation_tokens_total"] == after["vllm:generation_tokens_total"]


async def test_cancelling_31_of_32_streams_leaves_the_server_to_the_last(profile: ModelProfile, url: str) -> None:
    if profile.context_tokens < CANCEL_TOKENS + 64:
        pytest.skip("its context is too short for the streams of the benchmark")
    cut = await cancelling(Server("vllm", url, str(profile.model)), CANCEL_STREAMS, 70_000)
    # The counts of the server and of its client are read one after the other; a step makes a token for each stream.
    assert cut.late_tokens <= CANCEL_STREAMS
    assert cut.wasted_tokens <= 10 * CANCEL_STREAMS


async def test_a_smaller_priority_overtakes_those_that_wait(
    profile: ModelProfile, http: httpx2.AsyncClient, url: str
) -> None:
    """Needs --scheduling-policy priority, and slots that 96 requests fill (make test-vllm starts it with 32)."""
    ends: list[str] = []

    async def one(name: str, priority: int) -> None:
        opened = OpenAIChatModel(profile.model_copy(update={"extra_body": {"priority": priority}, "concurrency": 200}))
        try:
            await generate(opened, ask(f"Write the program {name}.", max_tokens=40))
            ends.append(name)
        finally:
            await opened.aclose()

    crowd = [asyncio.create_task(one(str(number), 0)) for number in range(96)]
    async with asyncio.timeout(120):
        while (await read_metrics(http, url)).get("vllm:num_requests_waiting", 0) < 32:
            if all(task.done() for task in crowd):
                pytest.skip("the server has a slot for each of 96 requests: nothing waits")
            await asyncio.sleep(0)
    waiting = (await read_metrics(http, url))["vllm:num_requests_waiting"]
    assert waiting
    await one("urgent", -1)
    overtaken = 96 - (len(ends) - 1)
    await asyncio.gather(*crowd)
    assert overtaken >= 16, "it came before the last wave of those that had waited longer"
    assert len(ends) == 97


def test_vllm_knows_every_option_that_the_profiles_recommend() -> None:
    interpreter = os.environ.get("SOLVENT_TEST_VLLM_PYTHON")
    if not interpreter:
        pytest.skip("SOLVENT_TEST_VLLM_PYTHON names no interpreter with vLLM; make test-vllm has one")
    wanted = {
        entry.name: serve_arguments(entry.profile)[1:]
        for entry in list_profiles(Settings(config_dir=None))
        if entry.profile is not None and entry.profile.serve
    }
    assert len(wanted) >= 8
    program = """
import json, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = make_arg_parser(FlexibleArgumentParser())
for name, arguments in json.load(sys.stdin).items():
    print("profile", name, *arguments, file=sys.stderr, flush=True)
    chosen = parser.parse_args(arguments)
    print(json.dumps([name, chosen.model_tag, chosen.max_model_len, chosen.scheduling_policy]))
"""
    done = subprocess.run(
        [interpreter, "-c", program], input=json.dumps(wanted), capture_output=True, text=True, cwd="/", check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    parsed = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert [name for name, *_ in parsed] == list(wanted)
    for name, model, length, policy in parsed:
        shipped = load_profile(name, Settings(config_dir=None))
        assert (model, length, policy) == (shipped.model or "MODEL", shipped.context_tokens, "priority")
