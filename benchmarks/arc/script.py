"""The oracle as a scripted model: a profile and a script for `solvent batch run`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from solvent.benchmarks.arc.oracle import cover, program_of
from solvent.problems.problem import CallTest, Problem

NAME = "arc-oracle"
NOTHING = "No known transformation fits all pairs."


@dataclass(frozen=True)
class Scripted:
    """What was written."""

    profile: Path
    covered: dict[str, str]
    """Name of the transformation by task."""


def write_oracle(problems: Iterable[Problem], folder: Path) -> Scripted:
    """Write a profile and a script that answers each task's prompt: with a program, or that none is known.

    A prompt is known by its first pair and its test inputs as it draws them. Nothing else of a task is used: not one
    output of a test input, and not its id.
    """
    covered: dict[str, str] = {}
    lines = []
    for problem in problems:
        use = cover(problem)
        text = NOTHING
        if use is not None:
            covered[problem.id] = use.step.__name__
            text = f"The rule: {use.step.__name__.replace('_', ' ')}.\n```python\n{program_of(use)}```\n"
        lines.append(json.dumps({"contains": _shown(problem), "texts": [text]}) + "\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.jsonl").write_text("".join(lines), encoding="utf-8")
    profile = folder / f"{NAME}.toml"
    profile.write_text(
        f'name = "{NAME}"\nbackend = "scripted"\ncontext_tokens = 100000\nscript = "{NAME}.jsonl"\n'
        'notes = "Scripted: replays known transformations of grids. No solver."\n',
        encoding="utf-8",
    )
    return Scripted(profile, covered)


def _shown(problem: Problem) -> str:
    """Return the part of the default prompt that shows the last pair's output and all test inputs."""
    last = problem.public_tests[-1]
    assert isinstance(last, CallTest), "the reader made it"
    parts = [_drawn(last.expected)]
    for number, grid in enumerate(problem.test_inputs, start=1):
        rows: list[list[int]] = grid  # type: ignore[assignment]  # as above
        parts.append(f"\nStill to be transformed, {number} ({len(rows)} rows of {len(rows[0])}):\n{_drawn(rows)}")
    return "".join(parts)


def _drawn(grid: object) -> str:
    return "".join(" ".join(map(str, row)) + "\n" for row in grid)  # type: ignore[attr-defined]  # as above
