"""The bound on prompt tokens is never below what a byte-level tokenizer makes of the prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from solvent.models.base import Message
from solvent.models.openai_request import prompt_bound
from solvent.models.profiles import ModelProfile

PROFILE = ModelProfile(name="x", backend="openai", base_url="http://localhost/v1", context_tokens=10)


@pytest.fixture(scope="module")
def worst() -> Tokenizer:
    """A byte-level tokenizer without merges, one token a byte, that normalizes as Qwen's does."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


@given(st.lists(st.text(), min_size=1, max_size=4), st.text())
def test_the_bound_holds(worst: Tokenizer, texts: list[str], prefix: str) -> None:
    messages = [Message(role="user", content=text) for text in texts]
    count = sum(len(worst.encode(text).ids) for text in [*texts, prefix])
    assert prompt_bound(messages, prefix, PROFILE) >= count


def test_a_text_that_normalization_lengthens_is_covered(worst: Tokenizer) -> None:
    text = "\u0958\U0001d160" * 200
    count = len(worst.encode(text).ids)
    assert count > len(text.encode()) + 200, "else this shows nothing"
    assert prompt_bound([Message(role="user", content=text)], "", PROFILE) >= count


def test_each_message_and_the_prompt_add_what_the_template_may() -> None:
    one = [Message(role="user", content="abc")]
    overhead = PROFILE.prompt_bound
    assert prompt_bound(one, "", PROFILE) == overhead.per_prompt + overhead.per_message + 3
    assert prompt_bound(one * 2, "de", PROFILE) == overhead.per_prompt + 3 * overhead.per_message + 8
