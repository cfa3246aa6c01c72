"""Verdicts and scores of test groups."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.problems.problem import IoTest, Problem, ProblemKind, TestGroup, Verdict
from solvent.sandbox.grouping import Grade, Outcome, Scheme

AC, WA, TLE, RE, IE = Verdict.AC, Verdict.WA, Verdict.TLE, Verdict.RE, Verdict.IE


def scheme(groups: Sequence[TestGroup], *tests: str, points: Sequence[float | None] = ()) -> Scheme:
    """Return the scheme of tests that are given by the paths of their groups."""
    cases = tuple(
        IoTest(name=f"{path}/{n}", stdin="", expected="", group=path, points=points[n] if points else None)
        for n, path in enumerate(tests)
    )
    problem = Problem(
        id="p", kind=ProblemKind.STDIO, statement="s", hidden_tests=cases, groups=tuple(groups), scoring=True
    )
    return Scheme(problem, cases)


def judged(one: Scheme, *verdicts: Verdict | Outcome | None) -> Grade:
    outcomes = {
        n: verdict if isinstance(verdict, Outcome) else Outcome(verdict)
        for n, verdict in enumerate(verdicts)
        if verdict is not None
    }
    return one.grade(outcomes)


def scores(grade: Grade) -> dict[str, float | None]:
    return {group.name: group.score for group in grade.groups}


def test_without_groups_the_first_failure_is_the_verdict() -> None:
    one = scheme([], "", "", "")
    assert judged(one, AC, WA, RE).verdict is WA
    assert judged(one, AC, AC, AC).verdict is AC
    assert judged(one, IE, WA, AC).verdict is IE
    assert one.left_out({0: Outcome(WA)}) == ()


# examples/oddecho of Kattis' problemtools: samples do not count, two subtasks of 50 points.
ODDECHO = [
    TestGroup(name="", ignore_sample=True, max_score=100),
    TestGroup(name="sample", verdict="first_error", accept_score=0),
    TestGroup(name="secret", verdict="first_error", accept_if_any_accepted=True, max_score=100),
    TestGroup(name="secret/subtask1", on_reject="break", aggregation="min", accept_score=50, max_score=50),
    TestGroup(name="secret/subtask2", on_reject="break", aggregation="min", accept_score=50, max_score=50),
]
ODDECHO_TESTS = ("sample", "sample", *["secret/subtask1"] * 2, *["secret/subtask2"] * 3)


@pytest.mark.parametrize(
    ("verdicts", "verdict", "score"),
    [
        ((AC,) * 7, AC, 100),
        ((AC, WA, AC, AC, AC, AC, AC), AC, 100),
        ((AC, RE, AC, AC, AC, WA, None), AC, 50),
        ((AC, AC, WA, None, AC, AC, AC), AC, 50),
        ((AC, AC, TLE, None, RE, None, None), TLE, 0),
    ],
)
def test_subtasks_of_the_legacy_format(verdicts: tuple[Verdict, ...], verdict: Verdict, score: float) -> None:
    grade = judged(scheme(ODDECHO, *ODDECHO_TESTS), *verdicts)
    assert (grade.verdict, grade.score) == (verdict, score)


def test_a_failure_leaves_out_the_rest_of_its_group_only() -> None:
    one = scheme(ODDECHO, *ODDECHO_TESTS)
    so_far = {n: Outcome(AC) for n in range(4)} | {2: Outcome(WA)}
    assert set(one.left_out({n: so_far[n] for n in range(3)})) == {3}
    assert set(one.left_out({0: so_far[0], 1: Outcome(WA)})) == set()
    assert set(one.left_out({**so_far, 4: Outcome(RE)})) == {3, 5, 6}


def test_a_group_that_breaks_on_a_group_leaves_out_its_later_groups() -> None:
    groups = [TestGroup(name="", on_reject="break"), TestGroup(name="sample"), TestGroup(name="secret")]
    one = scheme(groups, "sample", "sample", "secret", "secret")
    assert set(one.left_out({0: Outcome(WA)})) == set()
    assert set(one.left_out({0: Outcome(WA), 1: Outcome(AC)})) == {2, 3}
    lenient = scheme([groups[0], TestGroup(name="sample", verdict="always_accept")], "sample", "secret")
    assert set(lenient.left_out({0: Outcome(WA)})) == set()


# Result aggregation of the 2025-09 format.
def test_pass_fail_groups_and_required_groups() -> None:
    groups = [
        TestGroup(name="secret", max_score=100),
        TestGroup(name="secret/1", aggregation="pass_fail", max_score=30, requires=("sample",)),
        TestGroup(name="secret/2", aggregation="pass_fail", max_score=70, requires=("secret/1",)),
    ]
    one = scheme(groups, "sample", "secret/1", "secret/1", "secret/2")
    assert scores(judged(one, AC, AC, AC, AC))["secret"] == 100
    assert scores(judged(one, AC, AC, AC, WA))["secret"] == 30
    failed = judged(one, AC, AC, WA, None)
    assert scores(failed) == {"": 1.0, "sample": 1.0, "secret": 0, "secret/1": 0, "secret/2": 0}
    assert [group.name for group in failed.groups if group.left_out] == ["secret/2"]
    assert failed.verdict is WA
    assert set(one.left_out({0: Outcome(AC), 1: Outcome(WA)})) == set()
    assert set(one.left_out({0: Outcome(AC), 1: Outcome(WA), 2: Outcome(AC)})) == {3}
    assert set(one.left_out({0: Outcome(RE)})) == {1, 2, 3}


def test_what_is_required_and_not_judged_here_does_not_count() -> None:
    one = scheme([TestGroup(name="secret", requires=("sample",))], "secret")
    assert judged(one, AC).verdict is AC


def test_scores_of_tests_come_from_the_checker_the_test_or_the_group() -> None:
    groups = [TestGroup(name="", accept_score=5, reject_score=-1)]
    one = scheme(groups, "", "", "", "", "", points=[None, 8, 8, 8, None])
    grade = judged(one, AC, AC, Outcome(AC, share=0.5), Outcome(AC, score=3.5), WA)
    assert grade.score == 5 + 8 + 4 + 3.5 - 1
    assert one.score(4, Outcome(WA, share=0.5)) == 2.5


@pytest.mark.parametrize(("mode", "score"), [("sum", 12), ("min", 2), ("max", 6), ("avg", 4)])
def test_aggregations(mode: str, score: float) -> None:
    one = scheme([TestGroup.model_validate({"name": "", "aggregation": mode})], "", "", "", points=[2, 4, 6])
    assert judged(one, AC, AC, AC).score == score


def test_worst_error_and_our_own_failure() -> None:
    one = scheme([TestGroup(name="")], "", "", "")
    assert judged(one, WA, RE, TLE).verdict is RE
    failed = judged(one, WA, IE, AC)
    assert (failed.verdict, failed.score) == (IE, None)


GROUPS = st.lists(
    st.builds(
        TestGroup,
        name=st.sampled_from(["", "sample", "secret", "secret/a", "secret/b"]),
        on_reject=st.sampled_from(["break", "continue"]),
        aggregation=st.sampled_from(["sum", "min", "max", "avg", "pass_fail"]),
        verdict=st.sampled_from(["worst_error", "first_error", "always_accept"]),
        accept_if_any_accepted=st.booleans(),
        requires=st.lists(st.sampled_from(["sample", "secret/a"]), max_size=1).map(tuple),
        max_score=st.just(10.0),
    ),
    min_size=1,
    unique_by=lambda group: group.name,
)
TESTS = st.lists(st.sampled_from(["sample", "secret/a", "secret/b"]), min_size=1, max_size=8).map(sorted)


@given(GROUPS, TESTS, st.data())
def test_leaving_tests_out_never_changes_what_the_whole_comes_to(
    groups: list[TestGroup], tests: list[str], data: st.DataObject
) -> None:
    """A judge that runs everything, and one that stops where it may, give the same verdict and scores."""
    one = scheme(groups, *tests)
    verdicts = [data.draw(st.sampled_from([AC, AC, WA, TLE])) for _ in tests]
    everything = {n: Outcome(verdict) for n, verdict in enumerate(verdicts)}
    lazily: dict[int, Outcome] = {}
    left_out: set[int] = set()
    for n, outcome in everything.items():
        if n not in left_out:
            lazily[n] = outcome
            left_out |= set(one.left_out(lazily))
    assert one.grade(lazily) == one.grade(everything)
    grade = one.grade(everything)
    assert {group.name for group in grade.groups} <= {"", "sample", "secret", "secret/a", "secret/b"}
    if set(verdicts) == {AC}:
        assert grade.verdict is AC
