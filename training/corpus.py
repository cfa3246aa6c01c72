"""The texts of the training corpus: problems drawn with the configured mixture, and the rows made of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from solvent.training.config import CorpusConfig, StyleConfig
from solvent.training.families import FAMILIES, Sample
from solvent.training.prompting import render_completion, render_prompt

SOLVE = "solve"
_SAMPLES_PER_CALL = 64
_EMPTY_CALLS = 50

RoleBuilder = Callable[[random.Random, Sequence[Sample]], list[tuple[str, str]]]
"""Makes (prompt, completion) rows of one role from problems of the training split; any number, also none."""


class TextRow(NamedTuple):
    """A prompt and its completion; `group` names the kind of row in the loss tables ("thinking-list", "refine")."""

    group: str
    prompt: str
    completion: str


def draw_training_samples(config: CorpusConfig, count: int | None, seed: int | str) -> Iterator[Sample]:
    """Draw problems of the training split with the corpus's mixture; without end where `count` is None.

    Raises:
        ValueError: the configuration names a family that does not exist.
    """
    if unknown := sorted(set(config.families) - set(FAMILIES)):
        raise ValueError(f"[corpus.families] names {unknown}; there are {sorted(FAMILIES)}")
    rng = random.Random(seed)
    families = list(FAMILIES)
    family_weights = [config.families.get(family, 1.0) for family in families]
    drawn = 0
    while count is None or drawn < count:
        drawn += 1
        family = FAMILIES[rng.choices(families, family_weights)[0]]
        weights = config.depths[: family.max_depth]
        depth = rng.choices(range(1, len(weights) + 1), weights)[0]
        open_steps = rng.choices(range(len(config.open_steps)), config.open_steps)[0]
        sample = family.draw(rng, depth, min(open_steps, (depth + 1) // 2), "train")
        if sample.shown_concepts and rng.random() < config.without_concepts:
            sample = replace(sample, shown_concepts=())
        yield sample


def solve_row(sample: Sample, styles: StyleConfig, rng: random.Random) -> TextRow:
    """The row of a problem, in a style that the problem allows."""
    weights = {"program": styles.program}
    if sample.plan:
        weights["thinking"] = styles.thinking
    if sample.answer is not None and sample.reasoning:
        weights["answer"] = styles.answer
    style = rng.choices(list(weights), list(weights.values()))[0] if sum(weights.values()) else "program"
    asked = {} if style == "program" else {style: True}
    return TextRow(f"{style}-{sample.family}", render_prompt(sample, **asked), render_completion(sample, **asked))


def draw_rows(config: CorpusConfig, count: int, seed: int | str) -> list[TextRow]:
    """Draw rows of all configured roles, in a seeded order; the same arguments give the same rows.

    Raises:
        ValueError: as `draw_training_samples`; an unknown role; a role that makes no rows.
    """
    rng = random.Random(f"rows|{seed}")
    shares = rng.choices(list(config.roles), list(config.roles.values()), k=count)
    rows: list[TextRow] = []
    for role in config.roles:
        samples = draw_training_samples(config, None, f"{role}|{seed}")
        wanted = shares.count(role)
        if role == SOLVE:
            rows += (solve_row(sample, config.styles, rng) for sample in islice(samples, wanted))
        elif wanted:
            rows += _role_rows(role, samples, wanted, rng)
    rng.shuffle(rows)
    return rows


def _role_rows(role: str, samples: Iterator[Sample], count: int, rng: random.Random) -> list[TextRow]:
    build = _builder(role)
    rows: list[TextRow] = []
    empty = 0
    while len(rows) < count:
        made = build(rng, list(islice(samples, _SAMPLES_PER_CALL)))
        empty = 0 if made else empty + 1
        if empty == _EMPTY_CALLS:
            raise ValueError(
                f"the role {role!r} made no row of {empty * _SAMPLES_PER_CALL} problems: set its weight to 0"
            )
        rows += (TextRow(role, prompt, completion) for prompt, completion in made)
    return rows[:count]


def _builder(role: str) -> RoleBuilder:
    from solvent.training.roles import ROLES

    if role not in ROLES:
        raise ValueError(f"[corpus.roles] names {role!r}; there are {SOLVE!r} and {sorted(ROLES)}")
    builder: RoleBuilder = ROLES[role]
    return builder
