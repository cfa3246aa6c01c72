"""Allocation policies: never over the cap, nobody starved, the same whatever the order, and always an end."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.allocation.adaptive import promise
from solvent.agents.allocation.base import (
    AllocationState,
    Phase,
    Policy,
    Question,
    fair,
    find_policy,
    granted,
    make_policy,
    policy_names,
    state_of,
    tell,
)
from solvent.errors import ConfigError

NAMES = policy_names()


@st.composite
def batches(draw: st.DrawFn) -> AllocationState:
    """A new batch: a cap, questions with and without limits of their own."""
    count = draw(st.integers(1, 12))
    limits = draw(st.lists(st.none() | st.integers(0, 400), min_size=count, max_size=count))
    verified = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    questions = [Question(f"q{index}", limit=limits[index], verified=verified[index]) for index in range(count)]
    return state_of(draw(st.integers(0, 3000)), questions, draw(st.integers(0, 5)))


def held(state: AllocationState) -> int:
    return sum(question.held for question in state.questions.values())


def used(question: Question, chance: random.Random) -> Question:
    """Return how a question may come back from what it was given."""
    left = question.granted - question.spent
    spent = question.spent + (left if chance.random() < 0.5 else chance.randint(0, left))
    samples = question.samples + chance.randint(0, 4)
    votes = question.votes + chance.randint(0, samples - question.samples)
    solved = chance.random() < 0.3
    more = solved or question.granted == question.limit or chance.random() < 0.1
    return replace(
        question,
        spent=spent,
        phase=Phase.DONE if more else Phase.OPEN,
        samples=samples,
        solved=solved,
        votes=votes,
        leader=chance.randint(min(1, votes), votes),
        passed=chance.random(),
    )


def played(policy: Policy, state: AllocationState, seed: int) -> tuple[AllocationState, int]:
    """Play a batch to its end; returns its last state and the number of rounds."""
    chance, rounds = random.Random(seed), 0
    while grants := policy.ask(state):
        rounds += 1
        assert rounds < 500
        for id, total in grants.items():
            question = state.questions[id]
            assert question.phase in {Phase.NEW, Phase.OPEN}
            assert total > question.granted
            assert question.limit is None or total <= max(question.limit, question.spent)
        state = granted(state, grants)
        assert held(state) <= state.cap
        for id in sorted(grants):
            state = tell(state, used(state.questions[id], chance))
    return state, rounds


@pytest.mark.parametrize("name", NAMES)
@given(batch=batches(), seed=st.integers(0, 1000))
def test_a_batch_never_passes_its_cap_and_comes_to_its_end(name: str, batch: AllocationState, seed: int) -> None:
    state, _ = played(make_policy(name), batch, seed)

    assert held(state) <= state.cap
    assert not make_policy(name).ask(state)


@pytest.mark.parametrize("name", NAMES)
@given(batch=batches())
def test_everybody_gets_a_floor_before_anybody_gets_more(name: str, batch: AllocationState) -> None:
    grants = make_policy(name).ask(batch)

    part = 0.75 if name == "adaptive" else 1.0
    equal = batch.cap // len(batch.questions)
    for question in batch.questions.values():
        room = equal if question.limit is None else min(equal, question.limit)
        assert grants.get(question.id, 0) >= int(room * part)


@pytest.mark.parametrize("name", NAMES)
@given(batch=batches(), seed=st.integers(0, 1000), order=st.randoms(use_true_random=False))
def test_the_order_of_the_questions_says_nothing(
    name: str, batch: AllocationState, seed: int, order: random.Random
) -> None:
    names = list(batch.questions)
    order.shuffle(names)
    shuffled = replace(batch, questions={id: batch.questions[id] for id in names})
    policy = make_policy(name)

    assert dict(policy.ask(batch)) == dict(policy.ask(shuffled))
    assert played(policy, batch, seed)[0].questions == played(policy, shuffled, seed)[0].questions


@pytest.mark.parametrize("name", NAMES)
def test_what_solved_questions_leave_goes_to_the_others(name: str) -> None:
    solved = Question("a", Phase.DONE, granted=500, spent=100, samples=4, verified=True, solved=True)
    waiting = Question("b", Phase.OPEN, granted=500, spent=500, samples=20, verified=True)
    state = state_of(1000, [solved, waiting])

    grants = make_policy(name).ask(state)

    assert set(grants) == {"b"}
    assert 500 < grants["b"] <= 900


@pytest.mark.parametrize("name", NAMES)
def test_a_share_that_pays_for_no_attempt_is_not_given(name: str) -> None:
    waiting = Question("b", Phase.OPEN, granted=990, spent=990, samples=9, verified=True)

    assert not make_policy(name).ask(state_of(1000, [waiting]))


@pytest.mark.parametrize("name", NAMES)
def test_a_question_that_runs_keeps_its_share(name: str) -> None:
    running = Question("a", Phase.RUNNING, granted=900, spent=10, samples=1, verified=True)
    waiting = Question("b", Phase.OPEN, granted=50, spent=50, samples=10, verified=True)

    assert make_policy(name).ask(state_of(1000, [running, waiting])).get("b", 0) <= 100


def test_adaptive_gives_more_to_what_promises_more() -> None:
    near = Question("near", Phase.OPEN, granted=100, spent=100, samples=4, verified=True, passed=0.9)
    far = Question("far", Phase.OPEN, granted=100, spent=100, samples=4, verified=True)
    divided = Question("divided", Phase.OPEN, granted=100, spent=100, samples=4, votes=4, leader=2)
    clear = Question("clear", Phase.OPEN, granted=100, spent=100, samples=4, votes=4, leader=4)

    assert promise(near, 0.2, 2.0) > promise(far, 0.2, 2.0)
    assert promise(divided, 0.2, 2.0) > promise(clear, 0.2, 2.0)
    assert set(make_policy("adaptive").ask(state_of(400, [near, far]))) == {"near"}


@given(
    question=st.builds(
        Question, id=st.just("q"), samples=st.integers(0, 500), verified=st.booleans(), passed=st.floats(0, 1)
    ),
    rate=st.floats(0, 1),
)
def test_a_promise_is_a_part_of_one_and_falls_with_each_failure(question: Question, rate: float) -> None:
    now = promise(question, rate, 2.0)
    later = promise(replace(question, samples=question.samples + 1), rate, 2.0)

    assert 0.0 <= later <= now <= 1.0


@given(pool=st.integers(0, 10_000), rooms=st.lists(st.none() | st.integers(0, 500), max_size=30))
def test_fair_shares_are_equal_up_to_what_each_can_take(pool: int, rooms: list[int | None]) -> None:
    shares = fair(pool, rooms)

    assert sum(shares) <= pool
    most = max(shares, default=0)
    for share, room in zip(shares, rooms, strict=True):
        assert share == (most if room is None or room > most else share)
        assert room is None or share <= room
        # Whoever has less than another could not take more, or lacks the part of a unit.
        assert share >= most - 1 or share == room
    wanting = [room for share, room in zip(shares, rooms, strict=True) if room is None or share < room]
    assert not wanting or pool - sum(shares) < len(rooms)


def test_an_unknown_policy_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="unknown allocation 'greedy'") as caught:
        find_policy("greedy")

    assert "adaptive" in str(caught.value.remedy)


def test_a_wrong_parameter_names_its_file(tmp_path) -> None:  # type: ignore[no-untyped-def]  # pytest's
    (tmp_path / "allocation").mkdir()
    (tmp_path / "allocation" / "adaptive.toml").write_text("start = 2\n")

    with pytest.raises(ConfigError, match=r"adaptive\.toml: start"):
        make_policy("adaptive", tmp_path)
