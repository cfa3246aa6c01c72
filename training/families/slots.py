"""Scenes with slots: one skeleton of a program, and parts that fill its holes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from solvent.training.families.parts import Body, Part, Step, part_maker

ENDING = "ending"
_MARK = "<{}>"


def fill(slot: str, name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
    """A part that fills a slot."""
    return part_maker(slot, slot)(name, code, *phrases, parameters=parameters)


ending = part_maker(ENDING, ENDING, asks=True)
"""Makes parts that make the answer of what the skeleton has found."""


def number_endings(prefix: str, value: str, what: str) -> tuple[Part, ...]:
    """Answers that can be made of any number."""
    return (
        ending(
            f"{prefix}_modulo",
            f"answer = {value} % {{k}}",
            f"{what} modulo {{k}}",
            f"the remainder of {what} modulo {{k}}",
            parameters=(2, 3, 5, 7, 10),
        ),
        ending(f"{prefix}_doubled", f"answer = 2 * {value}", f"twice {what}", f"{what} times 2"),
        ending(
            f"{prefix}_is_even",
            f"answer = 'even' if {value} % 2 == 0 else 'odd'",
            f"whether {what} is even or odd",
            f"even or odd, according to {what}",
        ),
        ending(
            f"{prefix}_above",
            f"answer = 'yes' if {value} > {{k}} else 'no'",
            f"yes if {what} is above {{k}}, else no",
            f"yes when {what} is greater than {{k}} and no otherwise",
            parameters=(2, 3, 4, 5, 6),
        ),
    )


@dataclass(frozen=True)
class Skeleton:
    """A program with holes.

    Attributes:
        lines: `<SLOT>` marks a hole: the text of the part that fills it, or the slot's default. A line that a fill
            leaves empty is dropped; a fill of several lines keeps the hole's indentation.
        required: Slots that a part must fill; the others have their default where none does.
        defaults: The text of each slot that nothing fills.
        answer: The line that names the answer where no ending does.
    """

    lines: tuple[str, ...]
    required: tuple[str, ...]
    defaults: Mapping[str, str]
    parts: tuple[Part, ...]
    answer: str

    @property
    def most_parts(self) -> int:
        """How many slots there are, the ending included."""
        return len({part.takes for part in self.parts})

    def choose(self) -> Callable[[random.Random, int], list[Step]]:
        """`choose` of the scene: the required slots, and others drawn by lot, in the order of the parts."""
        by_slot: dict[str, list[Part]] = {}
        for part in self.parts:
            by_slot.setdefault(part.takes, []).append(part)
        optional = [slot for slot in by_slot if slot not in self.required]

        def choose(rng: random.Random, depth: int) -> list[Step]:
            extra = rng.sample(optional, depth - len(self.required))
            parts = [rng.choice(group) for slot, group in by_slot.items() if slot in self.required or slot in extra]
            return [Step(part, rng.choice(part.parameters)) for part in parts]

        return choose

    def body(self, steps: Sequence[Step]) -> Body | None:
        """The program of some steps; None where a required slot is left open."""
        fills = {step.part.takes: step.code for step in steps}
        if any(slot not in fills for slot in self.required):
            return None
        texts = {**self.defaults, **fills}
        lines: list[str] = []
        for line in self.lines:
            indent = line[: len(line) - len(line.lstrip())]
            for slot in (*self.defaults, *self.required):
                line = line.replace(_MARK.format(slot), texts[slot])
            if line.strip():
                first, *rest = line.split("\n")
                lines += [first, *(indent + other for other in rest)]
        lines.append(fills.get(ENDING, self.answer))
        return Body(tuple(lines), "answer" if ENDING in fills else "default")
