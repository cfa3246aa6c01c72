"""All families by name, and the one door through which problems are drawn."""

from __future__ import annotations

import json
import random
from ast import literal_eval
from collections.abc import Iterator
from typing import Protocol

from pydantic import JsonValue

from solvent.problems.problem import (
    CallTest,
    Checker,
    FunctionSpec,
    IoTest,
    Limits,
    Problem,
    ProblemKind,
    Solution,
    TestCase,
)
from solvent.training.families.dp import DYNAMIC
from solvent.training.families.grids import GRIDS
from solvent.training.families.grids_rules import GRID_RULES
from solvent.training.families.lists import LISTS
from solvent.training.families.loop import LOOPS
from solvent.training.families.matrix import MATRICES
from solvent.training.families.numbers import NUMBERS
from solvent.training.families.rules import LIST_RULES, NUMBER_RULES, STRING_RULES
from solvent.training.families.sample import Example, Sample, Split
from solvent.training.families.scan import SCANS
from solvent.training.families.strings import STRINGS
from solvent.training.families.table import TABLES
from solvent.training.families.words import WORDS

MAX_DEPTH = 8
_OPEN_STEPS_BY_DEPTH = {1: (0,), 2: (0, 0, 0, 1), 3: (0, 0, 1), 4: (1,), 5: (2,), 6: (2,), 7: (2, 3), 8: (2, 3)}


class Family(Protocol):
    """A generator of problems with exact labels."""

    @property
    def name(self) -> str:
        """The family's name."""
        ...

    @property
    def max_depth(self) -> int:
        """The greatest depth that can be drawn, at most `MAX_DEPTH`."""
        ...

    def draw(self, rng: random.Random, depth: int, open_steps: int, split: Split) -> Sample:
        """Draw one problem of the split with so many steps, so many of them openly worded."""
        ...

    def accepts(self, stdin: str) -> bool:
        """Whether a text is a valid input for every problem of the family, as its statements describe the input."""
        ...


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *(LISTS, NUMBERS, STRINGS, WORDS, LIST_RULES, NUMBER_RULES, STRING_RULES, GRIDS, GRID_RULES),
        *(MATRICES, TABLES, SCANS, LOOPS, DYNAMIC),
    )
}


def generate_samples(split: Split, family: str, depth: int, count: int, seed: int) -> Iterator[Sample]:
    """Draw `count` different problems; the same arguments give the same problems.

    Raises:
        KeyError: unknown family.
        ValueError: depth outside 1..`max_depth` of the family.
    """
    if not 1 <= depth <= FAMILIES[family].max_depth:
        raise ValueError(f"depth {depth} is outside 1..{FAMILIES[family].max_depth}")
    rng = random.Random(f"{split}|{family}|{depth}|{seed}")
    seen: set[tuple[str, str]] = set()
    while len(seen) < count:
        sample = FAMILIES[family].draw(rng, depth, rng.choice(_OPEN_STEPS_BY_DEPTH[depth]), split)
        key = (sample.statement, sample.program)
        if key not in seen:
            seen.add(key)
            yield sample


def generate(split: Split, family: str, depth: int, count: int, seed: int) -> list[Problem]:
    """As `generate_samples`, as problems that the rest of Solvent reads."""
    return [
        to_problem(sample, f"{family}-{depth}-{split}-{seed}-{number:04d}")
        for number, sample in enumerate(generate_samples(split, family, depth, count, seed))
    ]


def to_problem(sample: Sample, problem_id: str) -> Problem:
    """The problem with its tests, its reference solution and where it comes from.

    Raises:
        ValueError: an example of kind "function" is not the repr of JSON values, so that no prompt could show it so.
    """
    metadata: dict[str, JsonValue] = {
        "family": sample.family,
        "depth": sample.depth,
        "composition": list(sample.composition),
        "parameters": list(sample.parameters),
        "open_steps": sample.open_steps,
    }
    if sample.concepts:
        metadata["concepts"] = [{"name": concept.name, "text": concept.text} for concept in sample.concepts]
    return Problem(
        id=problem_id,
        kind=ProblemKind(sample.kind),
        title=f"story of {sample.depth}" if sample.family == "word" else f"{sample.family} pipeline of {sample.depth}",
        statement=sample.statement,
        limits=Limits(cpu_time_s=1.0, memory_mb=128),
        checker=Checker(case_sensitive=True),
        public_tests=_tests(sample.kind, "public", sample.public_tests),
        hidden_tests=_tests(sample.kind, "hidden", sample.hidden_tests),
        function=FunctionSpec(name=sample.entry_point) if sample.kind == "function" else None,
        answer=sample.answer,
        solutions=(Solution(language="python", source=sample.program + "\n", name="reference.py"),),
        languages=("python",),
        tags=(sample.family, f"depth-{sample.depth}", sample.split),
        source="solvent.training",
        metadata=metadata,
    )


def _tests(kind: str, name: str, examples: tuple[Example, ...]) -> tuple[TestCase, ...]:
    make = _call_test if kind == "function" else _io_test
    return tuple(make(f"{name}-{number}", example) for number, example in enumerate(examples, 1))


def _io_test(name: str, example: Example) -> IoTest:
    return IoTest(name=name, stdin=example.stdin + "\n", expected=example.expected + "\n")


def _call_test(name: str, example: Example) -> CallTest:
    arguments, expected = literal_eval(f"({example.stdin},)"), literal_eval(example.expected)
    as_json = json.loads(json.dumps([arguments, expected]))
    if (", ".join(map(repr, as_json[0])), repr(as_json[1])) != (example.stdin, example.expected):
        raise ValueError(f"{example} does not hold the repr of JSON values")
    return CallTest(name=name, arguments=arguments, expected=expected)
