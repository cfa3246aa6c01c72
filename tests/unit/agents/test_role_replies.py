"""Replies of the roles: what the shipped prompts ask for is found, and anything else is no answer."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.prompts import SHIPPED, Attempt, Prompts
from solvent.agents.role_replies import NamedText, concepts_of, inputs_of, numbers_of, probability_right, said_right
from solvent.models.base import TokenLogprob
from solvent.problems.problem import CallTest, FunctionSpec, IoTest, Problem, ProblemKind
from solvent.problems.view import public_view

ROLES = ("verify", "verify-slow", "tests", "abstract", "choose", "summarise")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("right", True),
        ("[1, 2]\n2 4\nwrong", False),
        ("It looks right at first.\n\n**Wrong.**\n", False),
        ("The answer is right.", True),
        ("right or wrong", None),
        ("", None),
        ("right\nbut the bright side", None),
    ],
)
def test_the_last_line_is_the_verdict(text: str, verdict: bool | None) -> None:
    assert said_right(text) is verdict


def test_the_probability_is_that_of_the_place_where_the_verdict_begins() -> None:
    top = (("right", math.log(0.6)), ("wr", math.log(0.1)), ("wrong", math.log(0.1)), ("x", math.log(0.2)))
    verdict = TokenLogprob(token="right", logprob=math.log(0.6), top=top)
    assert probability_right([verdict]) == pytest.approx(0.75)
    trace = TokenLogprob(token="[", logprob=-0.1, top=(("right", -3.0),))
    assert probability_right([trace, verdict]) == pytest.approx(0.75)
    assert probability_right([trace]) is None
    assert probability_right([TokenLogprob(token="wrong", logprob=0.0)]) == 0


def test_inputs_stand_behind_marks_or_in_blocks() -> None:
    assert inputs_of("in: 1 2\nin: 3\n4 5\nin: 1 2") == ["1 2", "3\n4 5"]
    assert inputs_of("First:\n```input\n1 2\n```\nthen\n```\n3\n4\n```") == ["1 2", "3\n4"]
    assert inputs_of("I cannot") is None
    assert inputs_of("in: ") is None


def test_concepts_are_lines_of_name_and_text() -> None:
    assert concepts_of("- Ember rule: add 3 to every number\n- Oak rule: a: b") == [
        NamedText("Ember rule", "add 3 to every number"),
        NamedText("Oak rule", "a: b"),
    ]
    assert concepts_of("Sure.\n* **Ties**: break them by index.") == [NamedText("Ties", "break them by index.")]
    assert concepts_of("none") == []
    assert concepts_of("I see nothing") is None


def test_numbers_are_among_the_candidates() -> None:
    assert numbers_of("Candidates 1 and 9 differ.\n2, 5, 2", 5) == [2, 5]
    assert numbers_of("none", 3) == []
    assert numbers_of("4", 3) is None
    assert numbers_of("I like the first", 3) is None


@given(st.text(), st.integers(1, 9))
def test_no_reply_breaks_a_parser(text: str, count: int) -> None:
    said_right(text)
    concepts_of(text)
    assert all(part.strip() for part in inputs_of(text) or [])
    assert all(1 <= number <= count for number in numbers_of(text, count) or [])


@pytest.mark.parametrize("style", sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir()))
@pytest.mark.parametrize("role", [*ROLES, "refine"])
@pytest.mark.parametrize("kind", [ProblemKind.STDIO, ProblemKind.FUNCTION, ProblemKind.MATH])
def test_every_style_plays_every_role_without_telling_what_is_hidden(style: str, role: str, kind: ProblemKind) -> None:
    from solvent.agents.prompts import Failure

    problem = Problem(
        id="p",
        kind=kind,
        statement="Do it.",
        answer="HIDDEN",
        function=FunctionSpec(name="inc") if kind is ProblemKind.FUNCTION else None,
        public_tests={
            ProblemKind.STDIO: (IoTest(name="a", stdin="1 2\n", expected="3\n"),),
            ProblemKind.FUNCTION: (CallTest(name="a", arguments=(1,), expected=2),),
        }.get(kind, ()),
        hidden_tests={
            ProblemKind.STDIO: (IoTest(name="h", stdin="HIDDEN", expected="HIDDEN"),),
            ProblemKind.FUNCTION: (CallTest(name="h", arguments=("HIDDEN",), expected="HIDDEN"),),
        }.get(kind, ()),
    )
    for candidates in ((), ("PROGRAM", "print(2)")):
        prompt = (
            Prompts()
            .render(
                style,
                role,
                public_view(problem),
                language="python",
                wants="answer" if kind is ProblemKind.MATH else "program",
                program="PROGRAM",
                failure=Failure(kind="test", verdict="WA", input="(1)", expected="2", got="3"),
                concepts=[NamedText("Ember rule", "add 1")],
                attempts=[Attempt("PROGRAM", "7"), Attempt("print(2)")],
                candidates=candidates,
                offered=[NamedText("Oak rule", "sort")],
            )[-1]
            .content
        )
        assert "Do it." in prompt
        writes_without_examples = role == "abstract" and style.startswith("starter")
        assert ("Ember rule: add 1" in prompt) != writes_without_examples
        assert "HIDDEN" not in prompt
        if role in ("verify", "verify-slow", "abstract", "summarise", "refine"):
            assert "PROGRAM" in prompt
        if role == "choose":
            assert ("PROGRAM" in prompt) == bool(candidates)
            assert ("Oak rule: sort" in prompt) == (not candidates)
