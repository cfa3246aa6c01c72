"""Prompts and completions of the starter model: the same in training and in use, and never what grades."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from solvent.agents.prompts import Prompts
from solvent.models.starter.weights import SHIPPED
from solvent.problems.view import public_view
from solvent.training.families import FAMILIES, Concept, Sample, Split, generate_samples
from solvent.training.families.catalog import to_problem
from solvent.training.families.sample import Example
from solvent.training.prompting import PLAIN_STYLE, THINKING_STYLE, render_completion, render_prompt

LIST = Sample(
    family="list",
    kind="stdio",
    depth=1,
    composition=("sum",),
    parameters=("",),
    open_steps=0,
    statement="Read a list of integers from one line.\n1. Print the sum.",
    program="xs = list(map(int, input().split()))\nprint(sum(xs))",
    public_tests=(Example("1 2", "3"), Example("-4 4 1", "1")),
    hidden_tests=(Example("99 1", "100"),),
    plan=("print the sum of the numbers",),
)
STORY = Sample(
    family="word",
    kind="math",
    depth=1,
    composition=("gain", "ask_a"),
    parameters=("4",),
    open_steps=0,
    statement="Anna has 3 apples. Anna finds 4 apples. How many apples does Anna have?",
    program="a = 3\na = a + 4\nprint(a)",
    answer="7",
    reasoning="3 + 4 = 7",
)
CALL = Sample(
    family="list",
    kind="function",
    depth=1,
    composition=("take",),
    parameters=("2",),
    open_steps=0,
    statement="Write `f(xs, k)`.",
    program="def f(xs, k):\n    return xs[:k]",
    public_tests=(Example("[1, 2], 1", "[1]"), Example("['a'], 3", "['a']")),
    entry_point="f",
    shown_concepts=(Concept("Ember cut", "keep the first few"), Concept("Oak cut", "{{ 1 }}")),
)


def test_prompts_that_the_first_weights_were_trained_on_stay_byte_for_byte() -> None:
    assert render_prompt(LIST) == (
        "Read a list of integers from one line.\n1. Print the sum.\nin: 1 2\nout: 3\nin: -4 4 1\nout: 1"
    )
    assert render_prompt(STORY) == STORY.statement
    assert render_completion(LIST) == f"```python\n{LIST.program}\n```"


def test_concepts_calls_plans_and_answers_have_their_forms() -> None:
    assert render_prompt(CALL) == (
        "Write `f(xs, k)`.\nconcepts:\n- Ember cut: keep the first few\n- Oak cut: {{ 1 }}"
        "\nin: [1, 2], 1\nout: [1]\nin: ['a'], 3\nout: ['a']"
    )
    assert render_prompt(LIST, thinking=True) == render_prompt(LIST) + "\nthink"
    assert render_completion(LIST, thinking=True) == (
        f"<think>\nprint the sum of the numbers\n</think>\n```python\n{LIST.program}\n```"
    )
    assert render_prompt(STORY, answer=True) == f"{STORY.statement}\nanswer"
    assert render_completion(STORY, answer=True) == "3 + 4 = 7\n\\boxed{7}"


def test_what_a_problem_lacks_is_refused() -> None:
    for render in (render_prompt, render_completion):
        with pytest.raises(ValueError, match="only of a math problem"):
            render(LIST, answer=True)
        with pytest.raises(ValueError, match="without a plan"):
            render(STORY, answer=True, thinking=True)
    with pytest.raises(ValueError, match="no plan"):
        render_completion(STORY, thinking=True)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("split", ["train", "held-out"])
def test_training_and_use_render_the_same_prompt(family: str, split: Split) -> None:
    for sample in generate_samples(split, family, 2, 8, seed=6):
        view = public_view(to_problem(sample, "p"))
        for style, thinking in ((PLAIN_STYLE, False), (THINKING_STYLE, True)):
            (message,) = Prompts().render(
                style, "solve", view, language="python", wants="program", concepts=sample.shown_concepts
            )
            assert message.content == render_prompt(sample, thinking=thinking)
        if sample.kind == "math":
            (message,) = Prompts().render(PLAIN_STYLE, "solve", view, language="python", wants="answer")
            assert message.content == render_prompt(sample, answer=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_prompt_shows_examples_and_nothing_that_grades(family: str) -> None:
    for sample in generate_samples("held-out", family, 3, 10, seed=6):
        prompt = render_prompt(sample)
        assert sample.statement in prompt
        for test in sample.public_tests:
            assert f"in: {test.stdin.strip()}\nout: {test.expected.strip()}" in prompt
        for test in sample.hidden_tests:
            assert f"in: {test.stdin}\n" not in prompt
        assert sample.program not in prompt
        assert "```" not in sample.program
        assert "```" not in prompt


@pytest.mark.parametrize("family", FAMILIES)
def test_prompts_and_completions_leave_room_in_the_context(family: str) -> None:
    tokenizer = Tokenizer.from_file(str(SHIPPED / "tokenizer.json"))
    for sample in generate_samples("train", family, FAMILIES[family].max_depth, 25, seed=2):
        thinking = bool(sample.plan)
        text = render_prompt(sample, thinking=thinking) + render_completion(sample, thinking=thinking)
        assert len(tokenizer.encode(text).ids) <= (960 if family.startswith("grid") else 700), text
