"""Every strategy is pure and ends; the vote of solve-detect-verify is decided by its rule."""

from __future__ import annotations

import copy
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.agents.agreement import agreed, majority_confidence
from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.job import StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.strategies.base import (
    Start,
    Stop,
    StrategyState,
    Task,
    find_strategy,
    load_parameters,
    strategy_names,
)
from solvent.errors import ConfigError
from solvent.problems.problem import ProblemKind, Verdict

CODE = Task(ProblemKind.STDIO, public_tests=2, can_refine=True)
MATH = Task(ProblemKind.MATH, public_tests=0, can_refine=True)


@pytest.mark.parametrize("name", strategy_names())
def test_every_file_is_a_strategy_that_says_what_it_is(name: str) -> None:
    info = find_strategy(name)
    assert info.name == name
    assert info.reference
    assert info.parameters.model_validate({}) == load_parameters(info, {}), "the TOML file holds the defaults"
    lines = inspect.getsource(inspect.getmodule(info.make) or pytest.fail("it has a file")).count("\n")
    assert lines <= 140


def outcome(trajectory: str, data: Any, task: Task) -> TrajectoryOutcome:
    kind = data.draw(st.sampled_from(["none", "program", "cancelled"]))
    if kind != "program":
        reason = StopReason.CANCELLED if kind == "cancelled" else StopReason.MAX_ROUNDS
        return TrajectoryOutcome(trajectory=trajectory, stop_reason=reason)
    group = data.draw(st.integers(0, 3))
    passed = data.draw(st.integers(0, 1))
    return TrajectoryOutcome(
        trajectory=trajectory,
        stop_reason=StopReason.MAX_ROUNDS,
        program="a" * 64,
        language="python",
        answer="b" * 64 if not task.public_tests else None,
        group=group if not task.public_tests else None,
        verdict=Verdict.WA if task.public_tests else None,
        passed=passed,
        total=2,
    )


@pytest.mark.parametrize("name", strategy_names())
@pytest.mark.parametrize("task", [CODE, MATH])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_strategy_ends_and_changes_nothing_in_place(name: str, task: Task, data: Any) -> None:
    info = find_strategy(name)
    strategy = info.make(load_parameters(info, {}), task)
    state = StrategyState(started=0, told=0, pending=[], memo={})
    seen: set[str] = set()
    groups: dict[int, int] = {}
    for _ in range(200):
        before = copy.deepcopy(state)
        actions = strategy.ask(state)
        assert strategy.ask(state) == actions, "the same state, the same orders"
        assert state == before
        for action in actions:
            if isinstance(action, Start):
                assert action.trajectory not in seen
                seen.add(action.trajectory)
                state = {**state, "started": state["started"] + 1, "pending": [*state["pending"], action.trajectory]}
        if any(isinstance(action, Stop) for action in actions):
            break
        assert state["pending"], "a strategy that waits has something to wait for"
        ended = data.draw(st.sampled_from(state["pending"]))
        told = outcome(ended, data, task)
        if told.group is not None:
            told = told.model_copy(update={"group": groups.setdefault(told.group, len(groups))})
        state = {**state, "pending": [t for t in state["pending"] if t != ended], "told": state["told"] + 1}
        before = copy.deepcopy(state)
        after = strategy.tell(state, told)
        assert state == before, "tell returns a new state"
        state = json.loads(json.dumps(after))
        strategy.select(state)
    else:
        pytest.fail("the strategy did not stop")


def sdv(task: Task, **parameters: Any) -> Any:
    info = find_strategy("solve-detect-verify")
    return info.make(load_parameters(info, parameters), task)


def empty() -> StrategyState:
    return StrategyState(started=0, told=0, pending=[], memo={})


def test_wave_is_filled_up_as_trajectories_end() -> None:
    strategy = sdv(CODE, wave=3, max_trajectories=4)
    assert [action.trajectory for action in strategy.ask(empty())] == ["t0", "t1", "t2"]
    state: StrategyState = {"started": 3, "told": 1, "pending": ["t0", "t2"], "memo": {}}
    assert [action.trajectory for action in strategy.ask(state)] == ["t3"]
    assert strategy.ask({**state, "started": 4, "pending": ["t3"]}) == []


def test_repairs_are_ordered_only_where_the_prompts_know_them() -> None:
    assert sdv(CODE).ask(empty())[0].repairs == 3
    assert sdv(Task(ProblemKind.STDIO, 2, can_refine=False)).ask(empty())[0].repairs == 0


def test_accepted_program_stops_at_once_and_wins_over_more_votes() -> None:
    strategy = sdv(CODE)
    won = TrajectoryOutcome(
        trajectory="t1", stop_reason=StopReason.TESTS_PASSED, program="a" * 64, verdict=Verdict.AC, passed=2, total=2
    )
    state = strategy.tell({**empty(), "started": 4, "pending": ["t0", "t2", "t3"]}, won)
    assert strategy.ask(state) == [Stop(StopReason.TESTS_PASSED)]
    assert strategy.select(state).outcome == won


def test_confidence_of_the_leader() -> None:
    assert majority_confidence(0, 0) == 0.5
    assert majority_confidence(3, 0) == pytest.approx(15 / 16)
    assert majority_confidence(4, 0) == pytest.approx(31 / 32)
    assert majority_confidence(2, 5) == pytest.approx(1 - majority_confidence(5, 2))
    assert not agreed([3], confidence=0.95, min_votes=3)
    assert agreed([4], confidence=0.95, min_votes=3)
    assert not agreed([4], confidence=0.95, min_votes=5)
    assert not agreed([], confidence=0.95, min_votes=2)


@given(st.integers(0, 20), st.integers(0, 20))
def test_confidence_grows_with_the_lead(first: int, second: int) -> None:
    value = majority_confidence(first, second)
    assert 0 < value < 1
    assert majority_confidence(first + 1, second) > value
    assert (value > 0.5) == (first > second)


@pytest.mark.parametrize("name", ["single", "solve-detect-verify"])
def test_a_dot_leads_into_a_table_and_leaves_the_rest_of_it(name: str, tmp_path: Path) -> None:
    info = find_strategy(name)
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / f"{name}.toml").write_text("[decoding]\nchunk_tokens = 64\nend_bias = 1.0\n")
    overrides: dict[str, Any] = {"decoding.end_bias": 2.0, "decoding.hesitation_words": ["Wait"]}
    parameters = load_parameters(info, overrides, tmp_path)
    assert parameters.model_dump()["decoding"] == {
        **DecodingOptions().model_dump(), "chunk_tokens": 64, "end_bias": 2.0, "hesitation_words": ("Wait",),
    }  # fmt: skip
    whole = load_parameters(info, {"decoding": {"end_bias": 3.0}}, tmp_path).model_dump()["decoding"]
    assert (whole["chunk_tokens"], whole["end_bias"]) == (64, 3.0)
    with pytest.raises(ConfigError, match=r"decoding\.end_bias"):
        load_parameters(info, {"decoding.end_bias": "much"})
    with pytest.raises(ConfigError, match=r"decoding\.floor"):
        load_parameters(info, {"decoding.floor": 1})


@pytest.mark.parametrize("name", ["single", "solve-detect-verify"])
def test_the_controls_are_handed_on(name: str) -> None:
    info = find_strategy(name)
    strategy = info.make(load_parameters(info, {"decoding.no_thinking": True}), MATH)
    orders = strategy.ask(StrategyState(started=0, told=0, pending=[], memo={}))
    assert orders
    assert all(isinstance(order, Start) and order.decoding.no_thinking for order in orders)
