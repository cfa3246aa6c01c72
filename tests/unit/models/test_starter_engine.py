"""The engine's own promises beyond what a ChatModel asks of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from solvent.models.base import Chunk, Message
from solvent.models.starter.engine import Engine, Job
from solvent.models.starter.sampling import Rule
from solvent.models.starter.text import ChatTokenizer, TextStream
from solvent.models.starter.weights import SHIPPED, read_weights

TOKENIZER = ChatTokenizer(SHIPPED)
PROMPT = TOKENIZER.encode_chat(
    [Message(role="user", content="Read an integer. Add 3. Print it.\nin: 4\nout: 7\nin: -12\nout: -9")]
)
GREEDY = Rule(0.0, 1.0)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    opened = Engine(read_weights(SHIPPED), TOKENIZER, slots=4)
    yield opened
    opened.close()


def run(engine: Engine, n: int = 1, **fields: object) -> list[Chunk]:
    """Return all chunks of one job."""
    chunks: list[Chunk] = []
    done = threading.Event()

    def deliver(news: list[Chunk] | BaseException) -> None:
        assert not isinstance(news, BaseException)
        chunks.extend(news)
        if sum(chunk.finish_reason is not None for chunk in chunks) == n:
            done.set()

    usual: dict[str, object] = {"rule": GREEDY, "seed": 1, "stop": (), "max_tokens": 60, "top_logprobs": None}
    engine.submit(Job(prompt_ids=PROMPT, n=n, deliver=deliver, **(usual | fields)))  # type: ignore[arg-type]  # by name
    assert done.wait(60)
    return chunks


def text(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def test_a_stop_token_ends_a_sample_and_is_not_in_the_text(engine: Engine) -> None:
    whole = run(engine)
    ids = TOKENIZER.encode_text(text(whole))
    cut = run(engine, stop_tokens=frozenset({ids[5]}))
    assert cut[-1].finish_reason == "stop"
    assert text(cut) == TOKENIZER.decode(ids[: ids.index(ids[5])])
    assert cut[-1].tokens == ids.index(ids[5]) + 1


def test_before_min_tokens_nothing_ends_a_sample(engine: Engine) -> None:
    whole = run(engine)
    natural = whole[-1].tokens or 0
    assert whole[-1].finish_reason == "stop"
    longer = run(engine, min_tokens=natural + 3)
    assert (longer[-1].tokens or 0) > natural + 2
    assert text(longer).startswith(text(whole))
    stop = text(whole)[:4]
    assert (run(engine, stop=(stop,))[-1].tokens or 0) <= 2
    assert text(run(engine, stop=(stop,), min_tokens=10)).startswith(stop)


def test_where_the_end_is_ignored_the_length_decides(engine: Engine) -> None:
    natural = run(engine)[-1].tokens or 0
    last = run(engine, ignore_end=True, max_tokens=natural + 5)[-1]
    assert (last.finish_reason, last.tokens) == ("length", natural + 5)


def test_counts_say_what_was_done(engine: Engine) -> None:
    engine.idle.wait()
    before = (engine.counts.generated_tokens, engine.counts.prompt_tokens, engine.counts.remembered_tokens)
    chunks = run(engine, n=3, ignore_end=True, max_tokens=7)
    engine.idle.wait()
    assert sum(chunk.tokens or 0 for chunk in chunks if chunk.finish_reason) == 21
    assert engine.counts.generated_tokens - before[0] == 21
    assert engine.counts.prompt_tokens - before[1] == 3 * len(PROMPT)
    assert engine.counts.remembered_tokens - before[2] == 3 * len(PROMPT), "another test has had it read"
    assert (engine.running, engine.waiting) == (0, 0)


def test_logprobs_of_samples_that_ask_differently(engine: Engine) -> None:
    plain = run(engine, top_logprobs=2, max_tokens=5)
    tokens = [token for chunk in plain for token in chunk.logprobs]
    assert [len(token.top) for token in tokens] == [2] * 5
    assert all(token.top[0] == (token.token, token.logprob) for token in tokens), "the likeliest was taken"
    assert run(engine, top_logprobs=0, max_tokens=1)[0].logprobs[0].top == ()


def test_raw_prompts_know_special_tokens_and_chats_do_not() -> None:
    raw = "<|user|>Add 3.<|end|>"
    ids = TOKENIZER.encode_raw(raw)
    assert TOKENIZER.end_id in ids
    assert TOKENIZER.decode(ids) == raw
    assert TOKENIZER.end_id not in TOKENIZER.encode_text(raw)
    assert TOKENIZER.encode_raw("plain") == TOKENIZER.encode_text("plain")


def test_stop_strings_that_may_not_stop_pass() -> None:
    stream = TextStream(("ab",))
    assert stream.push(b"xab", may_stop=False) == "xab"
    assert stream.push(b"ya") == "y"
    assert stream.push(b"b") == ""
    assert stream.stopped_by is not None
