"""Generated problems: labels by execution, a split without leaks, nothing hidden in a prompt."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.problems.problem import ProblemKind
from solvent.problems.readers.registry import read_one
from solvent.training.config import load_config
from solvent.training.corpus import draw_training_samples
from solvent.training.families import FAMILIES, Sample, generate, generate_samples, split_of
from solvent.training.families.catalog import MAX_DEPTH
from solvent.training.families.pipeline import PipelineFamily
from solvent.training.prompting import render_completion, render_prompt

CONFIG = load_config()
PIPELINES = [family for family in FAMILIES.values() if isinstance(family, PipelineFamily)]


def run(program: str, stdin: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a reference program, which our own generator wrote, in this process."""
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    with contextlib.redirect_stdout(printed):
        exec(program, {})
    return printed.getvalue()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("depth", range(1, MAX_DEPTH + 1))
def test_the_reference_gives_every_expected_output(family: str, depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for problem in generate("held-out", family, depth, 3, seed=1):
        (reference,) = problem.solutions
        if problem.kind is ProblemKind.MATH:
            assert run(reference.source, "", monkeypatch).strip() == problem.answer
        else:
            assert len(problem.public_tests) >= 3
            assert len(problem.hidden_tests) >= 10
            for test in (*problem.public_tests, *problem.hidden_tests):
                assert test.type == "io"
                assert run(reference.source, test.stdin, monkeypatch) == test.expected
        assert problem.metadata["depth"] == depth


def test_hidden_tests_are_other_inputs_than_the_examples() -> None:
    for family in PIPELINES:
        for sample in generate_samples("held-out", family.name, 4, 5, seed=2):
            shown = {test.stdin for test in sample.public_tests}
            assert not shown & {test.stdin for test in sample.hidden_tests}


def test_no_held_out_composition_is_ever_trained_on() -> None:
    trained = {(s.family, s.composition) for s in draw_training_samples(CONFIG.corpus, 1500, seed=4)}
    held_out = {
        (s.family, s.composition)
        for family in FAMILIES
        for depth in (1, 2, 3, 6)
        for s in generate_samples("held-out", family, depth, 25, seed=4)
    }
    assert not trained & held_out
    assert len(held_out) > 100


def test_the_split_depends_on_the_order_of_operations_alone() -> None:
    samples = list(draw_training_samples(CONFIG.corpus, 400, seed=9))
    assert all(sample.split == "train" == split_of(sample.family, sample.composition) for sample in samples)
    shares = [split_of("list", tuple(random.Random(n).choices("abcdefgh", k=4))) for n in range(2000)]
    assert 0.1 < shares.count("held-out") / len(shares) < 0.2


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_holds_out_some_single_operations(family: str) -> None:
    compositions = {s.composition for s in generate_samples("held-out", family, 1, 15, seed=0)}
    assert len(compositions) >= 2


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_repeats_and_another_differs(family: str) -> None:
    first, again, other = [generate("held-out", family, 3, 4, seed) for seed in (1, 1, 2)]
    assert first == again
    assert [p.statement for p in first] != [p.statement for p in other]


def test_corpus_rows_repeat() -> None:
    first, again = [list(draw_training_samples(CONFIG.corpus, 40, seed=3)) for _ in range(2)]
    assert first == again


@pytest.mark.parametrize("depth", [0, 9])
def test_a_depth_out_of_range_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match=r"outside 1\.\.8"):
        generate("held-out", "list", depth, 1, 0)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([family.name for family in PIPELINES]), st.integers(1, 6), st.integers(0, 10**6))
def test_examples_rule_out_every_shorter_program_and_every_other_reading(family: str, depth: int, seed: int) -> None:
    pipeline = FAMILIES[family]
    assert isinstance(pipeline, PipelineFamily)
    sample = pipeline.draw(random.Random(seed), depth, min(2, depth), "held-out")
    steps = tuple(pipeline.step(name, _typed(p)) for name, p in zip(sample.composition, sample.parameters, strict=True))
    assert pipeline.program(steps) == sample.program
    for place in range(depth if depth > 1 else 0):
        shorter = steps[:place] + steps[place + 1 :]
        assert any(pipeline.run(shorter, test.stdin) != test.expected for test in sample.public_tests)
    assert sample.open_steps == min(2, depth)


def _typed(parameter: str) -> int | str:
    return int(parameter) if parameter.isdigit() else parameter


def prompts_and_samples() -> list[tuple[str, Sample]]:
    samples = [s for family in FAMILIES for s in generate_samples("held-out", family, 3, 10, seed=6)]
    return [(render_prompt(sample), sample) for sample in samples]


def test_a_prompt_shows_examples_and_nothing_that_grades() -> None:
    for prompt, sample in prompts_and_samples():
        assert sample.statement in prompt
        for test in sample.public_tests:
            assert f"in: {test.stdin}\n" in prompt
        for test in sample.hidden_tests:
            assert f"in: {test.stdin}\n" not in prompt
        assert sample.program not in prompt


def test_a_completion_is_one_fenced_program() -> None:
    for _, sample in prompts_and_samples():
        assert render_completion(sample) == f"```python\n{sample.program}\n```"
        assert "```" not in sample.program


def test_a_written_problem_reads_back_the_same(tmp_path: object) -> None:
    from pathlib import Path

    from solvent.problems.readers.native_writer import to_native

    assert isinstance(tmp_path, Path)
    for family in FAMILIES:
        for problem in generate("held-out", family, 5, 3, seed=8):
            path = tmp_path / f"{problem.id}.md"
            path.write_text(to_native(problem))
            assert read_one(path) == problem


def test_the_problems_behind_the_published_figures_stay_the_same() -> None:
    samples = [
        s for family in FAMILIES for depth in (1, 4, 8) for s in generate_samples("held-out", family, depth, 2, 7)
    ]
    digest = hashlib.sha256(repr(samples).encode()).hexdigest()
    assert digest.startswith("b070a0492e6e533e"), (
        "evaluate again and renew this digest, or undo the change to the families"
    )
