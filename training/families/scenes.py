"""Scenes: one kind of input with the parts that work on it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from solvent.training.families.inputs import Input
from solvent.training.families.parts import Body, Ending, OpenWording, Part, Step

_LONGEST = 8


@dataclass(frozen=True)
class Scene:
    """One kind of input with the parts that work on it.

    Attributes:
        choose: `(rng, depth)` to so many steps.
        body: The program of some steps; None where they do not go together.
    """

    name: str
    inputs: Input
    stdio_openings: tuple[str, ...]
    function_openings: tuple[str, ...]
    endings: Mapping[str, Ending]
    parts: tuple[Part, ...]
    choose: Callable[[random.Random, int], list[Step]]
    body: Callable[[Sequence[Step]], Body | None]
    open_wordings: tuple[OpenWording, ...] = ()
    depths: tuple[int, int] = (1, 4)
    weight: float = 1.0

    @cached_property
    def by_name(self) -> dict[str, Part]:
        """The parts by name."""
        return {part.name: part for part in self.parts}

    @cached_property
    def open_by_step(self) -> dict[Step, OpenWording]:
        """The open wording of each step that has one."""
        return {
            Step(self.by_name[name], parameter): wording
            for wording in self.open_wordings
            for name, parameter in wording.choices
        }

    @cached_property
    def open_by_kind(self) -> dict[tuple[str, str], list[Step]]:
        """The openly worded steps by what they take and give."""
        kinds: dict[tuple[str, str], list[Step]] = {}
        for step in self.open_by_step:
            kinds.setdefault((step.part.takes, step.part.gives), []).append(step)
        return kinds


def typed_chain(
    parts: tuple[Part, ...], start: str
) -> tuple[Callable[[random.Random, int], list[Step]], Callable[[Sequence[Step]], Body | None]]:
    """`choose` and `body` of a scene whose parts follow one another, each taking what the one before it gives."""
    by_takes: dict[str, dict[str, list[Part]]] = {}
    for part in parts:
        by_takes.setdefault(part.takes, {}).setdefault(part.gives, []).append(part)

    # How many parts can still follow each kind of result, as far as that matters.
    room = dict.fromkeys((part.gives for part in parts), 0)
    for _ in range(_LONGEST):
        room |= {kind: 1 + max(room[gives] for gives in by_takes[kind]) for kind in room.keys() & by_takes.keys()}

    def choose(rng: random.Random, depth: int) -> list[Step]:
        steps: list[Step] = []
        kind = start
        while len(steps) < depth:
            kinds = [gives for gives in by_takes[kind] if room[gives] >= depth - 1 - len(steps)]
            weights = [len(by_takes[kind][gives]) ** 0.6 for gives in kinds]
            part = rng.choice(by_takes[kind][rng.choices(kinds, weights)[0]])
            if steps and part == steps[-1].part:
                continue
            steps.append(Step(part, rng.choice(part.parameters)))
            kind = part.gives
        return steps

    def body(steps: Sequence[Step]) -> Body | None:
        kind = start
        lines: list[str] = []
        for step in steps:
            if step.part.takes != kind:
                return None
            lines.extend(step.code.split("\n"))
            kind = step.part.gives
        return Body(tuple(lines), kind)

    return choose, body
