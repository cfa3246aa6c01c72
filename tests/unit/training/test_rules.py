"""House rules: a name tells only the kind, the examples and the right concept tell the rest."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.training.families import FAMILIES, Concept, Sample, split_of
from solvent.training.families.concepts import FIRST_WORDS
from solvent.training.families.operations import Step
from solvent.training.families.rules import SHOWN_WEIGHTS, RuleFamily, World
from tests.unit.training.test_pipelines import gives, steps_of

RULES = {name: family for name, family in FAMILIES.items() if isinstance(family, RuleFamily)}
names = st.sampled_from(sorted(RULES))


def readings_of(family: RuleFamily, concept: Concept) -> list[Step]:
    (kind,) = [kind for kind in family.base.rule_kinds if concept.name.endswith(f" {kind.hint}")]
    return [family.base.step(*choice) for choice in kind.choices]


def places_of(family: RuleFamily, sample: Sample) -> list[int]:
    """The places of the rules, in the order of the concepts; of several that fit, all are tried by their texts."""
    steps = steps_of(family.base, sample)
    places: list[int] = []
    for concept in sample.concepts:
        fitting = [n for n, step in enumerate(steps) if concept.text in step.phrases and n not in places]
        named = [n for n in fitting if not any(phrase in sample.statement for phrase in steps[n].phrases)]
        places.append((named or fitting)[0])
    return places


@pytest.mark.parametrize("family", RULES.values(), ids=RULES)
def test_every_kind_has_a_few_meanings_and_its_own_hint(family: RuleFamily) -> None:
    hints = [kind.hint for kind in family.base.rule_kinds]
    assert len(set(hints)) == len(hints) >= 4
    for kind in family.base.rule_kinds:
        assert 4 <= len(set(kind.choices)) == len(kind.choices) <= 8
        texts = [set(family.base.step(*choice).phrases) for choice in kind.choices]
        assert not any(a & b for n, a in enumerate(texts) for b in texts[:n]), "two meanings have the same wording"


def test_there_are_enough_names() -> None:
    assert len(set(FIRST_WORDS)) == len(FIRST_WORDS) > 300


@settings(max_examples=60, deadline=None)
@given(names, st.integers(1, 6), st.integers(0, 10**6))
def test_examples_rule_out_all_other_meanings_of_the_rules(name: str, depth: int, seed: int) -> None:
    family = RULES[name]
    sample = family.draw(random.Random(seed), depth, 0, "train")
    assert sample.family == name
    assert sample.split == "train" == split_of(family.base.name, sample.composition)
    assert 1 <= len(sample.concepts) == sample.open_steps <= min(2, depth)
    steps = steps_of(family.base, sample)
    assert family.base.program(steps, sample.entry_point) == sample.program
    places = places_of(family, sample)
    others = [readings_of(family, concept) for concept in sample.concepts]
    for readings in product(*others):
        other = list(steps)
        for place, reading in zip(places, readings, strict=True):
            other[place] = reading
        if tuple(other) != steps and all(r is not steps[p] for p, r in zip(places, readings, strict=True)):
            assert not all(gives(family.base, sample, tuple(other), test) for test in sample.public_tests)


@pytest.mark.parametrize("name", RULES)
def test_a_statement_names_its_rules_and_does_not_tell_them(name: str) -> None:
    rng = random.Random(4)
    for _ in range(60):
        sample = RULES[name].draw(rng, 3, 0, "train")
        for concept in sample.concepts:
            assert concept.name in sample.statement
        for concept in set(sample.shown_concepts) - set(sample.concepts):
            assert concept.name not in sample.statement or concept.name in {right.name for right in sample.concepts}


def test_concepts_are_shown_in_four_manners() -> None:
    rng = random.Random(11)
    manners: Counter[str] = Counter()
    for _ in range(600):
        sample = RULES["number-rules"].draw(rng, 2, 0, "train")
        shown, right = set(sample.shown_concepts), set(sample.concepts)
        named = {concept.name for concept in shown} & {concept.name for concept in right}
        assert len(shown) == len(sample.shown_concepts) <= 5
        if not shown:
            manners["none"] += 1
        elif right <= shown:
            manners["right"] += 1
        elif not named:
            manners["stray"] += 1
        else:
            assert len(shown - right) >= 1
            assert named == {concept.name for concept in right}
            manners["wrong"] += 1
    for manner, share in SHOWN_WEIGHTS.items():
        assert abs(manners[manner] / 600 - share) < 0.07, manners


def test_a_wrong_concept_has_another_meaning_of_its_kind() -> None:
    family, rng, seen = RULES["list-rules"], random.Random(2), 0
    for _ in range(300):
        sample = family.draw(rng, 2, 0, "train")
        right = {concept.name: concept for concept in sample.concepts}
        for concept in sample.shown_concepts:
            if concept.name in right and concept != right[concept.name]:
                seen += 1
                readings = readings_of(family, concept)
                assert any(concept.text in step.phrases for step in readings)
                (own,) = [step for step in readings if right[concept.name].text in step.phrases]
                assert concept.text not in own.phrases
    assert seen > 10


def test_a_problem_of_a_world_can_be_shown_with_any_concepts() -> None:
    family, rng = RULES["string-rules"], random.Random(3)
    sample = family.draw_in_world(rng, World(5), 3, "held-out")
    names = {concept.name for concept in sample.concepts}
    assert family.show_concepts(rng, sample, "none", 2).shown_concepts == ()
    assert set(family.show_concepts(rng, sample, "right").shown_concepts) == set(sample.concepts)
    stray = family.show_concepts(rng, sample, "stray", 2).shown_concepts
    assert len(stray) == 2
    assert not names & {concept.name for concept in stray}
    wrong = family.show_concepts(rng, sample, "wrong").shown_concepts
    assert {concept.name for concept in wrong} == names
    assert len(set(wrong) - set(sample.concepts)) == 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_a_world_gives_every_name_one_meaning(seed: int) -> None:
    world = World(seed)
    rules = [rule for family in RULES.values() for rule in world.rules(family)]
    words = [rule.concept.name.split()[0] for rule in rules]
    assert len(set(words)) == len(words)
    assert World(seed).rules(RULES["list-rules"]) == world.rules(RULES["list-rules"])
    known = {rule.concept for rule in rules}
    rng = random.Random(seed)
    for family in RULES.values():
        sample = family.draw_in_world(rng, world, 3, "held-out")
        assert set(sample.concepts) <= known
        assert sample.shown_concepts == ()
        assert sample.split == "held-out"


def test_worlds_differ_and_problems_of_one_share_rules() -> None:
    family, rng = RULES["list-rules"], random.Random(0)
    assert not set(World(1).rules(family)) & set(World(2).rules(family))
    counts = Counter(concept for _ in range(60) for concept in family.draw_in_world(rng, World(1), 2, "train").concepts)
    assert len(counts) <= len(World(1).rules(family)) == 12
    assert max(counts.values()) >= 5
