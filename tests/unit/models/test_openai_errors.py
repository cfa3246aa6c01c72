"""What endpoints say when a request does not fit the context."""

from __future__ import annotations

import pytest

from solvent.models.openai_errors import LONGEST_QUOTE, Endpoint, Overflow, overflow_room


@pytest.mark.parametrize(
    ("words", "room"),
    [
        ("max_tokens=6000 cannot be greater than max_model_len=600. Please request fewer output tokens.", 600),
        ("max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)", 0),
        ("max_completion_tokens must be at least 1, got -3.", -3),
        (
            "This model's maximum context length is 600 tokens. However, your prompt contains at least 601 input "
            "tokens, which exceeds this limit even without any output tokens.",
            -1,
        ),
        (
            "This model's maximum context length is 600 tokens. However, your prompt contains 360031 characters (more "
            "than 11400 characters, which is the upper bound for 600 input tokens).",
            None,
        ),
        (
            "You passed 590 input tokens and requested 20 output tokens. However, the model's context length is only "
            "600 tokens, resulting in a maximum input length of 580 tokens.",
            10,
        ),
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 8000. This model's maximum context length is 4096 "
            "tokens and your request has 2778 input tokens (8000 > 4096 - 2778). None",
            1318,
        ),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (1000 in the "
            "messages, 4000 in the completion). Please reduce the length of the messages or completion.",
            3096,
        ),
        (
            "This model's maximum context length is 1536 tokens. However, your request has 4176 input tokens. Please "
            "reduce the length of the input messages. None",
            -2640,
        ),
    ],
)
def test_the_room_that_is_left(words: str, room: int | None) -> None:
    assert overflow_room(words) == Overflow(room)


def test_the_code_alone_is_enough() -> None:
    assert overflow_room("Your input is too long.", "context_length_exceeded") == Overflow(None)


@pytest.mark.parametrize(
    "words", ["temperature must be non-negative, got -4.0.", "bad request", "", "stop is too long"]
)
def test_other_refusals_are_not_about_the_context(words: str) -> None:
    assert overflow_room(words) is None


def test_an_endpoint_shows_its_key_nowhere() -> None:
    endpoint = Endpoint("mine", "http://host/v1", "m", "MY_KEY", "s3cret-value")
    assert "s3cret" not in f"{endpoint} {endpoint!r}"
    assert endpoint.quote("key s3cret-value\n  refused") == "key [api key] refused"
    assert len(endpoint.quote("x" * 10_000)) <= LONGEST_QUOTE + 3
