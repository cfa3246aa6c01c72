"""The tokenizer and its chat format: the same for training, the engine and servers that render the chat template."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from tiny_training import tiny_config

from solvent.models.base import Message
from solvent.models.starter.text import ChatTokenizer
from solvent.training.tokenizer import END_OF_THINKING, SPECIAL_TOKENS, THINK, learn, save_tokenizer, train_tokenizer

TOKENIZER = learn(["Add 12 to every number.\n<think>add</think>", "print(sum(xs))"], 300)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(TOKENIZER, directory, 512)
    return directory


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    clean = text.encode("utf-8", "replace").decode()
    assert TOKENIZER.decode(TOKENIZER.encode(clean).ids, skip_special_tokens=False) == clean


def test_digits_stay_apart() -> None:
    assert TOKENIZER.encode("2048 12").tokens == ["2", "0", "4", "8", "Ġ1", "2"]


def test_thinking_marks_are_single_tokens_that_show_as_text(saved: Path) -> None:
    chat = ChatTokenizer(saved)
    ids = chat.encode_text("<think>add</think>")
    assert ids[0] == TOKENIZER.token_to_id(THINK)
    assert ids[-1] == TOKENIZER.token_to_id(END_OF_THINKING)
    assert chat.token_bytes(ids[0]) == b"<think>"
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == "<think>add</think>"


def test_marks_of_the_chat_format_in_a_message_are_letters(saved: Path) -> None:
    chat = ChatTokenizer(saved)
    specials = {TOKENIZER.token_to_id(token) for token in SPECIAL_TOKENS}
    assert specials.isdisjoint(chat.encode_text("".join(SPECIAL_TOKENS)))


def test_the_chat_template_is_what_the_engine_encodes(saved: Path) -> None:
    template = json.loads((saved / "tokenizer_config.json").read_text())["chat_template"]
    messages = [("user", "Add 12."), ("assistant", "<think>\nadd</think>"), ("user", "print")]
    rendered = (
        Environment(autoescape=False)
        .from_string(template)
        .render(messages=[{"role": role, "content": content} for role, content in messages], add_generation_prompt=True)
    )
    encoded = ChatTokenizer(saved).encode_chat([Message(role=role, content=text) for role, text in messages])
    assert TOKENIZER.encode(rendered).ids == encoded


def test_the_merges_are_learnt_to_the_configured_size() -> None:
    config = tiny_config()
    assert train_tokenizer(config).get_vocab_size() == config.tokenizer.vocabulary
