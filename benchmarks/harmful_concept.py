"""How soon a harmful concept is demoted (`python -m solvent.benchmarks.harmful_concept`).

A memory holds the right meanings of a hundred house rules, and of one rule another meaning that its name allows. A
stream of problems that all name that rule is run with `solvent batch run --memory read`, one job after the other; some
draws name good rules too. Two further arms measure how harmful the concept is: the same stream with everything shown to
every job, and with the same prompts and an empty memory. Each arm has a home of its own.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from solvent.memory.uplift import Rate, uplift
from solvent.problems.problem import Problem
from solvent.training.families.catalog import to_problem
from solvent.training.families.grids_rules import rules_of_world
from solvent.training.families.rules import LIST_RULES, NUMBER_RULES, STRING_RULES, Rule, RuleFamily, World
from solvent.training.meaning import same_meaning

FAMILIES = {family.name: family for family in (LIST_RULES, NUMBER_RULES, STRING_RULES)}
_ENDED = (0, 1, 4)
_RULES_PER_KIND = 12
_MOST_DRAWS = 20_000


@dataclass(frozen=True)
class Planted:
    """A rule with a wrong meaning, and the problems that name it."""

    name: str
    right: str
    wrong: str
    problems: tuple[Problem, ...]
    library: dict[str, Any]
    """The wrong meaning among the right ones of other rules."""


def plant(family: RuleFamily, name: str, seed: int, jobs: int, good: int, depths: Sequence[int]) -> Planted:
    """Draw everything.

    Raises:
        click.ClickException: no rule of the family is named by so many held-out problems, or there are too few rules.
    """
    world, rng = World(seed, _RULES_PER_KIND), random.Random(seed)
    target = _target(family, world, name)
    wrong = [
        step.phrases[0]
        for step in target.readings
        if not same_meaning(step.phrases[0], target.concept.text, family.name)
    ]
    others = [rule.concept for one in FAMILIES.values() for rule in world.rules(one) if rule.concept != target.concept]
    others += [concept for concept, _ in rules_of_world(world)]
    if len(others) < good or not wrong:
        raise click.ClickException(f"this world has {len(others)} other rules")
    meaning = rng.choice(wrong)
    problems: list[Problem] = []
    for _ in range(_MOST_DRAWS):
        sample = family.draw_in_world(rng, world, depths[len(problems) % len(depths)], "held-out")
        if target.concept in sample.concepts:
            problems.append(to_problem(sample, f"harm-{seed}-{len(problems):03d}"))
        if len(problems) == jobs:
            break
    else:
        raise click.ClickException(f"only {len(problems)} held-out problems name {target.concept.name}")
    known = [(rule.name, rule.text) for rule in rng.sample(others, good)]
    rows = [
        {"name": name, "kind": "routine", "summary": text}
        for name, text in sorted([*known, (target.concept.name, meaning)])
    ]
    library = {"format": "solvent-concepts", "version": 1, "concepts": rows}
    return Planted(target.concept.name, target.concept.text, meaning, tuple(problems), library)


def _target(family: RuleFamily, world: World, name: str) -> Rule:
    found = next((rule for rule in world.rules(family) if rule.concept.name == name), None)
    if found is None:
        known = ", ".join(rule.concept.name for rule in world.rules(family) if len(rule.readings) > 1)
        raise click.ClickException(f"this world has no rule {name!r}; there are: {known}")
    return found


class Arm:
    """One batch in a home of its own."""

    def __init__(self, folder: Path, name: str, planted: Planted, hold_out: str | None, options: Sequence[str]) -> None:
        self._folder, self._name, self._planted, self._options = folder, name, planted, options
        self._environment = {**os.environ, "SOLVENT_HOME": str(folder / f"home-{name}")}
        self._environment.pop("SOLVENT_MEMORY_HOLD_OUT", None)
        if hold_out is not None:
            self._environment["SOLVENT_MEMORY_HOLD_OUT"] = hold_out

    def run(self) -> list[dict[str, Any]]:
        """Return the rows of results, in the problems' order; an arm that has ended is not run again."""
        results = self._folder / f"{self._name}.jsonl"
        if not results.exists():
            library, rows = self._folder / "library.json", self._folder / "problems.jsonl"
            library.write_text(json.dumps(self._planted.library))
            dumped = (problem.model_dump(mode="json", exclude_defaults=True) for problem in self._planted.problems)
            rows.write_text("".join(json.dumps(row) + "\n" for row in dumped))
            self.solvent("memory", "import", str(library))
            partial = results.with_suffix(".partial")
            partial.unlink(missing_ok=True)
            self.solvent("batch", "run", str(rows), "--memory", "read", "--out", str(partial), *self._options)
            partial.replace(results)
        found = {row["problem_id"]: row for row in map(json.loads, results.read_text().splitlines())}
        return [found[problem.id] for problem in self._planted.problems]

    def solvent(self, *arguments: str) -> str:
        """Run a command; returns its output. Raises click.ClickException."""
        command = ["solvent", *arguments]
        done = subprocess.run(command, env=self._environment, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode not in _ENDED:
            raise click.ClickException(f"`solvent {' '.join(arguments)}` ended with {done.returncode}")
        return done.stdout


def rate_of(rows: Sequence[dict[str, Any]]) -> Rate:
    """Return how many were solved by public evidence."""
    return Rate(solved=sum(row["outcome"] == "solved" for row in rows), tried=len(rows))


@click.command()
@click.option("--family", type=click.Choice(sorted(FAMILIES)), default="number-rules", show_default=True)
@click.option("--rule", default="Aspen scale", show_default=True, help="Name of the one with a wrong meaning.")
@click.option("--seed", type=int, default=41, show_default=True, help="Of the world, the rule and the problems.")
@click.option("--jobs", type=click.IntRange(1), default=60, show_default=True)
@click.option("--good", type=click.IntRange(0), default=100, show_default=True, help="Right concepts beside it.")
@click.option("--depths", default="1", show_default=True, help="Of the problems, in turn.")
@click.option("--samples", type=click.IntRange(1), default=8, show_default=True, help="Trajectories of a job.")
@click.option("--effect/--no-effect", default=True, show_default=True, help="Measure how harmful it is, too.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder; ended arms in it are kept.")
def main(
    family: str, rule: str, seed: int, jobs: int, good: int, depths: str, samples: int, effect: bool, out: Path
) -> None:  # fmt: skip
    """Run the arms and print figures as JSON."""
    out.mkdir(parents=True, exist_ok=True)
    planted = plant(FAMILIES[family], rule, seed, jobs, good, [int(depth) for depth in depths.split(",")])
    options = ["--jobs", "1", "--quiet", "--param", f"wave={samples}", "--param", "repairs=0"]
    options += ["--param", f"max_trajectories={samples}"]
    figures: dict[str, Any] = {"rule": planted.name, "right": planted.right, "wrong": planted.wrong, "jobs": jobs}
    tried = Arm(out, "tried", planted, None, options)
    figures["solved"] = rate_of(tried.run()).model_dump()
    history = json.loads(tried.solvent("memory", "history", planted.name, "--json"))
    listed = json.loads(tried.solvent("memory", "list", "--all", "--json"))
    figures["history"] = [{name: row[name] for name in ("action", "note")} for row in history]
    figures["demoted_after_jobs"] = _demoted_after(tried, planted)
    figures["good_demoted"] = sorted(
        row["name"] for row in listed if row["status"] != "active" and row["name"] != planted.name
    )
    figures["report"] = json.loads(tried.solvent("memory", "report", "--json"))["worst"]
    if effect:
        shown = rate_of(Arm(out, "shown", planted, "0", options).run())
        empty = rate_of(Arm(out, "empty", planted, "1", options).run())
        figures["effect"] = uplift(shown, empty).model_dump()
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    click.echo(json.dumps(figures, indent=1))


def _demoted_after(arm: Arm, planted: Planted) -> int | None:
    """Return after how many jobs the concept was demoted: those that found it as an active one."""
    concept = json.loads(arm.solvent("memory", "show", planted.name, "--json"))
    rows = json.loads(arm.solvent("memory", "history", planted.name, "--json"))
    demoted = next((row["version"] for row in rows if row["action"] == "demote"), None)
    if demoted is None:
        return None
    found = [f"{concept['id']}:{version}" for version in range(1, demoted)]
    return sum(any(one in (row.get("memory") or {}).get("retrieved", []) for one in found) for row in arm.run())


if __name__ == "__main__":
    main()
