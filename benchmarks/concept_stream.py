"""What a live memory is worth over a stream of problems (`python -m solvent.benchmarks.concept_stream`).

Problems with house rules of one world, which no training has seen: what a rule does, only the examples tell, and what
was found out once helps with all later problems that name it. The arms: no memory (`off`), the prompt of a memory that
has nothing (`empty`), all rules known from the start (`known`), what the stream itself teaches (`live`, in several
orders). Each is one batch of `solvent batch run` in a home of
its own, with a cap of tokens for every job, in which the calls that choose and write concepts are counted; where a
live memory takes more tokens in all, `--other-job-tokens` gives the arms without one as many. With `--budget` each arm
has so many tokens for the whole stream instead, which no arm passes and all share in rounds (`--allocation even`).

With `--second-pass` a live arm goes back, with what it left of the tokens that the arm without a memory took, to the
problems that are unsolved and name a concept that they were not shown: it was learned after their turn (`solvent batch
run --again RESULTS --learned`).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from solvent.benchmarks.concept_stream_figures import Row, Run, Stream, draw, report
from solvent.problems.problem import Problem
from solvent.training.families.catalog import to_problem
from solvent.training.families.rules import LIST_RULES, NUMBER_RULES, STRING_RULES, World

FAMILIES = (LIST_RULES, NUMBER_RULES, STRING_RULES)
HOLD_OUT = "SOLVENT_MEMORY_HOLD_OUT"
FAMILIAR = "SOLVENT_MEMORY_FAMILIAR_TRAJECTORIES"
REPLAYS = "SOLVENT_MEMORY_REPLAYS"
READINGS = "SOLVENT_MEMORY_READINGS"
RESERVE = "SOLVENT_MEMORY_WRITE_RESERVE"
WRITE_SHARE = "SOLVENT_MEMORY_WRITE_SHARE"
"""All that a job has left may be used to write: of so small caps the default share is less than one call."""
DEFAULT_JOB_TOKENS = 1000
_ENDED = (0, 1, 4)
"""Exit codes of commands that did all they could: also where jobs are unsolved or their budget has ended."""
_NOTHING = 5
"""Exit code of a batch that has nothing to go back to."""


def draw_stream(count: int, seed: int, rules_per_kind: int, depths: Sequence[int]) -> list[Problem]:
    """Draw held-out problems of one world, families and depths in turn, in a shuffled order."""
    rng = random.Random(seed)
    world = World(seed, rules_per_kind)
    problems = []
    for number in range(count):
        family = FAMILIES[number % len(FAMILIES)]
        depth = depths[number // len(FAMILIES) % len(depths)]
        sample = family.draw_in_world(rng, world, depth, "held-out")
        problems.append(to_problem(sample, f"stream-{seed}-{number:04d}"))
    rng.shuffle(problems)
    return problems


def library(problems: Sequence[Problem]) -> dict[str, Any]:
    """The rules of a stream's problems as a library that `solvent memory import` reads."""
    rules = {
        concept["name"]: concept["text"]
        for problem in problems
        for concept in json.loads(json.dumps(problem.metadata.get("concepts", [])))
    }
    concepts = [{"name": name, "kind": "routine", "summary": text} for name, text in sorted(rules.items())]
    return {"format": "solvent-concepts", "version": 1, "concepts": concepts}


class Runs:
    """Runs arms, each in a folder of its own; one that has ended is not run again.

    Args:
        folder: Where problems, homes and results are kept.
        options: Further options of `solvent batch run`, the same for all arms.
        job_tokens: Cap of each job, if any.
        familiar: Jobs that had concepts and were solved within so many trajectories write nothing.
        replays: Attempts at a solved problem with what its solution taught, before that is written.
        reserve: Share of the cap that a search leaves for writing.
        readings: Readings of a solution that are compared by how likely they make it.
    """

    def __init__(
        self, folder: Path, problems: Sequence[Problem], options: Sequence[str], *, job_tokens: int | None,
        familiar: int, replays: int, reserve: float, readings: int = 1,
    ) -> None:  # fmt: skip
        self._folder, self._problems, self._options = folder, list(problems), list(options)
        self._job_tokens = job_tokens
        self._writing = {
            WRITE_SHARE: "1", FAMILIAR: str(familiar), REPLAYS: str(replays), RESERVE: str(reserve),
            READINGS: str(readings),
        }  # fmt: skip

    def run(
        self, arm: str, order: int, *, memory: str, hold_out: float, home: str = "", known: bool = False,
        job_tokens: int | None = None,
    ) -> Run:  # fmt: skip
        """Run the stream in an order: 0 is the order in which it was drawn, others are shuffles of that seed.

        Raises:
            click.ClickException: a command failed.
        """
        name = f"{arm}-{order}"
        results = self._folder / f"{name}.jsonl"
        problems = list(self._problems)
        if order:
            random.Random(f"order {order}").shuffle(problems)
        if not results.exists():
            environment = {
                **os.environ, **self._writing,
                "SOLVENT_HOME": str(self._folder / f"home-{home or name}"), HOLD_OUT: str(hold_out),
            }  # fmt: skip
            if known:
                rules = self._folder / "known.json"
                rules.write_text(json.dumps(library(problems)))
                self._solvent(environment, "memory", "import", str(rules))
            own = job_tokens or self._job_tokens
            cap = ["--job-budget", f"tokens={own}"] if own else []
            self._batch(environment, results, problems, "--memory", memory, *cap)
        by_id = _rows(results)
        return Run(arm, order, tuple(by_id[problem.id] for problem in problems))

    def second_pass(self, first: Run, *, most: int, job_tokens: int) -> Run:
        """Return a run with a second pass over problems that name what was learned after their turn, in the same order.

        Args:
            first: of a live memory.
            most: tokens of the second pass.
            job_tokens: cap of each job in it.

        Raises:
            click.ClickException: a command failed.
        """
        name = f"{first.arm}-{first.order}"
        environment = {**os.environ, "SOLVENT_HOME": str(self._folder / f"home-{name}"), HOLD_OUT: "0"}
        results = self._folder / f"{name}-second.jsonl"
        if not results.exists() and most > 0:
            by_id = {problem.id: problem for problem in self._problems}
            back = ["--again", str(self._folder / f"{name}.jsonl"), "--learned", "--memory", "read"]
            # Another seed: what is the same prompt after all gets other samples.
            caps = ["--budget", f"tokens={most}", "--job-budget", f"tokens={job_tokens}", "--seed", "1"]
            self._batch(environment, results, [by_id[row.problem_id] for row in first.rows], *back, *caps)
        if not results.exists():
            return first
        second = _rows(results)
        return replace(first, rows=tuple(row.then(second.get(row.problem_id)) for row in first.rows))

    def snapshot(self, home: str) -> str:
        """Keep what a home's memory has, and return the snapshot's id."""
        environment = {**os.environ, "SOLVENT_HOME": str(self._folder / f"home-{home}")}
        return str(json.loads(self._solvent(environment, "memory", "snapshot", "--json"))["id"])

    def _batch(self, environment: dict[str, str], results: Path, problems: Sequence[Problem], *arguments: str) -> None:
        """Run problems as a batch; its results are there once it has ended."""
        rows = results.with_name(f"{results.stem}-problems.jsonl")
        dumped = (problem.model_dump(mode="json", exclude_defaults=True) for problem in problems)
        rows.write_text("".join(json.dumps(row) + "\n" for row in dumped))
        partial = results.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        self._solvent(environment, "batch", "run", str(rows), "--out", str(partial), *arguments, *self._options)
        if partial.exists():
            partial.replace(results)

    @staticmethod
    def _solvent(environment: dict[str, str], *arguments: str) -> str:
        command = ["solvent", *arguments]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        is_idle = done.returncode == _NOTHING and "--again" in arguments
        if done.returncode not in _ENDED and not is_idle:
            raise click.ClickException(f"`solvent {' '.join(arguments)}` ended with {done.returncode}")
        return done.stdout


def _rows(results: Path) -> dict[str, Row]:
    """Return the rows of a results file by their problems."""
    rows = [_row(line) for line in results.read_text().split("\n") if line]
    return {row.problem_id: row for row in rows}


def _row(line: str) -> Row:
    row = json.loads(line)
    usage, grade, memory = row["usage"] or {}, row["grade"] or {}, row.get("memory") or {}
    return Row(
        problem_id=row["problem_id"],
        right=grade.get("verdict") == "AC",
        tokens=usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0),
        shown=len(memory.get("chosen") or []),
        answer=(row["answer"] or {}).get("text", ""),
        solved=row["outcome"] == "solved",
    )


@click.command()
@click.option("--problems", type=click.IntRange(1), default=300, show_default=True)
@click.option("--orders", type=click.IntRange(1), default=5, show_default=True, help="Of the live arm.")
@click.option("--seed", type=int, default=41, show_default=True, help="Of the world and its problems.")
@click.option("--rules-per-kind", type=click.IntRange(1), default=3, show_default=True)
@click.option("--depths", default="1,2,3", show_default=True, help="Of the problems, in turn.")
@click.option("--job-tokens", type=click.IntRange(1), help="Cap of each job. [default: 1000, none with --budget]")
@click.option(
    "--other-job-tokens", type=click.IntRange(1), help="Cap in the arms off and empty, so that all of an arm are equal."
)
@click.option("--budget", type=click.IntRange(1), help="Tokens of each arm, which its jobs share in rounds.")
@click.option(
    "--familiar",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    help="Jobs that had concepts and were solved within so many attempts write nothing.",
)
@click.option(
    "--replays",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    help="Attempts at a solved problem with what it taught, before that is written.",
)
@click.option(
    "--reserve",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the cap that a search leaves for writing.",
)
@click.option(
    "--readings",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="Readings of a solution, of which the one that makes it likeliest is written.",
)
@click.option(
    "--second-pass", type=click.IntRange(1), help="Cap of a job in a second pass of the live arms; none without it."
)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="At once; one is a strict stream.")
@click.option("--model", default="starter", show_default=True)
@click.option("--param", "parameters", multiple=True, default=("wave=2", "repairs=0", "max_trajectories=64"))
@click.option("--frozen/--no-frozen", default=True, show_default=True, help="Repeat a frozen snapshot's run too.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder; ended arms in it are kept.")
def main(
    problems: int, orders: int, seed: int, rules_per_kind: int, depths: str, job_tokens: int | None,
    other_job_tokens: int | None, budget: int | None, familiar: int, replays: int, reserve: float,
    readings: int, second_pass: int | None, jobs: int, model: str, parameters: tuple[str, ...], frozen: bool, out: Path,
) -> None:  # fmt: skip
    """Run all arms and write figures.json, report.md and curve.png."""
    out.mkdir(parents=True, exist_ok=True)
    stream = draw_stream(problems, seed, rules_per_kind, [int(depth) for depth in depths.split(",")])
    options = ["--model", model, "--jobs", str(jobs), "--quiet"]
    for parameter in parameters:
        options += ["--param", parameter]
    if budget:
        options += ["--budget", f"tokens={budget}", "--allocation", "even"]
    elif job_tokens is None:
        job_tokens = DEFAULT_JOB_TOKENS
    runs = Runs(
        out,
        stream,
        options,
        job_tokens=job_tokens,
        familiar=familiar,
        replays=replays,
        reserve=reserve,
        readings=readings,
    )
    say: Callable[[str], None] = click.echo
    made = [
        runs.run("off", 0, memory="off", hold_out=0, job_tokens=other_job_tokens),
        runs.run("empty", 0, memory="read", hold_out=1, job_tokens=other_job_tokens),
        runs.run("known", 0, memory="read", hold_out=0, known=True),
    ]
    for run in made:
        say(run.line())
    for order in range(orders):
        made.append(runs.run("live", order, memory="live", hold_out=0))
        say(made[-1].line())
        if second_pass:
            left = made[0].tokens - made[-1].tokens
            made[-1] = runs.second_pass(made[-1], most=left, job_tokens=second_pass)
            say(f"with a second pass: {made[-1].line()}")
    repeats = None
    if frozen:
        policy = f"frozen:{runs.snapshot('live-0')}"
        twice = [runs.run(f"frozen-{n}", 0, memory=policy, hold_out=0, home="live-0") for n in (1, 2)]
        made.append(twice[0])
        repeats = twice[0].rows == twice[1].rows
        say(made[-1].line())
    whole = Stream(tuple(made), seed, job_tokens, other_job_tokens or job_tokens, budget, frozen_repeats=repeats)
    (out / "figures.json").write_text(json.dumps(whole.figures(), indent=1) + "\n")
    (out / "report.md").write_text(report(whole))
    draw(whole, out / "curve.png", say)
    say(report(whole))


if __name__ == "__main__":
    main()
