"""When a request may be sent again."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.errors import (
    PromptTooLong,
    ProviderError,
    ProviderOverloaded,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from solvent.models.profiles import RetryPolicy
from solvent.models.retry import retry_after_s, retry_delay_s

POLICY = RetryPolicy(attempts=4, first_delay_s=0.5, max_delay_s=8)
SAFE = [ProviderOverloaded("busy"), ProviderUnavailable("refused")]


def delay(error: ProviderError, attempt: int = 1, remaining_s: float = 1e9, seed: int = 0) -> float | None:
    return retry_delay_s(error, attempt=attempt, policy=POLICY, remaining_s=remaining_s, random=Random(seed))


@pytest.mark.parametrize("error", SAFE, ids=["overloaded", "unavailable"])
def test_what_generated_nothing_is_sent_again(error: ProviderError) -> None:
    assert delay(error) is not None


@pytest.mark.parametrize("kind", [ProviderUnavailable, ProviderProtocolError, ProviderRejected, PromptTooLong])
def test_what_may_have_generated_is_never_sent_again(kind: type[ProviderError]) -> None:
    assert delay(kind("broke off", may_have_generated=True)) is None


@pytest.mark.parametrize("kind", [ProviderProtocolError, ProviderRejected, PromptTooLong])
def test_what_cannot_go_better_is_not_sent_again(kind: type[ProviderError]) -> None:
    assert delay(kind("no")) is None


def test_an_overloaded_endpoint_that_may_have_generated_is_not_asked_again() -> None:
    error = ProviderOverloaded("busy", retry_after_s=1)
    error.may_have_generated = True
    assert delay(error) is None


@given(
    attempt=st.integers(1, 2000),
    remaining_s=st.floats(0.001, 1e4),
    seed=st.integers(),
    wait=st.none() | st.floats(0, 1e4),
)
def test_waits_are_bounded_by_attempts_deadline_and_cap(
    attempt: int, remaining_s: float, seed: int, wait: float | None
) -> None:
    result = delay(ProviderOverloaded("busy", retry_after_s=wait), attempt, remaining_s, seed)
    if attempt >= POLICY.attempts:
        assert result is None
    if result is not None:
        assert 0 < result < remaining_s
        assert result >= (wait or 0), "the endpoint's own figure is kept"
        assert result <= max(POLICY.max_delay_s, 1.1 * (wait or 0))


@given(st.integers())
def test_the_wait_grows_and_is_reproducible(seed: int) -> None:
    delays = [delay(SAFE[0], attempt, seed=seed) for attempt in (1, 2, 3)]
    assert delays == [delay(SAFE[0], attempt, seed=seed) for attempt in (1, 2, 3)]
    for number, value in enumerate(delays):
        assert value is not None
        assert 0.25 * 2**number <= value <= 0.5 * 2**number


def test_a_huge_number_of_attempts_does_not_overflow() -> None:
    policy = RetryPolicy(attempts=10**6)
    assert retry_delay_s(SAFE[0], attempt=99_999, policy=policy, remaining_s=1e9, random=Random(0)) is not None


NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({}, None),
    ],
)
def test_headers_that_ask_for_a_wait(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_s(headers, NOW) == expected
