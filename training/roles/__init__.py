"""What the starter model learns beside solving: verify, refine, write tests, abstract, choose, summarise."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

from solvent.training.families.sample import Sample
from solvent.training.roles.builders import BUILDERS, MUTANTS, TRACED, Row
from solvent.training.roles.trials import pool_of, pools, try_mutants

RoleBuilder = Callable[[random.Random, Sequence[Sample]], list[Row]]


def build(role: str, rng: random.Random, samples: Sequence[Sample]) -> list[Row]:
    """Rows of one role from fresh samples and mutants of their programs; deterministic given `rng`.

    Runs the mutants in this process, within time limits that only the main thread can keep.

    Raises:
        RuntimeError: the role needs mutants and this is not the main thread.
    """
    steps = pools(samples)
    work = [
        try_mutants(rng, sample, steps[pool_of(sample)], MUTANTS.get(role, 0), trace=role in TRACED)
        for sample in samples
    ]
    return BUILDERS[role](rng, work)


ROLES: dict[str, RoleBuilder] = {role: partial(build, role) for role in BUILDERS}
"""Builders by the role's name in config.toml. None of them needs anything but samples."""
