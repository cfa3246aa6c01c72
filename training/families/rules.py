"""House rules: pipelines in which a step or two is only named ("apply the Ember order").

A name tells the kind of a rule and no more. What the rule does, the examples tell, or a concept that is shown with the
problem. Each problem of the training has names of its own, so that nothing can be learnt about a name; in a `World`
names keep their meaning from problem to problem, so that it can be found out once and used again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from solvent.training.families.concepts import FIRST_WORDS, OTHER_FAMILY_SHARE, draw_concepts
from solvent.training.families.drafting import Draft, Place, draft
from solvent.training.families.lists import LISTS
from solvent.training.families.numbers import NUMBERS
from solvent.training.families.operations import Step
from solvent.training.families.pipeline import PipelineFamily
from solvent.training.families.sample import Concept, Sample, Split, split_of
from solvent.training.families.strings import STRINGS

TWO_RULES_SHARE = 0.35
Manner = Literal["none", "right", "stray", "wrong"]
SHOWN_WEIGHTS: dict[Manner, float] = {"none": 0.33, "right": 0.37, "stray": 0.14, "wrong": 0.16}
"""How often the concepts section of a training problem shows what; see `RuleFamily.show_concepts`."""
_CLAUSES = ("apply the {name}", "apply the {name} to {thing}", "use the {name}", "follow the {name}", "do the {name}")
_BASES = (LISTS, NUMBERS, STRINGS)


class Rule(NamedTuple):
    """A named rule: its concept, what it does, and what it could do as far as its name tells."""

    concept: Concept
    step: Step
    readings: tuple[Step, ...]


@dataclass(frozen=True)
class World:
    """Names of rules with a fixed meaning: problems that are drawn in the same world share their concepts.

    Attributes:
        seed: Decides names and meanings.
        rules_per_kind: How many rules of each kind of each family there are, with different meanings.
    """

    seed: int
    rules_per_kind: int = 3

    def rules(self, family: RuleFamily) -> tuple[Rule, ...]:
        """The rules over the values of a family. No two rules of the world have the same first word."""
        return _rules_of_world(self, family.base)


@lru_cache(maxsize=64)
def _rules_of_world(world: World, base: PipelineFamily) -> tuple[Rule, ...]:
    words = iter(random.Random(f"world {world.seed}").sample(FIRST_WORDS, len(FIRST_WORDS))[_BASES.index(base) :: 3])
    rng = random.Random(f"world {world.seed} {base.name}")
    return tuple(
        _rule(rng, base, next(words), hint, step)
        for hint, readings in base.rule_readings.items()
        for step in rng.sample(readings, min(world.rules_per_kind, len(readings)))
    )


def _rule(rng: random.Random, base: PipelineFamily, word: str, hint: str, step: Step) -> Rule:
    return Rule(Concept(f"{word} {hint}", rng.choice(step.phrases)), step, base.rule_readings[hint])


@dataclass(frozen=True)
class RuleFamily:
    """The house rules over the values of a pipeline family. Its operations, and with them its split, are the base's."""

    base: PipelineFamily
    max_depth: int = 6

    @property
    def name(self) -> str:
        """The family's name."""
        return f"{self.base.name}-rules"

    def accepts(self, stdin: str) -> bool:
        """Whether a text is a valid input, as of the base."""
        return self.base.accepts(stdin)

    def draw(self, rng: random.Random, depth: int, open_steps: int, split: Split) -> Sample:
        """Draw one problem of the split, in a world of its own, with concepts shown as in training.

        `open_steps` has no meaning here: one or two steps are only named by a rule, and all others plainly worded.
        """
        del open_steps
        kinds = list(self.base.rule_readings.items())

        def draw_rule() -> Rule:
            hint, readings = rng.choice(kinds)
            return _rule(rng, self.base, rng.choice(FIRST_WORDS), hint, rng.choice(readings))

        sample = self._sample(rng, self._draft(rng, depth, split, draw_rule))
        (manner,) = rng.choices(list(SHOWN_WEIGHTS), list(SHOWN_WEIGHTS.values()))
        return self.show_concepts(rng, sample, manner, rng.randint(1, 3) if manner == "stray" else rng.randint(0, 3))

    def draw_in_world(self, rng: random.Random, world: World, depth: int, split: Split) -> Sample:
        """Draw one problem of the split whose rules are the world's. No concepts are shown; `concepts` holds them."""
        known = world.rules(self)
        return self._sample(rng, self._draft(rng, depth, split, lambda: rng.choice(known)))

    def _draft(self, rng: random.Random, depth: int, split: Split, draw_rule: Callable[[], Rule]) -> Draft:
        def choose(number: int, last: bool) -> Place:
            if number not in named:
                return self.base.plain_place(rng, last)
            rule = draw_rule()
            clause = rng.choice(_CLAUSES).format(name=rule.concept.name, thing=self.base.thing)
            return Place(rule.step, clause, rule.readings, rule.concept)

        while True:
            named = frozenset(rng.sample(range(depth), 2 if depth > 1 and rng.random() < TWO_RULES_SHARE else 1))
            found = draft(self.base, rng, depth, choose, lambda names: split_of(self.name, names) == split)
            if found is not None and len({_first_word(concept) for concept in _concepts(found)}) == len(named):
                return found

    def _sample(self, rng: random.Random, found: Draft) -> Sample:
        return self.base.sample(rng, found, family=self.name, concepts=_concepts(found))

    def show_concepts(self, rng: random.Random, sample: Sample, manner: Manner, strays: int = 0) -> Sample:
        """The same problem with another concepts section.

        Args:
            rng: Source of all choices.
            sample: A problem of the family.
            manner: "none": no section. "right": what the rules mean. "stray": only concepts that do not apply. "wrong":
                as "right", but one concept gives its rule another meaning of its kind than the examples show.
            strays: How many concepts with names that the statement does not have are mixed in.
        """
        shown = list(sample.concepts) if manner in ("right", "wrong") else []
        if manner == "wrong":
            number = rng.randrange(len(shown))
            name, text = shown[number].name, shown[number].text
            readings = self.base.rule_readings[name.split()[-1]]
            other = rng.choice([reading for reading in readings if text not in reading.phrases])
            shown[number] = Concept(name, rng.choice(other.phrases))
        if manner != "none":
            source = rng.choice(_BASES) if rng.random() < OTHER_FAMILY_SHARE else self.base
            shown += draw_concepts(rng, source, strays, {_first_word(concept) for concept in sample.concepts})
        rng.shuffle(shown)
        return replace(sample, shown_concepts=tuple(shown))


def _concepts(found: Draft) -> tuple[Concept, ...]:
    return tuple(place.concept for place in found.places if place.concept)


def _first_word(concept: Concept) -> str:
    return concept.name.split()[0]


LIST_RULES, NUMBER_RULES, STRING_RULES = (RuleFamily(base) for base in _BASES)
