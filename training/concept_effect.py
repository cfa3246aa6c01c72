"""What shown concepts do: pass@1 on problems with house rules without any, with right, wrong and stray ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from solvent.training.families.grids_rules import GRID_RULES, GridRuleFamily, rules_of_world
from solvent.training.families.rules import LIST_RULES, NUMBER_RULES, STRING_RULES, RuleFamily, World
from solvent.training.families.sample import Concept, Sample
from solvent.training.meaning import same_meaning
from solvent.training.prompting import render_prompt
from solvent.training.role_measures import Measure, share
from solvent.training.role_stage import Stage

_FAMILIES: tuple[RuleFamily | GridRuleFamily, ...] = (LIST_RULES, NUMBER_RULES, STRING_RULES, GRID_RULES)
_DEPTHS = (1, 2, 3)


async def concept_effect(stage: Stage) -> list[Measure]:
    """Pass@1 for each way of showing concepts, over all families of rules; the baseline is that of showing none."""
    rng = random.Random(stage.settings.seed)
    world = World(stage.settings.seed)
    samples = [
        (family, family.draw_in_world(rng, world, _DEPTHS[number % len(_DEPTHS)], "held-out"))
        for family in _FAMILIES
        if family.name in stage.settings.families
        for number in range(stage.settings.concept_problems)
    ]
    ways: dict[str, list[tuple[Concept, ...]]] = {
        "without concepts": [() for _ in samples],
        "right concepts": [sample.concepts for _, sample in samples],
        "a wrong concept": [wrong_concepts(rng, family, world, sample) for family, sample in samples],
        "stray concepts": [stray_concepts(rng, family, world, sample) for family, sample in samples],
    }
    prompts = [
        render_prompt(replace(sample, shown_concepts=concepts))
        for shown in ways.values()
        for (_, sample), concepts in zip(samples, shown, strict=True)
    ]
    problems = [sample for _, sample in samples]
    rates = await stage.solved(problems * len(ways), prompts, stage.settings.concept_answers)
    without = rates[: len(problems)]
    measures = share("concepts", "pass@1 of house rules, without concepts", without)
    for place, name in list(enumerate(ways))[1:]:
        of = rates[place * len(problems) : (place + 1) * len(problems)]
        measures += share("concepts", f"pass@1 of house rules, {name}", of, without, "without")
    return measures


def wrong_concepts(
    rng: random.Random, family: RuleFamily | GridRuleFamily, world: World, sample: Sample
) -> tuple[Concept, ...]:
    """The sample's concepts, of which one has another meaning that its name allows."""
    place = rng.randrange(len(sample.concepts))
    right = sample.concepts[place]
    texts = [text for text in _readings(family, world, right) if not same_meaning(text, right.text, sample.family)]
    wrong = Concept(right.name, rng.choice(texts))
    return (*sample.concepts[:place], wrong, *sample.concepts[place + 1 :])


def stray_concepts(
    rng: random.Random, family: RuleFamily | GridRuleFamily, world: World, sample: Sample
) -> tuple[Concept, ...]:
    """Two concepts of the world that the sample does not name."""
    names = {concept.name for concept in sample.concepts}
    return tuple(rng.sample([concept for concept in _concepts(family, world) if concept.name not in names], 2))


def _concepts(family: RuleFamily | GridRuleFamily, world: World) -> list[Concept]:
    if isinstance(family, GridRuleFamily):
        return [concept for concept, _ in rules_of_world(world)]
    return [rule.concept for rule in world.rules(family)]


def _readings(family: RuleFamily | GridRuleFamily, world: World, right: Concept) -> Sequence[str]:
    if isinstance(family, GridRuleFamily):
        return [concept.text for concept, _ in rules_of_world(world)]
    (rule,) = (rule for rule in world.rules(family) if rule.concept == right)
    return [step.phrases[0] for step in rule.readings]
