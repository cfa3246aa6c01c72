"""Prompts: problem texts are data, missing variables are errors, and every kind of problem has its prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from solvent.agents.prompts import SHIPPED, Failure, Prompts
from solvent.agents.recalled import ShownConcept
from solvent.errors import ConfigError
from solvent.problems.problem import CallTest, CodeTest, FunctionSpec, IoTest, Problem, ProblemKind
from solvent.problems.view import PublicProblem, public_view
from solvent.training.families import Concept

STYLES = sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir())


def view(kind: ProblemKind, statement: str = "Do it.") -> PublicProblem:
    if kind is ProblemKind.FUNCTION:
        return public_view(
            Problem(
                id="f",
                kind=kind,
                statement=statement,
                function=FunctionSpec(name="inc", starter_code="def inc(x): ..."),
                public_tests=(
                    CallTest(name="a", arguments=(1, "s"), keywords={"k": None}, expected=[True]),
                    CodeTest(name="b", code="assert candidate(1) == 2"),
                ),
                hidden_tests=(CodeTest(name="h", code="HIDDEN"),),
            )
        )
    tests = (IoTest(name="a", stdin="1 2\n", expected="3\n"),) if kind is ProblemKind.STDIO else ()
    return public_view(Problem(id="p", kind=kind, statement=statement, public_tests=tests, answer="HIDDEN"))


def text(
    problem: PublicProblem, template: str = "solve", *, wants: str = "program", prompts: Prompts | None = None
) -> str:
    failure = Failure(kind="test", verdict="WA", test="a", input="1 2", expected="3", got="4", stderr="boom")
    messages = (prompts or Prompts()).render(
        "default", template, problem, language="python", wants=wants, program="print(4)", failure=failure
    )
    return messages[-1].content


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", [ProblemKind.STDIO, ProblemKind.FUNCTION, ProblemKind.MATH])
def test_every_style_has_a_prompt_for_every_kind(style: str, kind: ProblemKind) -> None:
    for wants in ("program", "answer"):
        (*_, message) = Prompts().render(style, "solve", view(kind), language="python", wants=wants)
        assert "Do it." in message.content
        assert "HIDDEN" not in message.content


def test_stdio_prompt_shows_the_samples_and_asks_for_a_block() -> None:
    prompt = text(view(ProblemKind.STDIO))
    assert "Example 1, standard input:\n```\n1 2\n```\nStandard output:\n```\n3\n```" in prompt
    assert "reads standard input" in prompt
    assert "```python" in prompt


def test_function_prompt_shows_calls_and_code() -> None:
    prompt = text(view(ProblemKind.FUNCTION))
    assert "`inc(1, 's', k=None)` returns `[True]`" in prompt
    assert "assert candidate(1) == 2" in prompt
    assert "def inc(x): ..." in prompt


def test_math_prompt_asks_for_a_box_or_a_program() -> None:
    assert r"\boxed{}" in text(view(ProblemKind.MATH), wants="answer")
    assert "```python" in text(view(ProblemKind.MATH), wants="program")


def test_concepts_are_shown_only_where_there_are_any() -> None:
    problem = view(ProblemKind.STDIO)
    (bare,) = Prompts().render("default", "solve", problem, language="python", wants="program")
    note = Concept("Ember order", "sort {{ 1 + 1 }}")
    (shown,) = Prompts().render("default", "solve", problem, language="python", wants="program", concepts=[note])
    (empty,) = Prompts().render("default", "solve", problem, language="python", wants="program", memory=True)
    assert "```\n- Ember order: sort {{ 1 + 1 }}\n```\n" in shown.content
    # With an empty memory the prompt is the same but for what is in the fence; without one there is none.
    assert shown.content.replace("- Ember order: sort {{ 1 + 1 }}", "none") == empty.content
    assert "Notes" not in bare.content


def test_a_concept_is_shown_whole_and_its_relatives_by_name() -> None:
    full = ShownConcept(
        id="c", version=1, name="Ember order", text="sort", cues=("it is named",), notes=("use sorted",),
        parameters=("key (function): by what",),
    )  # fmt: skip
    told = {"language": "python", "wants": "program", "concepts": [full], "related": ["Frost rule", "Dune rule"]}
    (prompt,) = Prompts().render("default", "solve", view(ProblemKind.STDIO), **told)
    assert (
        "- Ember order: sort\n  parameters: key (function): by what\n  sign: it is named\n  how: use sorted\n"
        "Related, by name only: Frost rule; Dune rule\n```\n" in prompt.content
    )
    # The starter's form is the one that it was trained on.
    (plain,) = Prompts().render("starter", "solve", view(ProblemKind.STDIO), memory=True, **told)
    assert "\nconcepts:\n- Ember order: sort\nin: " in plain.content
    assert "Frost" not in plain.content


def test_starter_prompts_follow_one_another() -> None:
    problem = view(ProblemKind.FUNCTION)
    note = Concept("Ember order", "sort the numbers")
    plain, thinking = [
        Prompts().render(style, "solve", problem, language="python", wants="program", concepts=[note])[-1].content
        for style in ("starter", "starter-thinking")
    ]
    assert plain == "Do it.\nconcepts:\n- Ember order: sort the numbers\nin: 1, 's', k=None\nout: [True]"
    assert thinking == f"{plain}\nthink"
    (answer,) = Prompts().render("starter", "solve", view(ProblemKind.MATH), language="python", wants="answer")
    assert answer.content == "Do it.\nanswer"


def test_refine_prompt_tells_what_happened() -> None:
    prompt = text(view(ProblemKind.STDIO), "refine")
    for part in ("print(4)", "Verdict WA on a", "Input:\n```\n1 2\n```", "Got:\n```\n4\n```", "boom"):
        assert part in prompt


def test_a_statement_is_never_a_template() -> None:
    nasty = "{{ 7 * 7 }} {% raise %} {{ problem.__class__ }} {# gone #}"
    assert nasty in text(view(ProblemKind.STDIO, nasty))


def test_long_tests_are_cut() -> None:
    problem = public_view(
        Problem(
            id="p",
            kind=ProblemKind.STDIO,
            statement="s",
            public_tests=(IoTest(name="a", stdin="9" * 100_000, expected="1"),),
        )
    )
    assert "[cut]" in text(problem)
    assert len(text(problem)) < 4000


def test_wrong_templates_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "prompts" / "default"
    folder.mkdir(parents=True)
    template = folder / "solve.j2"
    for wrong, message in [
        ("line\n{{ hidden_tests }}", "hidden_tests"),
        ("{{ problem.hidden_tests }}", "hidden_tests"),
        ("{% if %}", r"solve\.j2:1"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
    ]:
        template.write_text(wrong)
        with pytest.raises(ConfigError, match=message):
            text(view(ProblemKind.STDIO), prompts=Prompts(tmp_path))


def test_unknown_style_names_those_that_exist_and_no_path_is_a_style() -> None:
    problem = view(ProblemKind.STDIO)
    with pytest.raises(ConfigError, match="default, starter"):
        Prompts().render("fancy", "solve", problem, language="python", wants="program")
    with pytest.raises(ConfigError, match="letters"):
        Prompts().render("../default", "solve", problem, language="python", wants="program")
