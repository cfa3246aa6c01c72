"""Grid problems: steps do what their wording says, examples leave one reading, concepts are shown as agreed."""

from __future__ import annotations

import ast
import contextlib
import io
import random
import sys
from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.training.families.grids import GRIDS, accepts_grid, show_grid
from solvent.training.families.grids_drafting import singles_out
from solvent.training.families.grids_operations import OPERATIONS, Grid
from solvent.training.families.grids_rules import GRID_RULES, rules_of_world
from solvent.training.families.grids_steps import GridStep, candidates, run, step_of
from solvent.training.families.rules import LIST_RULES, SHOWN_WEIGHTS, World
from solvent.training.families.sample import Example, Sample, split_of

FAMILIES = {family.name: family for family in (GRIDS, GRID_RULES)}
DRAWS = (st.sampled_from(sorted(FAMILIES)), st.integers(1, 3), st.integers(0, 10**6))


def draw(family: str, depth: int, seed: int) -> Sample:
    return FAMILIES[family].draw(random.Random(seed), depth, seed % 2, "held-out")


def steps_of(sample: Sample) -> tuple[GridStep, ...]:
    return tuple(step_of(*pair) for pair in zip(sample.composition, sample.parameters, strict=True))


def grid_of(text: str) -> Grid:
    return ast.literal_eval(text) if text.startswith("[") else [list(map(int, line)) for line in text.split("\n")]


def pairs_of(sample: Sample) -> list[tuple[Grid, Grid]]:
    return [(grid_of(test.stdin), grid_of(test.expected)) for test in sample.public_tests]


def answer(sample: Sample, test: Example, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the reference, which our own generator wrote, gives for a test."""
    names: dict[str, object] = {}
    if sample.kind == "function":
        exec(sample.program, names)
        return repr(eval(f"transform({test.stdin})", names))
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO(test.stdin + "\n"))
    with contextlib.redirect_stdout(printed):
        exec(sample.program, names)
    return printed.getvalue().removesuffix("\n")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_reference_passes_and_every_input_is_valid(
    family: str, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(8):
        sample = draw(family, depth, seed)
        assert (len(sample.public_tests), len(sample.hidden_tests)) == (3, 12)
        assert not {test.stdin for test in sample.public_tests} & {test.stdin for test in sample.hidden_tests}
        for test in (*sample.public_tests, *sample.hidden_tests):
            assert answer(sample, test, monkeypatch) == test.expected
            assert FAMILIES[family].accepts(test.stdin)
        assert sample == draw(family, depth, seed)
        assert split_of("grid", sample.composition) == "held-out"
        assert len(sample.plan) == depth


@settings(max_examples=40, deadline=None)
@given(*DRAWS)
def test_no_step_is_idle_in_the_examples(family: str, depth: int, seed: int) -> None:
    sample = draw(family, depth, seed)
    steps = steps_of(sample)
    for place in range(depth):
        shorter = steps[:place] + steps[place + 1 :]
        assert any(run(shorter, grid) != result for grid, result in pairs_of(sample))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.integers(0, 10**6))
def test_examples_single_out_the_rule_among_all_rules(depth: int, seed: int) -> None:
    """A hidden step cannot be another one of the catalogue in any colours; nor one step alone, where all is hidden."""
    sample = draw("grid-rules", depth, seed)
    steps, pairs = steps_of(sample), pairs_of(sample)
    everything = candidates(set(range(1, 10)))
    fitting = [
        [
            rival
            for rival in everything
            if all(run((*steps[:place], rival, *steps[place + 1 :]), grid) == result for grid, result in pairs)
        ]
        for place in range(depth)
    ]
    assert sum(found == [step] for found, step in zip(fitting, steps, strict=True)) >= sample.open_steps
    if sample.open_steps == depth == 2 and len(sample.concepts) == 1:
        assert not any(all(run((rival,), grid) == result for grid, result in pairs) for rival in everything)


def test_a_pair_that_fits_two_rules_singles_out_none() -> None:
    symmetric = [([[1, 1], [2, 2]], [[1, 1, 1, 1], [2, 2, 2, 2]])]
    assert not singles_out((step_of("tile_h", ""),), 0, symmetric)
    assert singles_out((step_of("tile_h", ""),), 0, [*symmetric, ([[1, 2], [0, 3]], [[1, 2, 1, 2], [0, 3, 0, 3]])])


@pytest.mark.parametrize(
    ("name", "parameter", "grid", "result"),
    [
        ("recolour", "1 5", "102 011", "502 055"),
        ("swap_colours", "1 2", "102 011", "201 022"),
        ("remove_colour", "1", "102 011", "002 000"),
        ("keep_colour", "1", "102 011", "100 011"),
        ("fill_empty", "7", "102 011", "172 711"),
        ("paint_all", "7", "102 011", "707 077"),
        ("invert", "7", "102 011", "070 700"),
        ("flip_h", "", "12 34 56", "21 43 65"),
        ("flip_v", "", "12 34 56", "56 34 12"),
        ("rotate_right", "", "12 34 56", "531 642"),
        ("rotate_left", "", "12 34 56", "246 135"),
        ("rotate_half", "", "12 34 56", "65 43 21"),
        ("transpose", "", "12 34 56", "135 246"),
        ("crop", "", "0000 0120 0003", "120 003"),
        ("drop_rows", "", "00 12 00 30", "12 30"),
        ("drop_cols", "", "010 030", "1 3"),
        ("top_half", "", "12 34 56", "12 34"),
        ("left_half", "", "123 456", "12 45"),
        ("tile", "", "12", "1212 1212"),
        ("tile_h", "", "12 30", "1212 3030"),
        ("tile_v", "", "12", "12 12"),
        ("scale", "", "12", "1122 1122"),
        ("mirror_right", "", "12 34", "1221 3443"),
        ("mirror_down", "", "12 34", "12 34 34 12"),
        ("fall_left", "", "0102", "1200"),
        ("fall_right", "", "1020", "0012"),
        ("fall_down", "", "12 03 40", "00 12 43"),
        ("fall_up", "", "00 12 03", "12 03 00"),
        ("fill_enclosed", "7", "1110 1010 1110 0000", "1110 1710 1110 0000"),
        ("border", "5", "12", "5555 5125 5555"),
        ("frame", "5", "123 456 789", "555 555 555"),
        ("frame", "5", "1234 5678 9012", "5555 5675 5555"),
        ("outline", "5", "0000 0100 0000", "0500 5150 0500"),
        ("keep_common", "", "1223 3101", "1000 0101"),
        ("keep_common", "", "2211", "0011"),
        ("remove_common", "", "1223 3101", "0223 3000"),
        ("shift_right", "", "12 34", "01 03"),
        ("shift_left", "", "12 34", "20 40"),
        ("shift_down", "", "12 34", "00 12"),
        ("shift_up", "", "12 34", "34 00"),
        ("roll_right", "", "123", "312"),
        ("roll_down", "", "1 2 3", "3 1 2"),
        ("sort_rows", "", "201", "012"),
    ],
)
def test_a_step_does_what_its_wording_says(name: str, parameter: str, grid: str, result: str) -> None:
    assert run((step_of(name, parameter),), grid_of(grid.replace(" ", "\n"))) == grid_of(result.replace(" ", "\n"))


def test_a_step_leaves_its_input_as_it_was() -> None:
    for operation in OPERATIONS:
        grid = [[1, 0, 2], [0, 0, 0], [2, 1, 1]]
        operation.apply(grid, 1, 2)
        assert grid == [[1, 0, 2], [0, 0, 0], [2, 1, 1]], operation.name


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 10**6))
def test_what_is_shown_is_accepted_and_read_back(rows: int, columns: int, seed: int) -> None:
    rng = random.Random(seed)
    grid = [[rng.randint(0, 9) for _ in range(columns)] for _ in range(rows)]
    grid[0][0] = 1
    assert grid_of(show_grid(grid)) == grid
    assert accepts_grid(show_grid(grid))
    assert accepts_grid(show_grid(grid) + "\n")
    assert accepts_grid(repr(grid))


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n", "000\n000", "12\n3", "1 2", "1a", "-1", "1\n\n1", "²", "1" * 31, "\n".join("1" * 31)),
        *(
            "[]",
            "[[]]",
            "[[1], [1, 2]]",
            "[[10]]",
            "[[1.0]]",
            "[1]",
            "[[true]]",
            "[[1],",
            "[[[1]]]",
            "[[0, 0]]",
            "[[1,2]]",
        ),
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    assert not accepts_grid(text)


@pytest.mark.parametrize("depth", [0, 4])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_depth_out_of_range_is_refused(family: str, depth: int) -> None:
    with pytest.raises(ValueError, match=r"1\.\.3"):
        FAMILIES[family].draw(random.Random(0), depth, 0, "train")


@settings(max_examples=40, deadline=None)
@given(*DRAWS)
def test_prompts_are_short_and_hidden_grids_are_larger(family: str, depth: int, seed: int) -> None:
    sample = draw(family, depth, seed)
    shown = sum(len(test.stdin) + len(test.expected) for test in sample.public_tests)
    assert len(sample.statement) + shown + len(sample.program) < 1900
    sizes = [
        [sum(map(len, grid_of(test.stdin))) for test in tests] for tests in (sample.public_tests, sample.hidden_tests)
    ]
    assert max(sizes[0]) <= 25
    assert sum(sizes[1]) / 12 >= sum(sizes[0]) / 3


@cache
def rule_samples() -> tuple[Sample, ...]:
    rng = random.Random(5)
    return tuple(GRID_RULES.draw(rng, rng.choice((1, 1, 2)), 0, "train") for _ in range(400))


def manner(sample: Sample) -> str:
    if not sample.shown_concepts:
        return "none"
    if set(sample.concepts) <= set(sample.shown_concepts):
        return "right"
    names = {concept.name for concept in sample.shown_concepts}
    return "wrong" if names & {concept.name for concept in sample.concepts} else "stray"


def test_concepts_are_shown_in_the_agreed_mixture() -> None:
    counts = Counter(map(manner, rule_samples()))
    for name, share in SHOWN_WEIGHTS.items():
        assert abs(counts[name] / len(rule_samples()) - share) < 0.09
    for sample in rule_samples():
        names = [concept.name for concept in sample.shown_concepts]
        assert len(names) == len(set(names))
        assert len(names) <= len(sample.concepts) + 3


def test_a_wrong_concept_is_contradicted_by_the_examples() -> None:
    meanings = {
        step.phrase(index): step
        for step in candidates(set(range(1, 10)))
        for index in range(len(step.operation.phrases))
    }
    wrong = [sample for sample in rule_samples() if manner(sample) == "wrong"]
    assert wrong
    for sample in wrong:
        true = {concept.name: concept.text for concept in sample.concepts}
        for concept in sample.shown_concepts:
            if concept.name in true and concept.text != true[concept.name] and len(sample.composition) == 1:
                step = meanings.get(concept.text)
                assert step is None or any(run((step,), grid) != result for grid, result in pairs_of(sample))


def test_a_statement_of_rules_names_them_or_tells_nothing() -> None:
    unnamed = 0
    for sample in rule_samples():
        assert sample.open_steps in (1, 2)
        for concept in sample.concepts:
            assert concept.text not in sample.statement
        if all(concept.name in sample.statement for concept in sample.concepts):
            continue
        unnamed += 1
        assert sample.open_steps == sample.depth
        assert sample.concepts[0].name == " and ".join(sample.composition).replace("_", " ")
        assert not any(concept.name.endswith(" rule") for concept in sample.concepts)
    assert 0.1 < unnamed / len(rule_samples()) < 0.4


def test_a_world_keeps_the_meaning_of_its_names() -> None:
    world = World(3)
    rng = random.Random(0)
    samples = [GRID_RULES.draw_in_world(rng, world, rng.choice((1, 2)), "held-out") for _ in range(30)]
    known = {concept.name: (concept, step) for concept, step in rules_of_world(world)}
    assert len(known) == len(rules_of_world(world)) >= 6
    for sample in samples:
        (concept,) = sample.concepts
        assert known[concept.name][0] == concept
        assert known[concept.name][1] in steps_of(sample)
        assert concept.name in sample.statement
        assert not sample.shown_concepts
    assert len({sample.concepts for sample in samples}) < len(samples)
    assert rules_of_world(World(4)) != rules_of_world(world)
    first_words = {name.split()[0] for name in known}
    assert not first_words & {rule.concept.name.split()[0] for rule in world.rules(LIST_RULES)}
