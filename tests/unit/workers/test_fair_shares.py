"""Shares between API keys."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.workers.sql.choosing import Contender, fair_shares

contenders = st.lists(
    st.builds(
        Contender,
        key_id=st.none() | st.text(min_size=1, max_size=3),
        weight=st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0]),
        under_way=st.integers(0, 20),
        concurrency=st.none() | st.integers(1, 20),
    ),
    max_size=5,
    unique_by=lambda one: one.key_id or "",
)


@settings(deadline=None)
@given(contenders, st.integers(0, 60))
def test_room_is_filled_and_no_concurrency_exceeded(keys: list[Contender], room: int) -> None:
    shares = fair_shares(keys, room)
    free = [room if one.concurrency is None else max(0, one.concurrency - one.under_way) for one in keys]
    assert sum(shares.values()) == min(room, sum(min(room, most) for most in free))
    for one, most in zip(keys, free, strict=True):
        assert 0 <= shares.get(one.key_id, 0) <= most


@settings(deadline=None)
@given(contenders, st.integers(1, 60))
def test_nobody_gets_a_job_that_another_had_a_better_right_to(keys: list[Contender], room: int) -> None:
    shares = fair_shares(keys, room)
    for one in keys:
        share = shares.get(one.key_id, 0)
        if not share:
            continue
        last = (one.under_way + share) / one.weight
        for other in keys:
            has = other.under_way + shares.get(other.key_id, 0)
            if other.concurrency is None or has < other.concurrency:
                assert (has + 1) / other.weight >= last


def test_weights_are_proportions() -> None:
    keys = [Contender("a", 1.0, 0), Contender("b", 3.0, 0)]
    assert fair_shares(keys, 40) == {"a": 10, "b": 30}
    assert fair_shares([Contender("a", 1.0, 0), Contender("b", 1.0, 6)], 8) == {"a": 7, "b": 1}
