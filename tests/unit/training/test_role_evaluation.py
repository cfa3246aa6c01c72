"""Figures of the roles, meanings of concepts, and files of attempts."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.training.attempts import _append, _mend, _observation, read_attempts, rows_of_attempts
from solvent.training.concept_effect import stray_concepts, wrong_concepts
from solvent.training.evaluate_roles import RoleEvaluation
from solvent.training.families import generate_samples
from solvent.training.families.grids_rules import GRID_RULES, GridRuleFamily
from solvent.training.families.rules import LIST_RULES, STRING_RULES, RuleFamily, World
from solvent.training.meaning import meanings_of, same_meaning
from solvent.training.role_measures import area, area_measure, share, wilson
from solvent.training.role_report import BEGIN, END, update_roles
from solvent.training.role_stage import RoleSettings, pass_rate, resample_rate
from solvent.training.roles.trials import Trial, Tried, try_program, try_reference
from solvent.training.tracing import TRACE_LINES, VALUE_CHARACTERS


def tried(*, right: int = 1, wrong: int = 3) -> Tried:
    (sample,) = generate_samples("train", "list", 2, 1, 4)
    failing = [try_program(sample, f"print({n})") for n in range(wrong)]
    good = [Trial(sample.program + "\n" * n, right=True) for n in range(1, right + 1)]
    return Tried(sample, try_reference(sample), (*good, *failing))


def test_the_area_is_the_chance_that_a_right_one_scores_higher() -> None:
    assert area([1.0, 0.8], [0.1, 0.2]) == 1
    assert area([0.5], [0.5, 0.5]) == 0.5
    assert area([0.1, 0.9], [0.5]) == 0.5
    (measure,) = area_measure("verify", "AUC", [0.9, 0.8, 0.4], [0.1, 0.5, 0.6])
    assert measure.low <= measure.value <= measure.high
    assert measure.count == 3
    assert area_measure("verify", "AUC", [], [0.5]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_swapping_the_classes_turns_the_area_round(right: list[float], wrong: list[float]) -> None:
    assert area(right, wrong) == pytest.approx(1 - area(wrong, right))


def test_a_share_has_an_interval_around_it() -> None:
    (measure,) = share("refine", "repaired", [0.0, 1.0, 0.5, 0.5], [0.25] * 4, "fresh sample")
    assert measure.value == 0.5
    assert measure.high - 0.5 == pytest.approx(0.5 - measure.low)
    assert measure.baseline == 0.25
    assert measure.gain is not None
    assert measure.gain[0] == pytest.approx(0.25)
    assert share("refine", "repaired", []) == []
    with pytest.raises(ValueError, match="zip"):
        share("refine", "repaired", [0.0, 1.0], [0.25])


def test_a_gain_is_that_of_the_same_items() -> None:
    values, baseline = [0.0, 0.25, 0.5, 1.0], [0.1, 0.35, 0.6, 1.1]
    (measure,) = share("concepts", "wrong", values, baseline, "without")
    assert measure.gain == pytest.approx((-0.1, -0.1, -0.1))
    assert measure.high - measure.low > 0.5


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=200))
def test_an_interval_of_zeros_and_ones_is_never_a_point(values: list[float]) -> None:
    (measure,) = share("verify", "told", values)
    assert 0 <= measure.low <= measure.value <= measure.high <= 1
    assert measure.high - measure.low > 0.01


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert wilson([1.0] * 3 + [0.0] * 7) == pytest.approx((0.3, 0.1078, 0.6032), abs=1e-3)


def test_wordings_of_one_step_mean_the_same_and_others_do_not() -> None:
    assert same_meaning("add 3 to every number", "increase each number by 3", "list-rules")
    assert not same_meaning("add 3 to every number", "add 4 to every number", "list-rules")
    assert not same_meaning("add 3 to every number", "increase each number by 3", "string-rules")
    assert not same_meaning("add 3", "add 3 to every number", "list-rules")
    assert not meanings_of("do something nice")


@pytest.mark.parametrize("family", ["list-rules", "number-rules", "string-rules", "grid-rules"])
def test_every_concept_has_a_meaning(family: str) -> None:
    for sample in generate_samples("train", family, 2, 20, 3):
        for concept in sample.concepts:
            assert same_meaning(concept.text, concept.text, family), concept


@pytest.mark.parametrize("family", [LIST_RULES, STRING_RULES, GRID_RULES], ids=lambda family: family.name)
def test_a_wrong_concept_has_the_right_name_and_a_stray_one_another(family: RuleFamily | GridRuleFamily) -> None:
    rng, world = random.Random(3), World(5)
    for _ in range(10):
        sample = family.draw_in_world(rng, world, 2, "held-out")
        wrong = wrong_concepts(rng, family, world, sample)
        assert [concept.name for concept in wrong] == [concept.name for concept in sample.concepts]
        pairs = zip(wrong, sample.concepts, strict=True)
        assert sum(not same_meaning(one.text, other.text, sample.family) for one, other in pairs) == 1
        stray = stray_concepts(rng, family, world, sample)
        assert not {concept.name for concept in stray} & {concept.name for concept in sample.concepts}


def test_a_wrong_sample_that_is_known_is_left_out_of_the_baseline() -> None:
    one = tried(right=1, wrong=3)
    assert pass_rate(one) == 0.25
    assert resample_rate(one) == pytest.approx(1 / 3)


def test_rows_of_attempts_are_the_models_own_programs() -> None:
    one = tried(right=1, wrong=3)
    rows = rows_of_attempts([one], seed=2)
    assert {role for role, _ in rows} == {"verify-fast", "verify-slow", "refine", "choose-program", "summarise"}
    assert rows == rows_of_attempts([one], seed=2)
    assert any("program:\nprint(0)" in prompt or "program:\nprint(1)" in prompt for _, (prompt, _) in rows)


def test_a_file_of_attempts_keeps_what_was_written_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "attempts.jsonl"
    assert _mend(path) == 0
    both = [tried(right=1, wrong=1), tried(right=0, wrong=2)]
    _append(path, both)
    with path.open("a") as file:
        file.write('{"sample": {"fam')
    assert _mend(path) == 2
    assert list(read_attempts(path)) == both


def test_what_a_program_says_of_itself_is_cut_and_kept_on_its_lines() -> None:
    found = _observation({"output": "x" * 9999, "error": "a\nb", "trace": ["1\n2", "y" * 99, *["3"] * 40]})
    assert found.output is not None
    assert len(found.output) == 2000
    assert found.error == "a b"
    assert found.trace[0] == "1 2"
    assert len(found.trace) == TRACE_LINES
    assert max(map(len, found.trace)) == VALUE_CHARACTERS
    assert _observation(None).output is None
    assert _observation({"output": 5, "trace": "no"}).output is None


def test_the_table_takes_its_place_in_the_readme(tmp_path: Path) -> None:
    (measure,) = share("refine", "wrong programs repaired", [0.0, 1.0], [0.25, 0.25], "fresh sample")
    evaluation = RoleEvaluation(settings=RoleSettings(), sandbox="docker", problems=2, seconds=1.0, measures=(measure,))
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    update_roles(evaluation, path)
    text = path.read_text()
    assert "old" not in text
    assert "| refine | wrong programs repaired | 0.50 [" in text
    assert "0.25 (fresh sample) | +0.25 [" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    path.write_text("nothing")
    with pytest.raises(ValueError, match="roles: begin"):
        update_roles(evaluation, path)
