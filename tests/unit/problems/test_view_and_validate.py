from __future__ import annotations

import pytest
from pydantic import ValidationError

from solvent.problems.problem import Checker, Interactor, IoTest, Problem, ProblemKind, Solution, TestGroup, Verdict
from solvent.problems.validate import reference_checks
from solvent.problems.view import PublicProblem, public_view

HIDDEN = "d0-not-sh0w"
FULL = Problem(
    id="p",
    kind=ProblemKind.STDIO,
    statement="Print the sum.",
    checker=Checker(type="custom", program=Solution(language="python", source=HIDDEN), files={"a.h": HIDDEN}),
    public_tests=(IoTest(name="one", stdin="1", expected="2"),),
    hidden_tests=(IoTest(name=HIDDEN, stdin=HIDDEN, expected=HIDDEN),),
    answer=HIDDEN,
    solutions=(Solution(language="python", source=HIDDEN),),
    tags=(HIDDEN,),
    source=HIDDEN,
    metadata={"solution": HIDDEN},
)


def test_nothing_hidden_reaches_the_public_view() -> None:
    view = public_view(FULL)
    assert HIDDEN not in view.model_dump_json()
    assert view.public_tests == FULL.public_tests
    assert view.statement == FULL.statement
    hidden = {
        "hidden_tests", "answer", "solutions", "checker", "metadata", "source", "tags", "interactor", "groups",
        "included_files", "validation_limits", "time_rule",
    }  # fmt: skip
    assert set(Problem.model_fields) - set(PublicProblem.model_fields) == hidden


def test_the_public_view_cannot_be_given_hidden_tests() -> None:
    with pytest.raises(ValidationError):
        PublicProblem.model_validate({**public_view(FULL).model_dump(), "hidden_tests": []})


def _math(answer: str | None) -> Problem:
    return Problem(id="m", kind=ProblemKind.MATH, statement="?", answer=answer)


@pytest.mark.parametrize("gold", ["5", r"\frac{1}{2}", "x^2+1", r"\text{Monday}", "(1,2)", "$18"])
def test_a_good_gold_answer_is_equivalent_to_itself(gold: str) -> None:
    report = reference_checks(_math(gold), timeout_s=60)
    assert report.can_grade, report.complaints
    assert report.gold_checked


@pytest.mark.parametrize(
    ("gold", "complaint"), [(None, "has no gold"), ("", "is empty"), (" $ $ ", "is empty"), (".", "is empty")]
)
def test_a_bad_gold_answer_is_complained_about(gold: str | None, complaint: str) -> None:
    report = reference_checks(_math(gold), timeout_s=60)
    assert not report.can_grade
    assert complaint in report.complaints[0]


def test_programs_what_there_is_to_judge() -> None:
    wrong = Solution(language="cpp", source="x", name="w", expected=Verdict.WA)
    problem = FULL.model_copy(update={"solutions": (wrong,), "interactive": True, "checker": Checker(type="custom")})
    report = reference_checks(problem)
    assert report.solutions == (wrong,)
    assert [text.split(":")[0] for text in report.complaints] == [
        "its interactor is missing",
        "its output validator is missing",
    ]
    assert report.notes == ("none of its solutions is meant to be accepted",)
    assert report.to_dict()["solutions"] == [{"name": "w", "language": "cpp", "expected": "WA"}]


def test_groups_and_passes_must_fit_together() -> None:
    groups = (
        TestGroup(name="a", requires=("b", "one")),
        TestGroup(name="a", min_score=2.0, max_score=1.0),
    )
    plain = FULL.model_copy(update={"groups": groups, "passes": 2, "checker": Checker()})
    assert reference_checks(plain).complaints == (
        "it has several passes, but no output validator that makes the next pass's input",
        "two test groups have the name 'a'",
        "the test group 'a' requires 'b', which is no group and no test",
        "the test group 'a' has a least score above its greatest",
    )


def test_a_test_takes_the_checker_of_the_nearest_group() -> None:
    exact, lines = Checker(type="exact"), Checker(type="lines")
    own = Checker(type="custom", arguments=("x",))
    problem = FULL.model_copy(
        update={"groups": (TestGroup(name=""), TestGroup(name="a", checker=lines), TestGroup(name="b", checker=own))}
    )

    def test(group: str, checker: Checker | None = None) -> IoTest:
        return IoTest(name="t", stdin="", expected="", group=group, checker=checker)

    assert problem.checker_for(test("")) is problem.checker
    assert problem.checker_for(test("c/d")) is problem.checker
    assert problem.checker_for(test("a/deep/er")) is lines
    assert problem.checker_for(test("a", exact)) is exact
    assert problem.checker_for(test("b")) == problem.checker.model_copy(update={"arguments": ("x",)})


def test_the_public_view_takes_checkers_off_the_tests_and_says_how_it_is_judged() -> None:
    test = IoTest(name="one", stdin="1", expected="2", checker=FULL.checker, files={"a.txt": "shown"})
    problem = FULL.model_copy(
        update={
            "public_tests": (test,), "passes": 3, "input_file": "in.txt", "scoring": True, "objective": "min",
            "included_files": {"cpp": {"a.h": HIDDEN}}, "interactive": True,
            "interactor": Interactor(program=Solution(language="cpp", source=HIDDEN)),
            "groups": (TestGroup(name=HIDDEN),),
        }
    )  # fmt: skip
    view = public_view(problem)
    assert HIDDEN not in view.model_dump_json()
    notes = " ".join(view.judging_notes)
    assert all(text in notes for text in ("interactive", "3 times", "in.txt", "smaller"))
    assert public_view(FULL).judging_notes == ()


def test_problems_without_tests() -> None:
    bare = Problem(id="p", kind=ProblemKind.STDIO, statement="s")
    assert reference_checks(bare).complaints == ("it has no tests: an answer cannot be judged",)
    public = bare.model_copy(update={"public_tests": FULL.public_tests})
    assert reference_checks(public).can_grade
    assert reference_checks(public).notes
