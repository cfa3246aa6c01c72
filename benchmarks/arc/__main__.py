"""`python -m solvent.benchmarks.arc oracle TASKS --out FOLDER`: the scripted oracle for a file of tasks."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from solvent.benchmarks.arc.script import write_oracle
from solvent.problems.problem import Problem
from solvent.problems.readers.registry import read


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the oracle's profile and script, and say what it covers."""
    parser = argparse.ArgumentParser(prog="python -m solvent.benchmarks.arc", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    oracle = commands.add_parser("oracle", help="write the scripted oracle of some tasks")
    oracle.add_argument("tasks", type=Path)
    oracle.add_argument("--out", type=Path, required=True)
    oracle.add_argument("--covered-only", action="store_true", help="also write the covered tasks to tasks.jsonl")
    chosen = parser.parse_args(arguments)
    problems = [problem for problem in read(chosen.tasks) if isinstance(problem, Problem)]
    written = write_oracle(problems, chosen.out)
    if chosen.covered_only:
        covered = [problem for problem in problems if problem.id in written.covered]
        (chosen.out / "tasks.jsonl").write_text(
            "".join(problem.model_dump_json(exclude={"source"}) + "\n" for problem in covered), encoding="utf-8"
        )
    print(f"{written.profile}: {len(written.covered)} of {len(problems)} tasks are covered")
    for name, count in Counter(written.covered.values()).most_common():
        print(f"{count:4d}  {name.replace('_', ' ')}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
