"""Grid problems of which a step or two is only named, or nothing is told: the examples, or a concept, tell the rule.

As in the other families of house rules, each problem of the training has names of its own; in a `World` names keep
their meaning from problem to problem.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from solvent.training.families.concepts import FIRST_WORDS, OTHER_FAMILY_SHARE, draw_concepts
from solvent.training.families.grids import CLOSINGS, OPENINGS, accepts_grid, to_sample, word
from solvent.training.families.grids_drafting import MAX_DEPTH, GridDraft, draft_problem, explains
from solvent.training.families.grids_operations import OPERATIONS
from solvent.training.families.grids_steps import GridStep, run
from solvent.training.families.lists import LISTS
from solvent.training.families.numbers import NUMBERS
from solvent.training.families.rules import SHOWN_WEIGHTS, TWO_RULES_SHARE, World
from solvent.training.families.sample import Concept, Sample, Split
from solvent.training.families.strings import STRINGS

HINT = "rule"
_FIND_SHARES = {1: 0.45, 2: 0.25}
"""How often nothing is told but that there is a rule, by depth."""
_NAMED_SHARE = 0.4
"""How often the statement then names the rule. Where it does not, the concept's name follows from what it does."""
_WORLD_RULES = 4
"""Rules of a world for each of its `rules_per_kind`."""
_FIND = (
    "Find the rule from the examples.",
    "Find out from the examples what to do with the grid.",
    "The examples show the rule.",
    "All examples follow one rule. Find it.",
    "Work out the transformation from the examples.",
)
_FIND_NAMED = (
    "Find the {name} from the examples.",
    "The examples follow the {name}.",
    "Do what the {name} does in the examples.",
)
_CLAUSES = ("apply the {name}", "apply the {name} to the grid", "use the {name}", "follow the {name}", "do the {name}")
_OTHERS = (LISTS, NUMBERS, STRINGS)


@dataclass(frozen=True)
class GridRuleFamily:
    """Grid problems with hidden steps. The operations, and with them the split, are those of the family `grid`."""

    name: str = "grid-rules"
    max_depth: int = MAX_DEPTH

    def accepts(self, stdin: str) -> bool:
        """Whether a text is a valid input, as of the family `grid`."""
        return accepts_grid(stdin)

    def draw(self, rng: random.Random, depth: int, open_steps: int, split: Split) -> Sample:
        """Draw one problem of the split, in a world of its own, with concepts shown as in training.

        `open_steps` has no meaning here: one or two steps are named, or all are one rule.

        Raises:
            ValueError: depth outside 1..3.
        """
        del open_steps
        while True:
            whole = rng.random() < _FIND_SHARES.get(depth, 0.0)
            count = depth if whole else 2 if depth > 1 and rng.random() < TWO_RULES_SHARE else 1
            hidden = sorted(rng.sample(range(depth), count)) if count < depth else list(range(depth))
            draft = draft_problem(rng, self.name, depth, split, hidden, grouped=False)
            if draft is None or (whole and depth > 1 and any(explains(draft.public))):
                continue
            is_named = not whole or rng.random() < _NAMED_SHARE
            words = rng.sample(FIRST_WORDS, count)
            concepts: tuple[Concept, ...]
            if whole:
                name = f"{words[0]} {HINT}" if is_named else _plain_name(*draft.steps)
                concepts = (Concept(name, ", then ".join(_any_phrase(rng, step) for step in draft.steps)),)
                statement = _word_whole(rng, draft.kind, name if is_named else "")
            else:
                concepts = tuple(
                    Concept(f"{first} {HINT}", _any_phrase(rng, draft.steps[place]))
                    for place, first in zip(hidden, words, strict=True)
                )
                statement = _word_named(rng, draft, dict(zip(hidden, concepts, strict=True)))
            shown = _shown(rng, draft, hidden, concepts, whole, is_named)
            return to_sample(self.name, draft, statement, count, concepts, shown)

    def draw_in_world(self, rng: random.Random, world: World, depth: int, split: Split) -> Sample:
        """Draw one problem of the split with a step that is a rule of the world's. No concepts are shown.

        `concepts` holds the rule's.

        Raises:
            ValueError: depth outside 1..3.
        """
        rules = rules_of_world(world)
        while True:
            place = rng.randrange(depth)
            concept, step = rng.choice(rules)
            draft = draft_problem(rng, self.name, depth, split, [place], grouped=False, fixed={place: step})
            if draft is not None:
                statement = _word_named(rng, draft, {place: concept})
                return to_sample(self.name, draft, statement, 1, (concept,))


@lru_cache(maxsize=64)
def rules_of_world(world: World) -> tuple[tuple[Concept, GridStep], ...]:
    """The grid rules of a world, all of different operations, with names that no other rule of the world has."""
    rng = random.Random(f"world {world.seed} grid")
    words = reversed(random.Random(f"world {world.seed}").sample(FIRST_WORDS, len(FIRST_WORDS)))
    rules = []
    for operation in rng.sample(OPERATIONS, min(_WORLD_RULES * world.rules_per_kind, len(OPERATIONS))):
        step = _any_step(rng, list(range(1, 10)), {o.name for o in OPERATIONS} - {operation.name})
        rules.append((Concept(f"{next(words)} {HINT}", _any_phrase(rng, step)), step))
    return tuple(rules)


def _any_phrase(rng: random.Random, step: GridStep) -> str:
    return step.phrase(rng.randrange(len(step.operation.phrases)))


def _any_step(rng: random.Random, palette: list[int], without: set[str]) -> GridStep:
    operation = rng.choice([operation for operation in OPERATIONS if operation.name not in without])
    a, b = rng.sample(palette, 2) if len(palette) > 1 else (palette[0], palette[0] % 9 + 1)
    return GridStep(operation, a if operation.colours else 0, b if operation.colours == 2 else 0)


def _word_whole(rng: random.Random, kind: str, name: str) -> str:
    text = rng.choice(_FIND_NAMED).format(name=name) if name else rng.choice(_FIND)
    parts = [rng.choice(OPENINGS[kind]).replace(", do the following", "")] if rng.random() < 0.7 else []
    return " ".join([*parts, text, rng.choice(CLOSINGS[kind])])


def _word_named(rng: random.Random, draft: GridDraft, named: dict[int, Concept]) -> str:
    clauses = [
        rng.choice(_CLAUSES).format(name=named[place].name) if place in named else _any_phrase(rng, step)
        for place, step in enumerate(draft.steps)
    ]
    return word(rng, draft.kind, clauses, rng.random() < 0.3)


def _plain_name(*steps: GridStep) -> str:
    return " and ".join(step.operation.name.replace("_", " ") for step in steps)


def _shown(
    rng: random.Random,
    draft: GridDraft,
    hidden: list[int],
    concepts: tuple[Concept, ...],
    whole: bool,
    is_named: bool,
) -> tuple[Concept, ...]:
    """The concepts section of a training problem, with the mixture of the other families of rules."""
    manner = rng.choices(list(SHOWN_WEIGHTS), list(SHOWN_WEIGHTS.values()))[0]
    if manner == "none":
        return ()
    if manner == "wrong" and not is_named:
        manner = "stray"  # a wrong concept is one under the name that the statement uses
    palette = sorted({x for _, result in draft.public for row in result for x in row} - {0})
    taken = {step.operation.name for step in draft.steps}
    shown: list[Concept] = [] if manner == "stray" else list(concepts)
    if manner == "wrong":
        place = rng.randrange(len(concepts))
        steps = list(draft.steps)
        while True:
            step = _any_step(rng, palette, taken)
            if whole:
                steps = [step]
            else:
                steps[hidden[place]] = step
            if any(run(tuple(steps), grid) != result for grid, result in draft.public):
                break
        shown[place] = Concept(concepts[place].name, _any_phrase(rng, step))
    count = rng.randint(0, 3) if shown else rng.randint(1, 3)
    words = {concept.name.split()[0] for concept in concepts}
    if rng.random() < OTHER_FAMILY_SHARE:
        shown += draw_concepts(rng, rng.choice(_OTHERS), count, words)
    else:
        shown += _strays(
            rng, palette, taken, [w for w in rng.sample(FIRST_WORDS, 8) if w not in words][:count], is_named
        )
    rng.shuffle(shown)
    return tuple(shown)


def _strays(rng: random.Random, palette: list[int], taken: set[str], words: list[str], is_named: bool) -> list[Concept]:
    """One concept of another operation for each word; named by what they do where nothing is named."""
    concepts: list[Concept] = []
    taken = set(taken)
    for first in words:
        step = _any_step(rng, palette, taken)
        taken.add(step.operation.name)
        name = f"{first} {HINT}" if is_named else _plain_name(step)
        concepts.append(Concept(name, _any_phrase(rng, step)))
    return concepts


GRID_RULES = GridRuleFamily()
