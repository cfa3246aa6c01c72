"""Whether verdicts hang on the machine's load (`python -m solvent.benchmarks.verdicts PACKAGES --repeats 3 --load 2`).

Every submission of the packages is judged once on the machine as it is, and then again and again while other processes
keep the cores busy. Printed are the submissions whose verdicts differ; on standard error those not as expected.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Problem
from solvent.problems.readers import read
from solvent.sandbox.base import Sandbox
from solvent.sandbox.choose import open_sandbox
from solvent.sandbox.verify import verify
from solvent.settings import Settings


@dataclass
class Round:
    """All submissions, judged once."""

    load: int
    seconds: float = 0.0
    verdicts: dict[str, str] = field(default_factory=dict)
    """By `problem submission`; with the score, where there is one."""
    slowest_s: dict[str, float] = field(default_factory=dict)
    complaints: dict[str, str] = field(default_factory=dict)


_BUSY = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(10**6):
        pass
"""


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep so many processes computing."""
    loops = [subprocess.Popen([sys.executable, "-S", "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


async def judge_all(sandbox: Sandbox, problems: Sequence[Problem], load: int) -> Round:
    """Judge every submission once."""
    done = Round(load)
    started = time.perf_counter()
    with busy(load):
        for problem in problems:
            report = await verify(sandbox, problem, margin=False)
            for row in report.rows:
                name = f"{problem.id} {row.solution.name}"
                if row.judgement is None:
                    continue
                score = "" if row.judgement.score is None else f" {row.judgement.score:g}"
                done.verdicts[name] = f"{row.judgement.verdict.value}{score}"
                done.slowest_s[name] = row.judgement.slowest_s
                if not row.ok:
                    done.complaints[name] = "; ".join(row.complaints)
                    click.echo(f"not as expected: {name}: {done.complaints[name]}", err=True)
    done.seconds = time.perf_counter() - started
    return done


def differences(rounds: Sequence[Round]) -> dict[str, list[str]]:
    """Return the submissions whose verdicts are not the same in all rounds, with their verdicts."""
    names = dict.fromkeys(name for one in rounds for name in one.verdicts)
    found = {name: [one.verdicts.get(name, "-") for one in rounds] for name in names}
    return {name: verdicts for name, verdicts in found.items() if len(set(verdicts)) > 1}


async def measure(problems: Sequence[Problem], repeats: int, load: int, backend: str | None) -> list[Round]:
    """Return the rounds: one without load, then `repeats` under load."""
    settings = Settings() if backend is None else Settings.model_validate({"sandbox": backend})
    sandbox = await open_sandbox(settings)
    try:
        rounds = []
        for number, busy_loops in enumerate([0, *[load] * repeats]):
            rounds.append(await judge_all(sandbox, problems, busy_loops))
            one = rounds[-1]
            click.echo(
                f"round {number} ({busy_loops} busy loops): {len(one.verdicts)} submissions in {one.seconds:.0f} s, "
                f"{len(one.complaints)} not as expected",
                err=True,
            )
        return rounds
    finally:
        await sandbox.aclose()


@click.command()
@click.argument("packages", nargs=-1, required=True)
@click.option("--repeats", default=3, show_default=True, help="Rounds under load.")
@click.option("--load", default=2, show_default=True, help="Busy processes beside the judge.")
@click.option("--sandbox", "backend", type=click.Choice(["auto", "docker", "local"]), help="Sandbox backend.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write all verdicts and times to this file.")
def main(packages: tuple[str, ...], repeats: int, load: int, backend: str | None, out: Path | None) -> None:
    """Judge the submissions of PACKAGES with and without load and compare the verdicts."""
    found = [item for path in packages for item in read(path)]
    for error in (item for item in found if isinstance(item, DataError)):
        click.echo(f"bad data: {error}", err=True)
    problems = [item for item in found if isinstance(item, Problem) and item.solutions]
    rounds = asyncio.run(measure(problems, repeats, load, backend))
    different = differences(rounds)
    for name, verdicts in different.items():
        click.echo(f"differs: {name}: {', '.join(verdicts)}")
    click.echo(f"{len(rounds[0].verdicts)} submissions, {len(rounds)} rounds: {len(different)} verdicts differ")
    if out is not None:
        rows: list[JsonValue] = [
            {
                "load": one.load,
                "seconds": round(one.seconds, 1),
                "verdicts": dict(one.verdicts),
                "s": dict(one.slowest_s),
            }
            for one in rounds
        ]
        out.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
