"""No text of a concept stands outside of its place in any prompt that ships, whatever it and its name hold."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from injections import HOSTILE_NAMES, INJECTIONS, MARK, outside

from solvent.agents.prompts import SHIPPED, Attempt, Failure, LessonText, Prompts, fence_of
from solvent.agents.recall import shown_as
from solvent.memory.concept import Concept, ConceptKind, Content, Parameter
from solvent.problems.problem import IoTest, Problem, ProblemKind
from solvent.problems.view import public_view

TEMPLATES = sorted(f"{path.parent.name}/{path.stem}" for path in SHIPPED.glob("*/*.j2"))
ALONE = {"accepted", "proposal", "examples", "known", "answer", "failure", "program", "task"}
"""Parts of other templates: they are rendered within them."""
PROBLEM = public_view(
    Problem(
        id="echo",
        kind=ProblemKind.STDIO,
        statement="Print ok.",
        public_tests=(IoTest(name="1", stdin="1", expected="ok"),),
    )
)


def hostile(text: str, name: str) -> list[Concept]:
    """Concepts with a text in each place that a prompt may show."""
    routine = Content(
        name=name,
        kind=ConceptKind.ROUTINE,
        summary=text,
        output_type=text[:80],
        parameters=(Parameter(name=text[:60], type=text[:80], description=text[:400]),),
        cues=(text[:400],),
        notes=(text[:400],),
    )
    insight = Content(name=name, kind=ConceptKind.INSIGHT, situation=text[:400], suggestion=text, pitfall=True)
    return [
        Concept(id=f"con-{number}", namespace="default", version=1, content=content, created_at=0, updated_at=0)
        for number, content in enumerate((routine, insight))
    ]


def rendered(template: str, concepts: list[Concept], program: str = "print('ok')") -> str:
    style, name = template.split("/")
    contents = [one.content for one in concepts]
    shown = [shown_as(one) for one in concepts]
    names = [one.name for one in contents]
    fence = fence_of(program, *(one.search_text for one in contents), *names)
    lesson = LessonText(
        evidence="2 of 2", summary="it prints", pseudocode="print", known=contents, named=names, fence=fence
    )
    messages = Prompts().render(
        style,
        name,
        PROBLEM,
        language="python",
        wants="program",
        program=program,
        failure=Failure(kind="test", verdict="WA", test="1", input="1", expected="ok", got="no"),
        concepts=shown,
        related=names,
        memory=True,
        attempts=[Attempt(program, "no")],
        offered=[] if "candidates" in name else shown,
        lesson=lesson,
    )
    assert [message.role for message in messages] in (["user"], ["system", "user"])
    assert all(MARK not in message.content for message in messages[:-1])
    return messages[-1].content


def check(template: str, prompt: str, names: list[str]) -> None:
    if template.startswith("default/"):
        assert MARK not in outside(prompt)
        return
    # The bundled model's prompts have no fences, as it was trained: each concept is one line of a list.
    starts = tuple(f"{mark}{name}: " for name in names for mark in ("- ", "1. ", "2. "))
    for line in prompt.splitlines():
        assert MARK not in line or line.startswith(starts), line


@pytest.mark.parametrize("template", [one for one in TEMPLATES if one.split("/")[1] not in ALONE])
def test_every_prompt_keeps_concepts_where_they_belong(template: str) -> None:
    shown = 0
    for number, text in enumerate(INJECTIONS):
        name = HOSTILE_NAMES[number % len(HOSTILE_NAMES)]
        # `no colon and no backtick` is the form of names; all else is in these.
        concepts = hostile(text, name)
        prompt = rendered(template, concepts)
        check(template, prompt, [name])
        shown += MARK in prompt
    if template.split("/")[1] in {"solve", "choose", "refine"} or template in {"default/abstract", "default/same"}:
        assert shown == len(INJECTIONS)


_PIECES = st.sampled_from(
    ["```", "~~~", "````", "\n", "\r", "\u2028", "\x0b", " ", "   ", "#", "- ", "`", "x", "{{", "%}"]
)
_TEXT = st.lists(_PIECES, min_size=1, max_size=12).map("".join).filter(lambda text: text.strip() != "")


@settings(max_examples=150, deadline=None)
@given(before=_TEXT, after=_TEXT, template=st.sampled_from(["solve", "choose", "abstract", "same", "pitfall"]))
def test_no_mixture_of_marks_closes_a_fence(before: str, after: str, template: str) -> None:
    text = f"{before}{MARK}{after}"
    name = re.sub(r"[:`]", "", text)
    prompt = rendered(f"default/{template}", hostile(text, name), program=f"print()\n{before}")
    check(f"default/{template}", prompt, [])
