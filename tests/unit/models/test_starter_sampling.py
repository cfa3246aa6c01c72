"""Drawing tokens: right shares, nucleus, seeds, and rows that do not depend on each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.models.starter.sampling import Rule, draw, log_probabilities, random_source

PLAIN = Rule(temperature=1.0, top_p=1.0)


def draw_many(logits: np.ndarray, rule: Rule, count: int = 4000, seed: int = 3) -> np.ndarray:
    source = random_source(seed)
    return np.array([draw(logits[None], [rule], [source])[0] for _ in range(count)])


def test_tokens_come_in_their_shares() -> None:
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    drawn = np.bincount(draw_many(np.log(shares).astype(np.float32), PLAIN), minlength=4) / 4000
    np.testing.assert_allclose(drawn, shares, atol=0.03)


def test_temperature_sharpens() -> None:
    logits = np.log(np.array([0.6, 0.4], np.float32))
    drawn = np.bincount(draw_many(logits, Rule(temperature=0.5, top_p=1.0)), minlength=2) / 4000
    np.testing.assert_allclose(drawn, [0.36 / 0.52, 0.16 / 0.52], atol=0.03)


def test_temperature_zero_takes_the_likeliest_and_no_randomness() -> None:
    logits = np.array([[0.0, 3.0, 2.9]], np.float32)
    source = random_source(1)
    assert draw(logits, [Rule(0.0, 0.5)], [source]).tolist() == [1]
    assert source.random() == random_source(1).random()


def test_the_nucleus_holds_the_token_that_crosses_the_share_and_none_after() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    assert set(draw_many(logits, Rule(1.0, 0.75)).tolist()) == {0, 1}
    assert set(draw_many(logits, Rule(1.0, 0.4)).tolist()) == {0}


@given(
    st.lists(st.lists(st.floats(-20, 20, width=32), min_size=5, max_size=5), min_size=1, max_size=6),
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.3, 1.0, 2.0]), st.sampled_from([0.1, 0.9, 1.0])), min_size=6, max_size=6
    ),
    st.integers(-(2**63), 2**63),
)
def test_a_row_does_not_depend_on_the_others(
    rows: list[list[float]], kinds: list[tuple[float, float]], seed: int
) -> None:
    logits = np.array(rows, np.float32)
    rules = [Rule(temperature, top_p) for temperature, top_p in kinds[: len(rows)]]
    together = draw(logits, rules, [random_source(seed + row) for row in range(len(rows))])
    alone = [draw(logits[[row]], [rules[row]], [random_source(seed + row)])[0] for row in range(len(rows))]
    assert together.tolist() == alone


def plain_shares(logits: np.ndarray, rule: Rule, barred: tuple[int, ...]) -> np.ndarray:
    """The distribution of one row, written down step by step."""
    values = [float(value) for value in logits]
    for token, value in zip(*(rule.bias or ((), ())), strict=True):
        values[token] += value
    masses = {t: np.exp((v - max(values)) / rule.temperature) for t, v in enumerate(values) if t not in barred}
    order = sorted(masses, key=lambda token: (-masses[token], token))
    order = [token for token in order if masses[token] >= rule.min_p * masses[order[0]]]
    order = order[: rule.top_k or None]
    total, kept = sum(masses[token] for token in order), []
    for token in order:
        kept.append(token)
        if sum(masses[other] for other in kept) >= rule.top_p * total:
            break
    shares = np.zeros(len(values))
    for token in kept:
        shares[token] = masses[token]
    return shares / shares.sum()


class Point:
    """A source that gives one number."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


rules = st.builds(
    Rule,
    temperature=st.sampled_from([0.3, 1.0, 2.0]),
    top_p=st.sampled_from([0.13, 0.57, 0.91, 1.0]),
    top_k=st.sampled_from([0, 1, 3, 99]),
    min_p=st.sampled_from([0.0, 0.07, 0.43, 1.0]),
    bias=st.sampled_from([None, ((0,), (100.0,)), ((5, 2), (-100.0, 3.0))]),
)


@given(
    st.lists(
        st.tuples(
            st.permutations([-3.1, -1.2, -0.4, 0.0, 0.9, 1.3, 2.2]),
            rules,
            st.sampled_from([(), (1,), (0, 3)]),
            st.floats(0.001, 0.999),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_all_rows_at_once_are_as_each_written_down_step_by_step(
    rows: list[tuple[list[float], Rule, tuple[int, ...], float]],
) -> None:
    logits = np.array([row for row, _, _, _ in rows], np.float32)
    sources = [Point(point) for _, _, _, point in rows]
    drawn = draw(logits, [rule for _, rule, _, _ in rows], sources, [barred for _, _, barred, _ in rows])  # type: ignore[arg-type]  # a source of one number
    for token, values, (_, rule, barred, point) in zip(drawn, logits, rows, strict=True):
        shares = plain_shares(values, rule, barred)
        upper = shares.cumsum()[token]
        assert shares[token] > 0
        assert upper - shares[token] - 1e-9 <= point <= upper + 1e-9


def test_the_likeliest_is_taken_among_what_is_left() -> None:
    logits = np.array([[5.0, 4.0, 3.0], [5.0, 4.0, 3.0]], np.float32)
    greedy = [Rule(0.0, 1.0), Rule(0.0, 1.0, bias=((2,), (9.0,)))]
    assert draw(logits, greedy, [random_source(0)] * 2, [(0,), ()]).tolist() == [1, 2]
    assert logits.tolist() == [[5.0, 4.0, 3.0]] * 2, "logits are left as they are"


@given(st.lists(st.floats(-50, 50, width=32), min_size=2, max_size=20))
def test_log_probabilities_sum_to_one(row: list[float]) -> None:
    values = log_probabilities(np.array(row, np.float32))
    assert np.exp(values).sum() == pytest.approx(1.0)
    assert values.argmax() == int(np.argmax(row)) or values.max() == values[int(np.argmax(row))]
