"""Pipelines over lists, numbers and texts: what their examples decide, and what inputs they take."""

from __future__ import annotations

import random
from ast import literal_eval

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.problems.problem import CallTest, ProblemKind
from solvent.training.families import FAMILIES, Sample, generate_samples
from solvent.training.families.catalog import to_problem
from solvent.training.families.operations import Step
from solvent.training.families.pipeline import PipelineFamily
from solvent.training.families.sample import Example
from tests.support.generated import run_reference

PIPELINES = {name: family for name, family in FAMILIES.items() if isinstance(family, PipelineFamily)}
names = st.sampled_from(sorted(PIPELINES))


def steps_of(family: PipelineFamily, sample: Sample) -> tuple[Step, ...]:
    parameters = [int(p) if p.isdigit() else p for p in sample.parameters]
    return tuple(family.step(name, p) for name, p in zip(sample.composition, parameters, strict=True))


def gives(family: PipelineFamily, sample: Sample, steps: tuple[Step, ...], test: Example) -> bool:
    """Whether other steps give the expected output, as far as a checker sees it."""
    if sample.kind == "function":
        shown = family.run(steps, family.show(literal_eval(test.stdin)))
        expected = literal_eval(test.expected)
        return shown == (str(expected) if steps and steps[-1].operation.last else family.show(expected))
    shown = family.run(steps, test.stdin)
    return shown is not None and shown.split() == test.expected.split()


@settings(max_examples=60, deadline=None)
@given(names, st.integers(1, 8), st.integers(0, 10**6))
def test_examples_rule_out_every_shorter_program_and_every_other_reading(name: str, depth: int, seed: int) -> None:
    family = PIPELINES[name]
    sample = family.draw(random.Random(seed), depth, min(2, depth), "held-out")
    steps = steps_of(family, sample)
    assert family.program(steps, sample.entry_point) == sample.program
    assert sample.open_steps == min(2, depth)
    assert len(sample.plan) == depth
    for place in range(depth if sample.kind == "stdio" else 0):
        shorter = steps[:place] + steps[place + 1 :]
        assert not all(gives(family, sample, shorter, test) for test in sample.public_tests)


@settings(max_examples=40, deadline=None)
@given(names, st.integers(1, 4), st.integers(0, 10**6))
def test_examples_single_out_the_reading_of_an_open_step(name: str, depth: int, seed: int) -> None:
    family = PIPELINES[name]
    sample = family.draw(random.Random(seed), depth, 1, "train")
    steps = steps_of(family, sample)
    found = []
    for wording in family.open_wordings:
        if not any(phrase.removeprefix("print ") in sample.statement.lower() for phrase in wording.phrases):
            continue
        choices = [family.step(*choice) for choice in wording.choices]
        for place, step in enumerate(steps):
            found += [(place, other) for other in choices if step in choices and other is not step]
    assert found
    refuted = [
        not all(gives(family, sample, (*steps[:place], other, *steps[place + 1 :]), t) for t in sample.public_tests)
        for place, other in found
    ]
    # A plainly worded step may belong to the same open wording; its readings need no refuting.
    assert all(refuted) or len({place for place, _ in found}) > 1


def test_some_problems_ask_for_a_function_and_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PIPELINES:
        samples = list(generate_samples("train", name, 3, 40, seed=1))
        functions = [sample for sample in samples if sample.kind == "function"]
        assert 4 <= len(functions) <= 20
        assert len({sample.entry_point for sample in functions}) > 3
        for sample in functions:
            assert f"`{sample.entry_point}({PIPELINES[name].variable})`" in sample.statement
            assert "print" not in sample.statement.lower()
            assert sample.program.startswith(f"def {sample.entry_point}(")
            problem = to_problem(sample, "p")
            assert problem.kind is ProblemKind.FUNCTION
            assert problem.function is not None
            assert problem.function.name == sample.entry_point
            for test, example in zip(problem.hidden_tests, sample.hidden_tests, strict=True):
                assert isinstance(test, CallTest)
                assert ", ".join(map(repr, test.arguments)) == example.stdin
                assert run_reference(sample, example.stdin, monkeypatch) == repr(test.expected)


def test_an_example_that_is_no_json_value_makes_no_problem() -> None:
    sample = Sample(
        family="list",
        kind="function",
        depth=1,
        composition=("x",),
        parameters=("",),
        open_steps=0,
        statement="s",
        program="p",
        public_tests=(Example("(1, 2)", "[1]"),),
        entry_point="f",
    )
    with pytest.raises(ValueError, match="repr of JSON values"):
        to_problem(sample, "p")


@given(st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=50))
def test_lists_of_integers_are_inputs(numbers: list[int]) -> None:
    assert FAMILIES["list"].accepts(" ".join(map(str, numbers)) + "\n")
    assert FAMILIES["list"].accepts(repr(numbers))
    assert not FAMILIES["list"].accepts("\n".join(map(str, [*numbers, 1])))


@given(st.integers(-(10**6), 10**6))
def test_integers_are_inputs(number: int) -> None:
    assert FAMILIES["number"].accepts(str(number))
    for broken in (
        f"{number} 1",
        f"{number}.0",
        f"0{number}",
        f"+{number}",
        f" {number}",
        f"[{number}]",
        f"{number}e1",
    ):
        assert not FAMILIES["number"].accepts(broken), broken


@pytest.mark.parametrize(
    "text",
    ["", " ", "1,2", "[1,2]", "[1.0]", "['a']", "[]", "[True]", "1  2", "01", "a", "__import__('os')", "[" * 999],
)
def test_what_is_no_list_of_integers_is_no_input(text: str) -> None:
    assert not FAMILIES["list"].accepts(text)


@given(st.text(max_size=120))
def test_a_text_is_one_line_of_printable_ascii(text: str) -> None:
    fine = 0 < len(text) <= 100 and text.isascii() and text.isprintable() and text == text.strip()
    assert FAMILIES["string"].accepts(text + "\n") == fine


@pytest.mark.parametrize("name", PIPELINES)
def test_statements_come_in_many_layouts_and_lengths(name: str) -> None:
    statements = [sample.statement for sample in generate_samples("train", name, 3, 60, seed=3)]
    for sign in ("\n1. ", "\n* ", "; ", ", then ", " and "):
        assert any(sign in statement for statement in statements), sign
    lengths = sorted(map(len, statements))
    assert lengths[-1] > 2 * lengths[0]
