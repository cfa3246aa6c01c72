"""The making of a pipeline: steps that all matter, and examples that leave one reading of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple, Protocol

from solvent.training.families.operations import Step
from solvent.training.families.sample import Concept

PUBLIC_TESTS = (3, 4)
HIDDEN_TESTS = 12
_POOL = 9
_CHOICES_PER_PLACE = 6
_SELECTIONS = 12
_HIDDEN_DRAWS = 6 * HIDDEN_TESTS
_HOPELESS_DRAWS = 2 * HIDDEN_TESTS


class Values(Protocol):
    """The values that a pipeline works on; see `PipelineFamily`."""

    @property
    def draw_input(self) -> Callable[[random.Random, bool], str]:
        """`(rng, large)` to one line of input."""
        ...

    @property
    def parse(self) -> Callable[[str], Any]:
        """From the line of input to the value."""
        ...

    @property
    def show(self) -> Callable[[Any], str]:
        """From the value to the line of output."""
        ...

    @property
    def fits(self) -> Callable[[Any], bool]:
        """Whether a value is small enough to be shown."""
        ...

    def draws_ending(self, rng: random.Random) -> bool:
        """Whether the next pipeline ends in a `last` operation."""
        ...


class Place(NamedTuple):
    """A step and how the statement speaks of it.

    Attributes:
        readings: The steps that the clause may stand for, if the examples have to single out one.
        concept: What the rule that the clause names means, if it names one. Of several rules, all combinations of
            readings have to be ruled out, not only single ones.
    """

    step: Step
    clause: str
    readings: tuple[Step, ...] = ()
    concept: Concept | None = None


class Draft(NamedTuple):
    """A pipeline with its tests, as pairs of input value and result."""

    places: tuple[Place, ...]
    public: tuple[tuple[Any, Any], ...]
    hidden: tuple[tuple[Any, Any], ...]


class _Row(NamedTuple):
    """One input in the course of a draft.

    Attributes:
        line: The line of input.
        start: Its value.
        value: The value after the steps so far.
        rivals: The same for pipelines that the examples must rule out: those that leave a step out, and those with
            another reading of one; None where undefined.
    """

    line: str
    start: Any
    value: Any
    rivals: list[Any]


def draft(
    values: Values,
    rng: random.Random,
    depth: int,
    choose: Callable[[int, bool], Place],
    allows: Callable[[tuple[str, ...]], bool],
) -> Draft | None:
    """Try to make a pipeline of `depth` steps; None if this attempt came to nothing.

    Args:
        values: What the pipeline works on.
        rng: Source of all choices.
        depth: How many steps.
        choose: `(place, last)` to a step for that place; asked again where the step would do nothing.
        allows: Whether a composition is wanted.
    """
    lines = sorted({values.draw_input(rng, False) for _ in range(_POOL)})
    starts = [values.parse(line) for line in lines]
    rows = [_Row(line, start, start, []) for line, start in zip(lines, starts, strict=True)]
    ends = values.draws_ending(rng)
    places: list[Place] = []
    for number in range(depth):
        grown = _grow(values, rows, places, partial(choose, number, ends and number == depth - 1))
        if grown is None:
            return None
        rows = grown
    if not allows(tuple(place.step.operation.name for place in places)):
        return None
    public = _select(values, rng, places, rows)
    if public is None:
        return None
    hidden = _draw_hidden(values, rng, [place.step for place in places], {row.line for row in public})
    if hidden is None:
        return None
    return Draft(tuple(places), tuple((row.start, row.value) for row in public), hidden)


def _grow(values: Values, rows: list[_Row], places: list[Place], choose: Callable[[], Place]) -> list[_Row] | None:
    """Add a place whose step leaves enough values defined and every rival refuted by some of them."""
    for _ in range(_CHOICES_PER_PLACE):
        place = choose()
        step = place.step
        if places and step.operation is places[-1].step.operation:
            continue
        readings = [reading for reading in place.readings if reading is not step]
        grown: list[_Row] = []
        for row in rows:
            before = row.value
            value = _result(step, before)
            if value is None or not (step.operation.last or values.fits(value)):
                continue
            rivals = [value if rival == before else _result(step, rival) for rival in row.rivals]
            rivals.append(before)
            rivals += [_result(reading, before) for reading in readings]
            grown.append(_Row(row.line, row.start, value, rivals))
        if _is_telling(grown):
            places.append(place)
            return grown
    return None


def _is_telling(rows: list[_Row]) -> bool:
    if len(rows) < PUBLIC_TESTS[0] or all(row.value == rows[0].value for row in rows):
        return False
    return all(any(row.rivals[number] != row.value for row in rows) for number in range(len(rows[0].rivals)))


def _result(step: Step, value: Any) -> Any:
    """The value after the step; None where it is undefined, and of None."""
    if value is None:
        return None
    try:
        return step.apply(value)
    except (ValueError, IndexError):
        return None


def _select(values: Values, rng: random.Random, places: Sequence[Place], rows: list[_Row]) -> tuple[_Row, ...] | None:
    """Examples on which no step is idle and no other reading fits; None if none are found."""
    ends = places[-1].step.operation.last
    first_of_last = len(rows[0].rivals) - sum(reading is not places[-1].step for reading in places[-1].readings)
    usable: list[tuple[_Row, list[str], int]] = []
    for row in rows:
        output = _words(values, row.value, ends)
        refuted = 0
        for number, rival in enumerate(row.rivals):
            # All rivals end in the last step, but for the one that leaves it out.
            rival_ends = ends and number != first_of_last - 1
            if rival is None or (rival != row.value and _words(values, rival, rival_ends) != output):
                refuted |= 1 << number
        if output:
            usable.append((row, output, refuted))
    if len(usable) < PUBLIC_TESTS[0]:
        return None
    everything = (1 << len(rows[0].rivals)) - 1
    for _ in range(_SELECTIONS):
        chosen = rng.sample(usable, min(rng.randint(*PUBLIC_TESTS), len(usable)))
        covered = 0
        for _, _, refuted in chosen:
            covered |= refuted
        if covered != everything or all(output == chosen[0][1] for _, output, _ in chosen):
            continue
        if _refutes_joint_readings(values, places, chosen):
            return tuple(row for row, _, _ in chosen)
    return None


def _words(values: Values, result: Any, ended: bool) -> list[str]:
    """The words of an output: a checker compares them, and does not mind the spaces between."""
    return (str(result) if ended else values.show(result)).split()


def _refutes_joint_readings(values: Values, places: Sequence[Place], chosen: list[tuple[_Row, list[str], int]]) -> bool:
    joint = [number for number, place in enumerate(places) if place.concept]
    if len(joint) < 2:
        return True
    ends = places[-1].step.operation.last
    others = [[r for r in places[number].readings if r is not places[number].step] for number in joint]
    steps = [place.step for place in places]
    for readings in product(*others):
        for number, reading in zip(joint, readings, strict=True):
            steps[number] = reading
        for row, output, _ in chosen:
            result = row.start
            for step in steps:
                result = _result(step, result)
            if result is None or _words(values, result, ends) != output:
                break
        else:
            return False
    return True


def _draw_hidden(
    values: Values, rng: random.Random, steps: Sequence[Step], seen: set[str]
) -> tuple[tuple[Any, Any], ...] | None:
    tests: list[tuple[Any, Any]] = []
    for attempt in range(_HIDDEN_DRAWS):
        if attempt == _HOPELESS_DRAWS and len(tests) < HIDDEN_TESTS // 3:
            return None
        line = values.draw_input(rng, attempt % 4 != 0)
        if line in seen:
            continue
        value = values.parse(line)
        result = value
        for step in steps:
            result = _result(step, result)
            if result is None or not (step.operation.last or values.fits(result)):
                break
        else:
            seen.add(line)
            tests.append((value, result))
        if len(tests) == HIDDEN_TESTS:
            return tuple(tests)
    return None
