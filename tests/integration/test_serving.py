"""The bundled model's HTTP server, as OpenAI's own client and a plain HTTP client see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from starter_process import StarterProcess

KEY = "a key for tests"
TASK = "Read an integer. Add 3. Print it."
WAIT_S = 120.0


@pytest.fixture(scope="module")
def server() -> Iterator[StarterProcess]:
    options = ("--api-key-env", "SERVER_KEY", "--max-running", "32", "--max-waiting", "8", "--max-body-kib", "64")
    with StarterProcess(*options, environment={"SERVER_KEY": KEY}) as process:
        yield process


@pytest.fixture
async def http(server: StarterProcess) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(base_url=server.root, headers=headers, timeout=120) as client:
        yield client


@pytest.fixture
async def client(server: StarterProcess) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key=KEY, max_retries=0, timeout=120) as opened:
        yield opened


def chat(**fields: Any) -> dict[str, Any]:
    return {
        "model": "starter",
        "messages": [{"role": "user", "content": TASK}],
        "max_tokens": 24,
        "seed": 3,
        "temperature": 1.5,
    } | fields


async def settled(server: StarterProcess, condition: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """Return the metrics once the condition holds for them; the server tells only when asked."""
    metrics: dict[str, float] = {}
    try:
        async with asyncio.timeout(WAIT_S):
            while not metrics or not condition(metrics):
                metrics = await asyncio.to_thread(server.metrics)
    except TimeoutError:
        pytest.fail(f"the server never came to the expected state: {metrics}")
    return metrics


def busy(metrics: dict[str, float]) -> float:
    return metrics["vllm:num_requests_running"] + metrics["vllm:num_requests_waiting"]


async def test_the_tokens_of_a_prompt_have_likelihoods(client: openai.AsyncOpenAI, http: httpx2.AsyncClient) -> None:
    told = await client.chat.completions.create(**chat(extra_body={"prompt_logprobs": 0}))
    asked = {"messages": [{"role": "user", "content": TASK}], "add_generation_prompt": True}
    tokens = (await http.post("/tokenize", json=asked)).json()["tokens"]
    first, *others = told.model_dump()["prompt_logprobs"]
    assert first is None
    assert [int(token) for entry in others for token in entry] == tokens[1:]
    assert all(one["logprob"] <= 0 and one["rank"] >= 1 for entry in others for one in entry.values())

    prompts = ["def f(x):", "def"]
    plain = await client.completions.create(
        model="starter", prompt=prompts, n=2, max_tokens=2, extra_body={"prompt_logprobs": 0}
    )
    texts = [
        "".join(one["decoded_token"] for entry in choice.model_dump()["prompt_logprobs"][1:] for one in entry.values())
        for choice in plain.choices
    ]
    assert len(texts[0]) > 3
    assert texts[0] == texts[1]
    assert prompts[0].endswith(texts[0])
    assert prompts[1].endswith(texts[2])
    assert "prompt_logprobs" not in (await client.chat.completions.create(**chat())).model_dump()


async def test_a_stream_is_the_whole_answer_in_pieces(client: openai.AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(**chat(n=3, logprobs=True, top_logprobs=2))
    texts = ["", "", ""]
    tokens: list[list[str]] = [[], [], []]
    reasons: list[str | None] = [None, None, None]
    usage = None
    options = {"include_usage": True}
    request = chat(n=3, logprobs=True, top_logprobs=2, stream=True, stream_options=options)
    async for event in await client.chat.completions.create(**request):
        usage = event.usage or usage
        for choice in event.choices:
            texts[choice.index] += choice.delta.content or ""
            tokens[choice.index] += [t.token for t in (choice.logprobs.content or [])] if choice.logprobs else []
            reasons[choice.index] = choice.finish_reason or reasons[choice.index]
    assert texts == [choice.message.content for choice in whole.choices]
    assert len(set(texts)) > 1, "each sample has its own seed"
    assert tokens == [[t.token for t in choice.logprobs.content] for choice in whole.choices]
    assert reasons == [choice.finish_reason for choice in whole.choices]
    assert usage == whole.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert all(len(t.top_logprobs) == 2 for choice in whole.choices for t in choice.logprobs.content)


async def test_a_seed_gives_the_same_alone_and_in_a_batch(client: openai.AsyncOpenAI) -> None:
    alone = [(await client.chat.completions.create(**chat(seed=seed))).choices[0].message.content for seed in range(4)]
    together = await asyncio.gather(*(client.chat.completions.create(**chat(seed=seed % 4)) for seed in range(16)))
    assert [answer.choices[0].message.content for answer in together] == alone * 4
    many = await client.chat.completions.create(**chat(seed=0, n=4))
    assert [choice.message.content for choice in many.choices] == alone


async def test_the_framing_of_a_stream(http: httpx2.AsyncClient) -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    async with http.stream(
        "POST", "/v1/chat/completions", json=chat(stream=True, stream_options=options, max_tokens=6)
    ) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        raw = (await answer.aread()).decode()
    assert raw.endswith("data: [DONE]\n\n")
    blocks = raw.removesuffix("\n\n").split("\n\n")
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    events = [json.loads(block[6:]) for block in blocks[:-1]]
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    assert len({event["id"] for event in events}) == 1
    counts = [event["usage"]["completion_tokens"] for event in events]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 6)
    assert events[-1]["choices"] == []
    assert [event["choices"][0]["finish_reason"] for event in events[:-1]][-1] == "length"


async def test_cancelling_31_of_32_streams_leaves_the_server_to_the_last(
    server: StarterProcess, http: httpx2.AsyncClient
) -> None:
    before = await settled(server, lambda metrics: not busy(metrics))
    begun = asyncio.Semaphore(0)
    release = asyncio.Event()

    async def one(number: int) -> int:
        # Far more tokens than pass while the others are cancelled; without the wait on `release` the last reads on.
        body = chat(seed=number, stream=True, ignore_eos=True, max_tokens=480, stream_options={"include_usage": True})
        used = 0
        async with http.stream("POST", "/v1/chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    begun.release()
                    if number:
                        await release.wait()
                    used = (json.loads(line[6:]).get("usage") or {}).get("completion_tokens", used)
        return used

    tasks = [asyncio.create_task(one(number)) for number in range(32)]
    await settled(server, lambda metrics: metrics["vllm:num_requests_running"] == 32)
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks[1:], return_exceptions=True)
    left = await settled(server, lambda metrics: busy(metrics) <= 1)
    steps, generated = left["solvent:engine_steps_total"], left["vllm:generation_tokens_total"]
    assert await tasks[0] == 480
    after = await settled(server, lambda metrics: not busy(metrics))
    assert after["vllm:request_success_total"] - before["vllm:request_success_total"] == 32
    # Every step since then made one token, the last stream's. The two counts are read one after the other: 1 to spare.
    made, stepped = after["vllm:generation_tokens_total"] - generated, after["solvent:engine_steps_total"] - steps
    assert abs(made - stepped) <= 1
    assert after["vllm:generation_tokens_total"] - before["vllm:generation_tokens_total"] < 32 * 480


async def test_an_answer_that_is_not_streamed_ends_with_its_client_as_well(
    server: StarterProcess, http: httpx2.AsyncClient
) -> None:
    before = await settled(server, lambda metrics: not busy(metrics))
    asked = asyncio.create_task(http.post("/v1/chat/completions", json=chat(n=16, ignore_eos=True, max_tokens=480)))
    await settled(server, lambda metrics: metrics["vllm:num_requests_running"] == 16)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    after = await settled(server, lambda metrics: not busy(metrics))
    assert after["vllm:generation_tokens_total"] - before["vllm:generation_tokens_total"] < 16 * 480


async def test_beyond_the_queue_requests_are_told_to_come_back(
    server: StarterProcess, http: httpx2.AsyncClient
) -> None:
    hog = asyncio.create_task(http.post("/v1/chat/completions", json=chat(n=32, ignore_eos=True, max_tokens=480)))
    await settled(server, lambda metrics: busy(metrics) >= 32)
    refused = await http.post("/v1/chat/completions", json=chat(n=9))
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["code"] == "queue_full"
    hog.cancel()
    await asyncio.gather(hog, return_exceptions=True)
    await settled(server, lambda metrics: not busy(metrics))
    assert (await http.post("/v1/chat/completions", json=chat(n=9))).status_code == 200


async def test_the_second_sample_finds_the_prompt_read(server: StarterProcess, client: openai.AsyncOpenAI) -> None:
    before = await asyncio.to_thread(server.metrics)
    request = chat(n=2, max_tokens=2, messages=[{"role": "user", "content": "A prompt that nobody else sends."}])
    usage = (await client.chat.completions.create(**request)).usage
    after = await asyncio.to_thread(server.metrics)
    assert usage is not None
    name = "vllm:prefix_cache_{}_total"
    assert after[name.format("queries")] - before[name.format("queries")] == 2 * usage.prompt_tokens
    assert after[name.format("hits")] - before[name.format("hits")] == usage.prompt_tokens


async def test_sampling_fields_do_what_they_say(client: openai.AsyncOpenAI) -> None:
    async def text(**fields: Any) -> str:
        extra = fields.pop("extra_body", None)
        answer = await client.chat.completions.create(**chat(**fields), extra_body=extra)
        return answer.choices[0].message.content or ""

    greedy = await text(temperature=0)
    assert await text(extra_body={"top_k": 1}) == greedy
    assert await text(extra_body={"min_p": 1.0}) == greedy
    assert await text(top_p=1e-9) == greedy
    assert await text() != greedy


async def test_a_bias_forces_and_bans_tokens(http: httpx2.AsyncClient) -> None:
    ids = (await http.post("/tokenize", json={"prompt": "x"})).json()["tokens"]
    assert len(ids) == 1
    forced = await http.post("/v1/chat/completions", json=chat(logit_bias={str(ids[0]): 100}, max_tokens=5))
    assert forced.json()["choices"][0]["message"]["content"] == "xxxxx"
    greedy = (await http.post("/v1/chat/completions", json=chat(temperature=0, max_tokens=1, logprobs=True))).json()
    first = greedy["choices"][0]["logprobs"]["content"][0]["token"]
    (banned,) = (await http.post("/tokenize", json={"prompt": first})).json()["tokens"]
    other = await http.post(
        "/v1/chat/completions", json=chat(temperature=0, max_tokens=1, logit_bias={str(banned): -100})
    )
    assert other.json()["choices"][0]["message"]["content"] != first


async def test_lengths_are_kept(client: openai.AsyncOpenAI) -> None:
    async def ended(**fields: Any) -> tuple[str, int]:
        answer = await client.chat.completions.create(**chat(temperature=0), extra_body=fields)
        return answer.choices[0].finish_reason, answer.usage.completion_tokens if answer.usage else -1

    reason, natural = await ended(max_tokens=400)
    assert reason == "stop"
    assert natural < 400
    assert await ended(max_tokens=natural + 9, ignore_eos=True) == ("length", natural + 9)
    assert (await ended(max_tokens=natural + 20, min_tokens=natural + 5))[1] > natural + 4
    assert await ended(max_tokens=None, max_completion_tokens=3) == ("length", 3)
    assert await ended(max_tokens=100_000) == ("stop", natural), "cut to what the context leaves"


async def test_a_reply_that_was_begun_is_continued(http: httpx2.AsyncClient) -> None:
    whole = (await http.post("/v1/chat/completions", json=chat(temperature=0, logprobs=True))).json()["choices"][0]
    tokens = [entry["token"] for entry in whole["logprobs"]["content"]]
    begun = "".join(tokens[:6])
    turns = [{"role": "user", "content": TASK}, {"role": "assistant", "content": begun}]
    switches = {"continue_final_message": True, "add_generation_prompt": False}
    rest = (await http.post("/v1/chat/completions", json=chat(temperature=0, messages=turns, **switches))).json()
    assert rest["choices"][0]["message"]["content"].startswith("".join(tokens[6:]))
    both = await http.post("/v1/chat/completions", json=chat(messages=turns, continue_final_message=True))
    assert both.status_code == 400
    assert both.json()["error"]["param"] == "add_generation_prompt"


async def test_plain_completions(client: openai.AsyncOpenAI, http: httpx2.AsyncClient) -> None:
    asked = await client.chat.completions.create(**chat())
    raw = f"<|user|>{TASK}<|assistant|>"
    fields = {"max_tokens": 24, "seed": 3, "temperature": 1.5}
    by_text = await client.completions.create(model="starter", prompt=[raw, raw], logprobs=1, **fields)
    assert [choice.text for choice in by_text.choices] == [asked.choices[0].message.content] * 2
    assert [choice.index for choice in by_text.choices] == [0, 1]
    logprobs = by_text.choices[0].logprobs
    assert logprobs is not None
    assert "".join(logprobs.tokens or ()) == by_text.choices[0].text
    assert (logprobs.text_offset or [])[1] == len((logprobs.tokens or [])[0])
    counted = (await http.post("/tokenize", json={"messages": [{"role": "user", "content": TASK}]})).json()
    assert (await http.post("/detokenize", json={"tokens": counted["tokens"]})).json() == {"prompt": raw}
    by_ids = await client.completions.create(model="starter", prompt=counted["tokens"], **fields)
    assert by_ids.choices[0].text == by_text.choices[0].text
    assert by_ids.usage is not None
    assert by_ids.usage.prompt_tokens == counted["count"]


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"tools": [{"type": "function"}]}, "tools", "invalid_value"),
        ({"response_format": {"type": "json_object"}}, "response_format.type", "invalid_value"),
        ({"frequency_penalty": 0.5}, "frequency_penalty", "invalid_value"),
        ({"guided_json": {}}, "guided_json", "unsupported_parameter"),
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"n": 0}, "n", "invalid_value"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
        ({"logit_bias": {"99999": 1}}, "logit_bias", None),
        ({"logit_bias": {"word": 1}}, "logit_bias", None),
        ({"min_tokens": 25}, "min_tokens", None),
        ({"messages": []}, "messages", "invalid_value"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages.0.content.0.type",
            "invalid_value",
        ),
        ({"messages": [{"role": "user", "content": "word and " * 600}]}, "messages", "context_length_exceeded"),
        ({"model": "gpt-4"}, "model", "model_not_found"),
    ],
)
async def test_refusals_name_the_field(
    client: openai.AsyncOpenAI, fields: dict[str, Any], param: str, code: str | None
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await client.chat.completions.create(**chat(), extra_body=fields)
    assert caught.value.status_code == (404 if code == "model_not_found" else 400)
    assert (caught.value.param, caught.value.code) == (param, code)
    assert param.partition(".")[0] in str(caught.value.body)


async def test_what_is_no_request_is_refused(http: httpx2.AsyncClient) -> None:
    url, json_type = "/v1/chat/completions", {"content-type": "application/json"}
    cases = [
        (await http.post(url, content=b"{", headers=json_type), 400, "invalid_json"),
        (await http.post(url, content=b"[" * 60_000, headers=json_type), 400, "invalid_json"),
        (await http.post(url, content=b"[]", headers=json_type), 400, "invalid_value"),
        (await http.post(url, content=b"{}", headers={"content-type": "text/plain"}), 415, "unsupported_media_type"),
        (await http.post(url, content=b" " * 70_000, headers=json_type), 413, "body_too_large"),
        (await http.post(url, content=_pieces(), headers=json_type), 413, "body_too_large"),
        (await http.get("/v1/nothing"), 404, None),
        (await http.get(url), 405, None),
    ]
    for answer, status, code in cases:
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "Traceback" not in "".join(answer.text for answer, _, _ in cases)


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(70):
        yield b" " * 1024


async def test_the_key_is_asked_for(server: StarterProcess, client: openai.AsyncOpenAI) -> None:
    async with httpx2.AsyncClient(base_url=server.root) as stranger:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": KEY}):
            answer = await stranger.post("/v1/chat/completions", json=chat(), headers=headers)
            assert answer.status_code == 401
            assert KEY not in answer.text
        assert (await stranger.post("/tokenize", json={"prompt": "x"})).status_code == 401
        assert (await stranger.get("/health")).status_code == 200
        assert "vllm:num_requests_running{" in (await stranger.get("/metrics")).text
    assert [model.id for model in (await client.models.list()).data] == ["starter"]
    assert (await client.models.retrieve("starter")).id == "starter"


async def test_the_end_waits_for_running_requests() -> None:
    with StarterProcess() as process:
        body = chat(stream=True, ignore_eos=True, max_tokens=300, stream_options={"include_usage": True})
        async with (
            httpx2.AsyncClient(base_url=process.root, timeout=120) as http,
            http.stream("POST", "/v1/chat/completions", json=body) as answer,
        ):
            lines = answer.aiter_lines()
            await anext(lines)
            process.terminate()
            rest = [line async for line in lines if line]
        assert rest[-1] == "data: [DONE]"
        assert json.loads(rest[-2][6:])["usage"]["completion_tokens"] == 300
        assert (await asyncio.to_thread(process.wait))[0] == 0


async def test_what_does_not_end_in_time_is_cut_off() -> None:
    with StarterProcess("--drain-s", "0") as process:
        async with httpx2.AsyncClient(base_url=process.root, timeout=120) as http:
            body = chat(n=32, stream=True, ignore_eos=True, max_tokens=480)

            async def read() -> None:
                async with http.stream("POST", "/v1/chat/completions", json=body) as answer:
                    async for _ in answer.aiter_lines():
                        process.terminate()

            with pytest.raises(httpx2.HTTPError):
                await read()
        assert (await asyncio.to_thread(process.wait))[0] == 0
