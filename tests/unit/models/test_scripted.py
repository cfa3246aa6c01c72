"""The scripted model and its files."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.errors import ConfigError, ProviderOverloaded, ProviderUnavailable
from solvent.models.base import ChatRequest, Chunk, Message, Sampling, generate
from solvent.models.script_file import ScriptFile, read_script
from solvent.models.scripted import Reply, ScriptedModel, cut, prompt_key, tokens_of


def ask(prompt: str = "hello", *, n: int = 1, **sampling: object) -> ChatRequest:
    messages = (Message(role="user", content=prompt),)
    return ChatRequest(messages=messages, n=n, sampling=Sampling.model_validate(sampling))


async def texts(model: ScriptedModel, request: ChatRequest) -> list[str]:
    return [completion.text for completion in await generate(model, request)]


@given(st.text())
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokens_of(text)) == text


@given(st.text("ab \n", max_size=40), st.integers(1, 12), st.lists(st.text("ab \n", max_size=3), max_size=3))
def test_a_cut_text_ends_where_a_model_would(text: str, max_tokens: int, stop: list[str]) -> None:
    pieces, count, finish, stopped_by = cut(text, max_tokens, stop)
    result = "".join(pieces)
    generated = "".join(tokens_of(text)[:max_tokens])
    assert count <= max_tokens
    assert text.startswith(result)
    assert not any(word and word in result for word in stop)
    if any(word and word in generated for word in stop):
        assert finish == "stop"
        assert stopped_by is not None
        assert generated.startswith(result + stopped_by)
    else:
        assert stopped_by is None
        assert result == generated
        assert finish == ("length" if len(generated) < len(text) else "stop")


async def test_replies_are_taken_in_order_and_requests_recorded() -> None:
    model = ScriptedModel(["first", Reply(("a", "b"))])
    assert await texts(model, ask("one")) == ["first"]
    assert await texts(model, ask("two", n=3)) == ["a", "b", "b"]
    assert [request.messages[0].content for request in model.requests] == ["one", "two"]
    with pytest.raises(ConfigError, match="2 replies"):
        await texts(model, ask("three"))


async def test_a_function_answers_by_the_request() -> None:
    model = ScriptedModel(lambda request: [f"{request.messages[0].content} {index}" for index in range(request.n)])
    assert await texts(model, ask("x", n=2)) == ["x 0", "x 1"]


@pytest.mark.parametrize("after", [0, 1, 2, 3, 9])
async def test_an_error_comes_at_its_chunk(after: int) -> None:
    model = ScriptedModel([Reply(("one two",), error=ProviderUnavailable("gone"), after_chunks=after)])
    seen: list[Chunk] = []

    async def read() -> None:
        async with aclosing(model.stream(ask())) as stream:
            async for chunk in stream:
                seen.append(chunk)

    with pytest.raises(ProviderUnavailable):
        await read()
    assert len(seen) == min(after, 3)
    assert model.live == 0


async def test_a_gate_holds_the_reply_until_it_is_set() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([Reply(("one two",), gate=gate, after_chunks=1)])
    task = asyncio.create_task(texts(model, ask()))
    await model.wait_for_requests(1)
    assert not task.done()
    gate.set()
    assert await task == ["one two"]


async def test_a_held_reply_can_be_cancelled() -> None:
    model = ScriptedModel([Reply(gate=asyncio.Event())])
    task = asyncio.create_task(texts(model, ask()))
    await model.wait_for_requests(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.live == 0


async def test_usage_counts_words_and_charges_the_prompt_once_or_per_sample() -> None:
    once = await generate(ScriptedModel(["a b c"]), ask("x y", n=2))
    assert [sample.usage.prompt_tokens for sample in once] == [3, 0]
    assert [sample.usage.completion_tokens for sample in once] == [3, 3]
    each = await generate(ScriptedModel(["a b c"], prompt_tokens_per_sample=True), ask("x y", n=2))
    assert [sample.usage.prompt_tokens for sample in each] == [3, 3]


def test_the_key_of_a_prompt_depends_on_roles_contents_and_prefix() -> None:
    user, system = Message(role="user", content="a"), Message(role="system", content="a")
    keys = [
        prompt_key([user]),
        prompt_key([system]),
        prompt_key([user, user]),
        prompt_key([user], "p"),
        prompt_key([Message(role="user", content="ap")]),
    ]
    assert len(set(keys)) == len(keys)


def script(folder: Path, *lines: object) -> Path:
    path = folder / "script.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n", encoding="utf-8")
    return path


async def test_a_file_answers_by_key_then_by_content_then_in_order(tmp_path: Path) -> None:
    key = prompt_key(ask("keyed prompt").messages)
    path = script(
        tmp_path,
        {"texts": ["first"]},
        {"contains": "prompt", "texts": ["by content"]},
        {"key": key[:16], "texts": ["by key"]},
        {"texts": ["second"]},
    )
    model = ScriptedModel(ScriptFile(path))
    prompts = ["x", "keyed prompt", "other prompt", "other prompt", "x"]
    assert [(await texts(model, ask(prompt)))[0] for prompt in prompts] == [
        "first",
        "by key",
        "by content",
        "by content",
        "second",
    ]
    with pytest.raises(ConfigError, match="all 2 plain lines"):
        await texts(model, ask("x"))


async def test_a_file_can_raise_errors(tmp_path: Path) -> None:
    error = {"type": "ProviderOverloaded", "message": "busy", "retry_after_s": 3}
    model = ScriptedModel(ScriptFile(script(tmp_path, {"error": error})))
    with pytest.raises(ProviderOverloaded, match="busy") as caught:
        await texts(model, ask())
    assert caught.value.retry_after_s == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"text": "x"}', ["field text"]),
        ('{"texts": []}', ["field texts"]),
        ('{"error": {"type": "KeyError"}}', ["KeyError", "ProviderOverloaded"]),
        ("{", ["JSON"]),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, words: list[str]) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text('{"texts": ["x"]}\n' + line, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_script(path)
    for word in [f"{path}:2", *words]:
        assert word in str(caught.value)


PROCESS = """
import asyncio, os, signal, sys
from pathlib import Path
from solvent.models.base import ChatRequest, Message, generate
from solvent.models.script_file import ScriptFile
from solvent.models.scripted import ScriptedModel

async def main():
    model = ScriptedModel(ScriptFile(Path(sys.argv[1]), Path(sys.argv[2])))
    request = ChatRequest(messages=(Message(role="user", content="x"),))
    (completion,) = await generate(model, request)
    print(completion.text, flush=True)
    task = asyncio.create_task(generate(model, request))
    await model.wait_for_requests(2)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_a_killed_process_leaves_its_calls_in_the_log_and_the_next_goes_on(tmp_path: Path) -> None:
    path = script(tmp_path, {"texts": ["one"]}, {"hold": True}, {"texts": ["three"]}, {"hold": True})
    log = tmp_path / "calls.jsonl"
    command = [sys.executable, "-c", PROCESS, str(path), str(log)]
    outputs = [subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2)]
    assert [(run.stdout.strip(), run.returncode) for run in outputs] == [("one", -9), ("three", -9)]
    calls = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [call["line"] for call in calls] == [1, 2, 3, 4]
    assert [call["call"] for call in calls] == [1, 2, 3, 4]
    assert len({call["pid"] for call in calls}) == 2
