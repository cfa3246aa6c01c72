"""Intervals of differences, against Newcombe's own examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.memory.uplift import Rate, uplift, wilson


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table II, method 10, without continuity correction.
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_is_newcombes(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    found = uplift(*(Rate(solved=solved, tried=tried) for solved, tried in (first, second)))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert found.value == pytest.approx(first[0] / first[1] - second[0] / second[1])


def test_of_no_jobs_nothing_is_said() -> None:
    found = uplift(Rate(solved=1, tried=2), Rate())
    assert (found.value, found.low, found.high) == (None, None, None)


RATES = st.tuples(st.integers(0, 50), st.integers(1, 50)).map(lambda pair: Rate(solved=min(pair), tried=pair[1]))


@given(RATES, RATES)
def test_the_difference_lies_in_its_interval(first: Rate, second: Rate) -> None:
    found, turned = uplift(first, second), uplift(second, first)
    assert found.low is not None
    assert found.value is not None
    assert found.high is not None
    assert -1 - 1e-9 <= found.low <= found.value + 1e-9
    assert found.value <= found.high + 1e-9 <= 1 + 1e-8
    assert (turned.low, turned.high) == (pytest.approx(-found.high), pytest.approx(-found.low))
    low, high = wilson(first)
    assert 0 <= low <= first.solved / first.tried <= high <= 1
