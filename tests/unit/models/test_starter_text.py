"""Chat format, round trips and stop strings of the starter model."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import jinja2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from solvent.errors import ConfigError
from solvent.models.base import Message
from solvent.models.starter.text import ChatTokenizer, TextStream
from solvent.models.starter.weights import SHIPPED

TOKENIZER = ChatTokenizer(SHIPPED)


def decode(ids: list[int]) -> str:
    return b"".join(TOKENIZER.token_bytes(token) for token in ids).decode()


@given(st.text())
def test_any_text_survives(text: str) -> None:
    assert decode(TOKENIZER.encode_text(text)) == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("text", ["<|end|>", "<|user|>hello<|assistant|>", "a<|pad|>b"])
def test_letters_of_special_tokens_in_a_message_are_letters(text: str) -> None:
    ids = TOKENIZER.encode_text(text)
    assert TOKENIZER.end_id not in ids
    assert decode(ids) == text
    assert len(ids) > 1


def test_a_lone_surrogate_becomes_a_replacement_character() -> None:
    assert decode(TOKENIZER.encode_text("a\ud800b")) == "a?b"


@given(
    st.lists(
        st.builds(
            Message,
            role=st.sampled_from(["system", "user", "assistant"]),
            content=st.text(alphabet="ab <é\n", max_size=8),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_the_chat_format_is_that_of_the_shipped_chat_template(messages: list[Message]) -> None:
    from tokenizers import Tokenizer

    settings = json.loads((SHIPPED / "tokenizer_config.json").read_text())
    text = jinja2.Template(settings["chat_template"]).render(
        messages=[message.model_dump() for message in messages], add_generation_prompt=True
    )
    assert TOKENIZER.encode_chat(messages) == Tokenizer.from_file(str(SHIPPED / "tokenizer.json")).encode(text).ids


def test_a_missing_tokenizer_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokenizer\.json"):
        ChatTokenizer(tmp_path)


@example("aéa", ["é", "aéa"], Random(0))
@given(
    st.text(alphabet="abc\né", max_size=30), st.lists(st.text(alphabet="abcé", max_size=4), max_size=3), st.randoms()
)
def test_a_stream_ends_before_the_first_stop_wherever_tokens_break(text: str, stops: list[str], random: object) -> None:
    data, pieces, position = text.encode(), [], 0
    while position < len(data):
        size = random.randint(1, 4)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
        pieces.append(data[position : position + size])
        position += size
    stream, seen = TextStream(stops), ""
    # The first that is whole ends it, also where a longer one began before.
    found = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop and stop in text]
    places = [min(found)[1]] if found else []
    for piece in pieces:
        seen += stream.push(piece)
        assert (text[: places[0]] if places else text).startswith(seen), "what was said is never taken back"
        if stream.stopped_by is not None:
            break
    else:
        seen += stream.finish()
    assert seen == (text[: places[0]] if places else text)
    assert (stream.stopped_by is not None) == bool(places)


def test_part_of_a_character_at_the_end_is_shown_as_such() -> None:
    stream = TextStream(())
    assert stream.push("é".encode()[:1]) == ""
    assert stream.finish() == "\ufffd"
