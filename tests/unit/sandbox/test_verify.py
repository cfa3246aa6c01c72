"""Submissions that come with a problem get what they must get."""

from __future__ import annotations

from typing import Any

import pytest
from fake_sandbox import Answer, FakeRun, FakeSandbox, ended
from hypothesis import given
from hypothesis import strategies as st

from solvent.errors import ConfigError
from solvent.problems.problem import (
    Expectation,
    IoTest,
    Limits,
    Problem,
    ProblemKind,
    Solution,
    TestGroup,
    TimeRule,
    Verdict,
)
from solvent.sandbox.expectations import at_limit, complaints, covers, time_limit
from solvent.sandbox.judgement import GroupResult, Judgement, TestResult
from solvent.sandbox.verify import Report, verify

AC, WA, TLE, RE = Verdict.AC, Verdict.WA, Verdict.TLE, Verdict.RE


def right(run: FakeRun) -> Answer:
    return ended(stdout=run.stdin, cpu_s=0.3)


def slow(run: FakeRun) -> Answer:
    if run.limits.cpu_time_s < 2.5:
        return ended(status="cpu_time", cpu_s=run.limits.cpu_time_s)
    return ended(stdout=run.stdin, cpu_s=2.5)


PROGRAMS = {"right": right, "slow": slow, "wrong": lambda run: b"no", "crash": lambda run: 1}


def solution(source: str, *verdicts: Verdict, **more: Any) -> Solution:
    return Solution(language="cpp", source=source, name=source, expected=verdicts[0], verdicts=verdicts, **more)


def problem(*solutions: Solution, **more: Any) -> Problem:
    cases = tuple(IoTest(name=f"secret/{n}", stdin=str(n), expected=str(n), group="secret") for n in range(2))
    fields = {"id": "p", "kind": ProblemKind.STDIO, "statement": "s", "hidden_tests": cases, "solutions": solutions}
    return Problem.model_validate({**fields, **more})


async def verified(asked: Problem, **options: Any) -> Report:
    return await verify(FakeSandbox(PROGRAMS, missing=frozenset({"rust"})), asked, **options)


async def test_each_submission_is_checked_and_the_limit_follows_from_those_that_must_fit() -> None:
    asked = problem(
        solution("right", AC),
        solution("slow", TLE),
        solution("wrong", WA),
        solution("crash", RE, Verdict.MLE),
        solution("missing", Verdict.CE),
        time_rule=TimeRule(limit_given=False, to_limit=2, from_limit=1.5, resolution_s=0.5),
    )
    told: list[str] = []
    report = await verified(asked, on_checked=lambda _, row: told.append(row.solution.name))
    assert (report.limit_s, report.limit_found, report.ok) == (1.0, True, True)
    assert [row.judgement.verdict for row in report.rows if row.judgement] == [AC, TLE, WA, RE, Verdict.CE]
    assert told[0] == "right"
    assert set(told) == {"right", "slow", "wrong", "crash", "missing"}


async def test_what_is_not_as_it_must_be_is_said() -> None:
    report = await verified(problem(solution("wrong", AC), solution("right", WA, TLE)))
    assert not report.ok
    assert "got WA, must get AC" in report.rows[0].complaints[0]
    assert report.rows[1].complaints == ("got AC, must get WA or TLE",)


async def test_languages_that_are_not_there_and_tests_that_are_missing_are_exceptions() -> None:
    asked = problem(
        Solution(language="rust", source="right"),
        Solution(language="whitespace", source="right"),
        solution("right", TLE),
        metadata={"omitted_tests": ["data/secret/9.in"]},
    )
    report = await verified(asked)
    assert report.ok
    assert [bool(row.exception) for row in report.rows] == [True, True, True]
    assert "lacks some of its tests" in report.rows[2].exception
    assert not (await verified(problem(solution("right", TLE)))).ok
    assert not (await verified(problem(solution("wrong", AC), metadata={"omitted_tests": ["x"]}))).ok


async def test_a_verdict_that_hangs_on_the_time_limit_is_noted() -> None:
    asked = problem(solution("slow", TLE), limits=Limits(cpu_time_s=2), time_rule=TimeRule(from_limit=1.5))
    row = (await verified(asked)).rows[0]
    assert (row.judgement.verdict if row.judgement else None, row.note) == (
        TLE,
        "hangs on the time limit: AC with 3 s",
    )
    assert (await verified(asked, margin=False)).rows[0].note == ""


async def test_time_limits_can_be_those_of_a_slower_machine() -> None:
    given = problem(solution("slow", AC), limits=Limits(cpu_time_s=1))
    assert not (await verified(given)).ok
    report = await verified(given, time_scale=3)
    assert (report.ok, report.limit_s) == (True, 3.0)
    assert "time limits are 3 times those of the package" in report.notes
    found = problem(solution("right", AC), time_rule=TimeRule(limit_given=False, to_limit=2, resolution_s=0.5))
    assert (await verified(found, time_scale=3)).limit_s == 3.0
    with pytest.raises(ConfigError, match="time_scale must be above 0"):
        await verified(given, time_scale=0)


async def test_a_problem_without_tests_or_checker_is_no_failure_of_its_submissions() -> None:
    for more in ({"hidden_tests": ()}, {"checker": {"type": "custom"}}, {"interactive": True}):
        report = await verified(problem(solution("right", AC), **more))
        assert report.ok
        assert report.rows[0].exception


async def test_slow_python_of_a_kattis_package_is_run_as_kattis_runs_it() -> None:
    def slow_without_pypy(run: FakeRun) -> Answer:
        return right(run) if run.program.language == "pypy" else slow(run)

    def asked(source: str, **more: Any) -> Problem:
        one = Solution(language="python", source=source, name="s.py")
        return problem(one, limits=Limits(cpu_time_s=2), metadata={"format": "package"}, **more)

    sandbox = FakeSandbox({**PROGRAMS, "python": slow_without_pypy})
    fast = (await verify(sandbox, asked("python"))).rows[0]
    assert (fast.ok, fast.note) == (True, "with PyPy, as Kattis runs it")
    assert not (await verify(sandbox, asked("slow"))).ok
    missing = await verify(FakeSandbox({"python": slow_without_pypy}, missing=frozenset({"pypy"})), asked("python"))
    assert missing.ok
    assert "PyPy, which is not installed" in missing.rows[0].exception


@given(st.floats(0.001, 50), st.floats(1, 10), st.sampled_from([0.1, 0.5, 1.0]))
def test_the_time_limit_is_the_least_multiple_that_fits(slowest_s: float, factor: float, resolution_s: float) -> None:
    rule = TimeRule(limit_given=False, to_limit=factor, resolution_s=resolution_s)
    limit_s = time_limit(rule, slowest_s)
    assert limit_s >= slowest_s * factor * (1 - 1e-5) - 1e-6
    assert limit_s - resolution_s < slowest_s * factor or limit_s == resolution_s
    assert limit_s / resolution_s == pytest.approx(round(limit_s / resolution_s))


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("", "secret/1", True),
        ("secret", "secret/1", True),
        ("secret/group1", "secret/group1/5", True),
        ("secret/group1", "secret/group10/5", False),
        ("secret/*-easy", "secret/01-easy", True),
        ("secret/*", "sample/1", False),
        ("*", "secret/a/b", True),
        ("secret/{a,b}", "secret/b/1", True),
        ("secret/{a,b}", "secret/c/1", False),
        ("secret/1.", "secret/10", False),
    ],
)
def test_patterns(pattern: str, name: str, covered: bool) -> None:
    assert covers(pattern, name) is covered


def judgement(*verdicts: Verdict, score: float | None = None, best: float = 100) -> Judgement:
    tests = tuple(TestResult(name=f"secret/{n}", verdict=verdict) for n, verdict in enumerate(verdicts))
    whole = next((verdict for verdict in verdicts if verdict is not AC), AC)
    groups = (GroupResult(name="", verdict=whole, score=score, max_score=best),) if score is not None else ()
    return Judgement(verdict=whole, tests=tests, score=score, groups=groups)


def test_scores() -> None:
    asked = problem(scoring=True)
    assert complaints(asked, solution("s", AC), judgement(AC, score=100)) == []
    assert complaints(asked, solution("s", AC), judgement(AC, score=60)) == [
        "got the score 60, must get the full score 100"
    ]
    assert complaints(asked, solution("s", AC, partial=True), judgement(AC, score=60)) == []
    assert complaints(asked, solution("s", AC, partial=True), judgement(AC, score=100))
    assert complaints(asked, solution("s", AC, score=(50, 60)), judgement(AC, score=60)) == []
    assert complaints(asked, solution("s", AC, score=(50, 50)), judgement(AC, score=60)) == [
        "got the score 60, must get 50"
    ]


def test_rules_over_tests() -> None:
    def said(rule: Expectation, *verdicts: Verdict) -> list[str]:
        allowed = (AC, WA, TLE, RE)
        return complaints(problem(), solution("s", *allowed, expectations=(rule,)), judgement(*verdicts))

    assert said(Expectation(permitted=(AC, TLE)), AC, TLE) == []
    assert said(Expectation(permitted=(AC, TLE)), AC, WA) == ["got WA on secret/1, permitted: AC, TLE"]
    assert said(Expectation(tests="secret/0", permitted=(AC,)), AC, WA) == []
    assert said(Expectation(required=(TLE,)), AC, WA) == ["got none of TLE, which is required"]
    assert said(Expectation(message="overflow"), AC) == ["no judge's message holds 'overflow'"]


def test_a_wider_limit_is_taken_back() -> None:
    tests = tuple(TestResult(name=f"secret/{n}", verdict=v, cpu_s=s) for n, (v, s) in enumerate([(AC, 1.5), (WA, 0.1)]))
    wide = Judgement(verdict=WA, tests=tests)
    asked = problem()
    assert at_limit(asked, asked.hidden_tests, wide, 2) is wide
    strict = at_limit(asked, asked.hidden_tests, wide, 1)
    assert (strict.verdict, strict.message) == (TLE, "used 1.50 s of CPU time, of 1 s")
    scoring = problem(scoring=True, groups=(TestGroup(name="secret", aggregation="sum", accept_score=50),))
    scored = [test.model_copy(update={"verdict": AC, "score": 50.0}) for test in tests]
    late = at_limit(scoring, scoring.hidden_tests, Judgement(verdict=AC, tests=tuple(scored), score=100), 1)
    assert (late.verdict, late.score) == (TLE, 50)
