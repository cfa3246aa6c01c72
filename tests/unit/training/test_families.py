"""Generated problems of all families: labels by execution, a split without leaks, nothing hidden in a prompt."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from solvent.problems.readers.native_writer import to_native
from solvent.problems.readers.registry import read_one
from solvent.training.config import load_config
from solvent.training.corpus import draw_training_samples
from solvent.training.families import FAMILIES, generate, generate_samples, split_of
from solvent.training.families.catalog import MAX_DEPTH
from tests.support.generated import run_reference

CONFIG = load_config()
CELLS = [(name, depth) for name, family in FAMILIES.items() for depth in range(1, family.max_depth + 1)]


@pytest.mark.parametrize(("family", "depth"), CELLS)
def test_the_reference_gives_every_expected_output(family: str, depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for sample in generate_samples("held-out", family, depth, 3, seed=1):
        assert sample.depth == depth
        assert sample.split == "held-out"
        if sample.kind == "math":
            assert run_reference(sample, "", monkeypatch) == sample.answer
            continue
        assert len(sample.public_tests) >= 3
        assert len(sample.hidden_tests) >= 10
        for test in (*sample.public_tests, *sample.hidden_tests):
            assert run_reference(sample, test.stdin, monkeypatch) == test.expected


@pytest.mark.parametrize(("family", "depth"), CELLS)
def test_a_family_accepts_its_own_inputs_and_no_broken_ones(family: str, depth: int) -> None:
    for sample in generate_samples("held-out", family, depth, 2, seed=5):
        for test in (*sample.public_tests, *sample.hidden_tests):
            assert FAMILIES[family].accepts(test.stdin)
            for broken in (f"{test.stdin}\n\nabc ]", f"{test.stdin}\0", "\n", ""):
                assert not FAMILIES[family].accepts(broken), broken


@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_tests_are_other_inputs_than_the_examples(family: str) -> None:
    for sample in generate_samples("held-out", family, min(4, FAMILIES[family].max_depth), 5, seed=2):
        shown = {test.stdin for test in sample.public_tests}
        assert not shown & {test.stdin for test in sample.hidden_tests}


def test_no_held_out_composition_is_ever_trained_on() -> None:
    trained = {
        (s.family.removesuffix("-rules"), s.composition) for s in draw_training_samples(CONFIG.corpus, 1500, seed=4)
    }
    held_out = {
        (family.removesuffix("-rules"), s.composition)
        for family in FAMILIES
        for depth in (1, 2, 3, 6)
        if depth <= FAMILIES[family].max_depth
        for s in generate_samples("held-out", family, depth, 12, seed=4)
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


@pytest.mark.parametrize("family", FAMILIES)
def test_a_depth_out_of_range_is_refused(family: str) -> None:
    deepest = FAMILIES[family].max_depth
    assert deepest <= MAX_DEPTH
    for depth in (0, deepest + 1):
        with pytest.raises(ValueError, match=rf"outside 1\.\.{deepest}"):
            generate("held-out", family, depth, 1, 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_written_problem_reads_back_the_same(family: str, tmp_path: Path) -> None:
    for depth in (1, FAMILIES[family].max_depth):
        for problem in generate("held-out", family, depth, 3, seed=8):
            path = tmp_path / f"{problem.id}.md"
            path.write_text(to_native(problem))
            assert read_one(path) == problem


DIGESTS = {
    "list": "4876714a82f4a51b",
    "number": "8e45beb11b920d16",
    "string": "7351d21d9b669c4f",
    "list-rules": "43bd244dc57e053c",
    "number-rules": "8bce49e8116aedb6",
    "string-rules": "2d7c65e623467cac",
}


@pytest.mark.parametrize("family", DIGESTS)
def test_the_problems_behind_the_published_figures_stay_the_same(family: str) -> None:
    depths = {1, 3, FAMILIES[family].max_depth}
    samples = [s for depth in sorted(depths) for s in generate_samples("held-out", family, depth, 2, 7)]
    digest = hashlib.sha256(repr(samples).encode()).hexdigest()
    assert digest.startswith(DIGESTS[family]), "evaluate again and renew this digest, or undo the change to the family"
