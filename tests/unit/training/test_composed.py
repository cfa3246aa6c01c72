"""Problems with loops and conditions: labels by execution, one reading of every statement, known inputs."""

from __future__ import annotations

import contextlib
import io
import random
import sys
from ast import literal_eval
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.training.families import FAMILIES, Sample, split_of
from solvent.training.families.catalog import to_problem
from solvent.training.families.composed import ComposedFamily
from solvent.training.families.parts import Step
from solvent.training.families.scenes import Scene

COMPOSED = {family.name: family for family in FAMILIES.values() if isinstance(family, ComposedFamily)}
TRAIN_COMPOSITIONS = {"matrix": 200, "table": 200, "scan": 200, "loop": 200, "dp": 150}

draws = st.tuples(
    st.sampled_from(sorted(COMPOSED)), st.integers(1, 5), st.integers(0, 2), st.sampled_from(["train", "held-out"])
)


def draw(work: tuple[str, int, int, Any], seed: int) -> Sample:
    family, depth, open_steps, split = work
    return COMPOSED[family].draw(random.Random(seed), min(depth, COMPOSED[family].max_depth), open_steps, split)


def outcome(sample: Sample, stdin: str) -> str:
    """What the program of the sample gives, as its grader sees it."""
    scope: dict[str, Any] = {}
    if sample.kind == "function":
        exec(sample.program, scope)
        arguments = literal_eval(f"({stdin},)")
        result = repr(scope[sample.entry_point](*arguments))
        assert repr(arguments) == repr(literal_eval(f"({stdin},)")), "the program changes its arguments"
        return result
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setattr(sys, "stdin", io.StringIO(stdin + "\n"))
        exec(sample.program, scope)
    return printed.getvalue().rstrip("\n")


def scene_of(sample: Sample) -> Scene:
    names = set(sample.composition)
    return next(scene for scene in COMPOSED[sample.family].scenes if names <= scene.by_name.keys())


def steps_of(sample: Sample) -> tuple[Step, ...]:
    parts = [scene_of(sample).by_name[name] for name in sample.composition]
    return tuple(
        Step(part, int(text) if part.numeric and text != "k" else text)
        for part, text in zip(parts, sample.parameters, strict=True)
    )


def variant(sample: Sample, steps: tuple[Step, ...]) -> Callable[[str], str] | None:
    """What the program of other steps gives for an input of the sample; None where these steps make none."""
    scene = scene_of(sample)
    body = scene.body(steps)
    if body is None:
        return None
    arguments = (*scene.inputs.arguments, "k") if "k" in sample.parameters else scene.inputs.arguments
    ending = scene.endings[body.gives]
    lines = "\n".join(f"    {line}" for line in (*body.lines, f"return {ending.value}"))
    scope: dict[str, Any] = {}
    exec(f"def variant({', '.join(arguments)}):\n{lines}\n", scope)

    def run(stdin: str) -> str:
        if sample.kind == "function":
            values = literal_eval(f"({stdin},)")
        else:
            rows = stdin.split("\n")
            own, extra = (rows[:-1], rows[-1:]) if "k" in sample.parameters else (rows, [])
            values = (*scene.inputs.parse(own), *map(int, extra))
        try:
            result = scope["variant"](*values)
        except (ValueError, IndexError, KeyError, ZeroDivisionError) as error:
            return type(error).__name__
        return repr(result) if sample.kind == "function" else ending.show(result)

    return run


def is_told(phrases: tuple[str, ...], step: Step, told: str) -> bool:
    outs = ("print", "output", "return", "find")
    return any(phrase.format(k=step.parameter, out=out).casefold() in told for phrase in phrases for out in outs)


@settings(max_examples=60, deadline=None)
@given(draws, st.integers(0, 10**6))
def test_the_reference_gives_every_expected_output(work: tuple[str, int, int, Any], seed: int) -> None:
    sample = draw(work, seed)
    assert 3 <= len(sample.public_tests) <= 4
    assert len(sample.hidden_tests) == 12
    assert len({test.stdin for test in (*sample.public_tests, *sample.hidden_tests)}) == len(sample.public_tests) + 12
    for test in (*sample.public_tests, *sample.hidden_tests):
        assert outcome(sample, test.stdin) == test.expected
        assert COMPOSED[sample.family].accepts(test.stdin)
    for tests in (sample.public_tests, sample.hidden_tests):
        assert len({test.expected for test in tests}) > 1, "a constant would pass"
    assert len(sample.plan) == sample.depth == len(sample.composition)
    assert (sample.kind == "function") == bool(sample.entry_point)
    assert sample.split == work[3]
    assert to_problem(sample, "problem").statement == sample.statement
    assert "{" not in sample.statement + "".join(sample.plan)


@settings(max_examples=60, deadline=None)
@given(draws, st.integers(0, 10**6))
def test_examples_rule_out_programs_with_a_part_less(work: tuple[str, int, int, Any], seed: int) -> None:
    sample = draw(work, seed)
    steps = steps_of(sample)
    own = variant(sample, steps)
    assert own is not None
    assert all(own(test.stdin) == test.expected for test in sample.public_tests)
    for place in range(len(steps) if len(steps) > 1 else 0):
        shorter = variant(sample, steps[:place] + steps[place + 1 :])
        if shorter is not None:
            assert any(shorter(test.stdin) != test.expected for test in sample.public_tests)


@settings(max_examples=60, deadline=None)
@given(draws, st.integers(0, 10**6))
def test_examples_rule_out_every_other_reading(work: tuple[str, int, int, Any], seed: int) -> None:
    sample = draw(work, seed)
    scene, steps = scene_of(sample), steps_of(sample)
    told = sample.statement.casefold()
    found = 0
    for place, step in enumerate(steps):
        wording = scene.open_by_step.get(step)
        if wording is None or not is_told(wording.phrases, step, told) or is_told(step.part.phrases, step, told):
            continue
        found += 1
        for name, parameter in wording.choices:
            other = Step(scene.by_name[name], parameter)
            run = variant(sample, (*steps[:place], other, *steps[place + 1 :]))
            if other != step and run is not None:
                assert any(run(test.stdin) != test.expected for test in sample.public_tests)
    if len(set(steps)) == len(steps):
        assert found >= sample.open_steps


@settings(max_examples=30, deadline=None)
@given(draws, st.integers(0, 10**6))
def test_a_seed_repeats(work: tuple[str, int, int, Any], seed: int) -> None:
    assert draw(work, seed) == draw(work, seed)


@pytest.mark.parametrize("family", COMPOSED)
def test_there_are_many_compositions_and_some_are_held_out(family: str) -> None:
    rng = random.Random(5)
    depths = range(1, COMPOSED[family].max_depth + 1)
    samples = [COMPOSED[family].draw(rng, depth, 0, "train") for depth in depths for _ in range(130)]
    compositions = {sample.composition for sample in samples}
    assert all(split_of(family, composition) == "train" for composition in compositions)
    assert len(compositions) >= TRAIN_COMPOSITIONS[family]
    kinds = [sample.kind for sample in samples]
    assert 0.3 < kinds.count("function") / len(kinds) < 0.5
    held_out = {COMPOSED[family].draw(rng, depth, 0, "held-out").composition for depth in depths for _ in range(20)}
    assert len(held_out) > 20
    assert len({composition for composition in held_out if len(composition) == 1}) >= 2


@pytest.mark.parametrize("family", COMPOSED)
def test_problems_are_short(family: str) -> None:
    """Bytes, as no tokenizer needs more tokens than bytes; a token is two to three bytes of these texts."""
    rng = random.Random(6)
    for depth in range(1, COMPOSED[family].max_depth + 1):
        for sample in (COMPOSED[family].draw(rng, depth, 1, "train") for _ in range(60)):
            shown = sum(len(test.stdin) + len(test.expected) + 10 for test in sample.public_tests)
            assert len(sample.program) < 700
            assert shown < 700
            assert len(sample.statement) + shown + len(sample.program) < 1800


@pytest.mark.parametrize("family", COMPOSED)
def test_names_of_parts_are_unique(family: str) -> None:
    for scene in COMPOSED[family].scenes:
        names = [part.name for part in scene.parts]
        assert len(set(names)) == len(names)
        for part in scene.parts:
            assert len(set(part.phrases)) >= 2
        for wording in scene.open_wordings:
            kinds = {(scene.by_name[name].takes, scene.by_name[name].gives) for name, _ in wording.choices}
            assert len(kinds) == 1
            assert len(set(wording.choices)) >= 2


@pytest.mark.parametrize("family", COMPOSED)
def test_a_depth_out_of_range_is_refused(family: str) -> None:
    with pytest.raises(ValueError, match="no problems of depth"):
        COMPOSED[family].draw(random.Random(1), COMPOSED[family].max_depth + 1, 0, "train")


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("matrix", "2 2\n1 2\n3 4"),
        ("matrix", "2 2\n1 2\n3 4\n5"),
        ("matrix", "[[1, 2], [3, 4]], 5"),
        ("table", "1\nann 5"),
        ("table", "[['ann', 5]]"),
        ("scan", "1 -2 3\n"),
        ("scan", "[1], 2"),
        ("loop", "17"),
        ("loop", "ABBA"),
        ("loop", "'ABBA'"),
        ("dp", "3 4\n7"),
        ("dp", "'ab', 'ba'"),
    ],
)
def test_inputs_that_statements_describe_are_accepted(family: str, text: str) -> None:
    assert COMPOSED[family].accepts(text)


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("matrix", "2 2\n1 2\n3"),
        ("matrix", "3 2\n1 2\n3 4"),
        ("matrix", "[[1, 2], [3]]"),
        ("matrix", "[]"),
        ("table", "2\nann 5"),
        ("table", "1\nann x"),
        ("table", "1\nann 0"),
        ("table", "[['ann', '5']]"),
        ("scan", ""),
        ("scan", "1 two"),
        ("scan", "[]"),
        ("loop", "ABX"),
        ("loop", "hello"),
        ("loop", "__import__('os')"),
        ("dp", ""),
        ("dp", "'ab', 3"),
        ("dp", "(" * 500),
    ],
)
def test_other_inputs_are_not(family: str, text: str) -> None:
    assert not COMPOSED[family].accepts(text)
