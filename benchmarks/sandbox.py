"""What isolation costs: tiny programs and many tests, in the sandbox and in the usual ways (`make bench-sandbox`).

All figures of one run are taken in turns, each sample after the machine has been quiet for half a second, so that they
can be compared with each other; figures of different runs or machines cannot. Figures are medians over the rounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from solvent.benchmarks import compiled, machine
from solvent.benchmarks.api_ways import NAMES, Api, Backend, make_sandbox
from solvent.benchmarks.container_ways import ContainerPerProgram, ExecInWarmContainer
from solvent.benchmarks.report import Report, TestRow, WayRow, to_json, to_text
from solvent.benchmarks.ways import Bare, Bubblewrap, FusionStyle, Way
from solvent.errors import SandboxUnavailable
from solvent.sandbox.base import Sandbox


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    programs: int
    """In a burst."""
    alone: int
    """One after the other, for the latency."""
    parallel: int
    patience_s: float
    """Longest wait for a quiet machine before a sample."""
    fusion_tests: int
    exec_tests: int
    """C++ tests in the ways that are too slow for 100 of them."""


FULL = Plan(rounds=7, programs=300, alone=100, parallel=2, patience_s=60, fusion_tests=4, exec_tests=20)
QUICK = Plan(rounds=2, programs=100, alone=30, parallel=2, patience_s=10, fusion_tests=2, exec_tests=10)


@dataclass
class _Samples:
    per_s: list[float] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    service_ms: list[float] = field(default_factory=list)
    programs_ms: list[float] = field(default_factory=list)
    rest_ms: list[float] = field(default_factory=list)


class Bench:
    """One run of all measurements.

    Args:
        plan: how much.
        say: takes a line of progress.
    """

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._loud = 0
        """Samples for which the machine did not become quiet."""
        self._taken = 0

    async def run(self, backends: tuple[Backend, ...]) -> Report:
        """Measure everything; backends that do not work here are left out, and the report says so."""
        sandboxes: dict[Backend, Sandbox] = {}
        missing: list[str] = []
        async with contextlib.AsyncExitStack() as stack:
            for backend in backends:
                sandbox = make_sandbox(backend, self._plan.parallel)
                stack.push_async_callback(sandbox.aclose)
                try:
                    await sandbox.start()
                except SandboxUnavailable as error:
                    missing.append(f"{backend}: {error}")
                else:
                    sandboxes[backend] = sandbox
            ways: list[Way] = [Bare(site=False), Bare(site=True)]
            for backend, sandbox in sandboxes.items():
                ways += [Api(sandbox, backend), Api(sandbox, backend, new_sources=True)]
            ways += [Bubblewrap(), FusionStyle()]
            warm = None
            if "docker" in sandboxes:
                warm = ExecInWarmContainer()
                ways += [ContainerPerProgram(), warm]
            for way in ways:
                await way.start()
                stack.push_async_callback(way.close)
            samples = await self._tiny(ways)
            tests = await self._tests(sandboxes, warm)
        return Report(
            machine=machine.facts(),
            rounds=self._plan.rounds,
            parallel=self._plan.parallel,
            ways=[_row(way, samples[way.key]) for way in ways],
            tests=tests,
            samples=self._taken,
            not_quiet=self._loud,
            missing=missing,
            precompiled_header=compiled.precompiled_header_here(),
        )

    async def _tiny(self, ways: list[Way]) -> dict[str, _Samples]:
        samples = {way.key: _Samples() for way in ways}
        for way in ways:
            await way.alone(_inputs(3))
        for number in range(self._plan.rounds):
            # Each round begins with another way, so that none always follows the same one.
            shift = number % len(ways)
            for way in [*ways[shift:], *ways[:shift]]:
                self._say(f"round {number + 1}/{self._plan.rounds}: {way.title}")
                await self._sample(way, samples[way.key])
        return samples

    async def _sample(self, way: Way, into: _Samples) -> None:
        count = max(self._plan.parallel * 3, round(self._plan.programs * way.share))
        await self._quiet()
        before = machine.cpu_now()
        seconds = await way.burst(_inputs(count), self._plan.parallel)
        used = machine.cpu_now().since(before)
        into.per_s.append(count / seconds)
        into.service_ms.append(used.service_s / count * 1e3)
        into.programs_ms.append(used.programs_s / count * 1e3)
        into.rest_ms.append(used.rest_s / count * 1e3)
        await self._quiet()
        into.latencies_s += await way.alone(_inputs(max(5, round(self._plan.alone * way.share))))

    async def _tests(self, sandboxes: dict[Backend, Sandbox], warm: ExecInWarmContainer | None) -> list[TestRow]:
        judged: dict[Backend, list[compiled.JudgeSample]] = {backend: [] for backend in sandboxes}
        builds: dict[Backend, list[tuple[float, float]]] = {backend: [] for backend in sandboxes}
        bare: list[float] = []
        fusion: list[float] = []
        by_exec: list[float] = []
        count, parallel = compiled.TESTS, self._plan.parallel
        for number in range(self._plan.rounds):
            self._say(f"round {number + 1}/{self._plan.rounds}: C++ programs")
            for backend, sandbox in sandboxes.items():
                await self._quiet()
                judged[backend].append(await compiled.sample_judge(sandbox, count))
                await self._quiet()
                with_header = await compiled.sample_build(sandbox, compiled.source())
                await self._quiet()
                without = await compiled.sample_build(sandbox, compiled.source_without_precompiled_header())
                builds[backend].append((with_header, without))
            await self._quiet()
            bare.append(await compiled.sample_bare(count, parallel))
            await self._quiet()
            fusion.append(await compiled.sample_fusion(self._plan.fusion_tests, parallel))
            if warm is not None:
                await self._quiet()
                by_exec.append(await compiled.sample_exec(warm, self._plan.exec_tests, parallel))
        rows = [_judge_row(backend, count, found, builds[backend]) for backend, found in judged.items()]
        rows.append(_plain_row("bare", "bare processes, compiled once (no isolation)", count, bare, builds=1))
        if by_exec:
            title = "docker exec, compiled once"
            rows.append(_plain_row("docker_exec", title, self._plan.exec_tests, by_exec, builds=1))
        title = "SandboxFusion-style, compiled per test"
        rows.append(_plain_row("fusion", title, self._plan.fusion_tests, fusion, builds=count))
        return rows

    async def _quiet(self) -> None:
        self._taken += 1
        self._loud += not await machine.wait_until_quiet(self._plan.patience_s)


def _row(way: Way, samples: _Samples) -> WayRow:
    cuts = statistics.quantiles(samples.latencies_s, n=100, method="inclusive")
    return WayRow(
        key=way.key,
        title=way.title,
        per_s=statistics.median(samples.per_s),
        per_s_least=min(samples.per_s),
        per_s_most=max(samples.per_s),
        p50_ms=cuts[49] * 1e3,
        p90_ms=cuts[89] * 1e3,
        p99_ms=cuts[98] * 1e3,
        service_ms=statistics.median(samples.service_ms),
        programs_ms=statistics.median(samples.programs_ms),
        rest_ms=statistics.median(samples.rest_ms),
    )


def _judge_row(
    backend: Backend, count: int, found: list[compiled.JudgeSample], builds: list[tuple[float, float]]
) -> TestRow:
    return TestRow(
        key=f"judge_{backend}",
        title=f"Solvent judge, {NAMES[backend]}",
        measured=count,
        builds=max(one.builds_first for one in found),
        builds_again=max(one.builds_again for one in found),
        per_s=statistics.median(count / one.again_s for one in found),
        first_s=statistics.median(one.first_s for one in found),
        compile_s=statistics.median(with_header for with_header, _ in builds),
        compile_without_header_s=statistics.median(without for _, without in builds),
    )


def _plain_row(key: str, title: str, measured: int, seconds: list[float], *, builds: int) -> TestRow:
    return TestRow(
        key=key,
        title=title,
        measured=measured,
        builds=builds,
        per_s=statistics.median(measured / one for one in seconds),
    )


def _inputs(count: int) -> list[tuple[int, int]]:
    return [(number, 7 * number + 1) for number in range(count)]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Fewer rounds and programs: a minute or two; figures for a first look.")
@click.option("--rounds", type=click.IntRange(min=1), help=f"Rounds. [default: {FULL.rounds}]")
@click.option(
    "--patience", "patience_s", type=click.FloatRange(min=0), help="Longest wait for a quiet machine before a sample."
)
@click.option("--backend", type=click.Choice(["all", "docker", "local"]), default="all", show_default=True)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures there as well.")
@click.option("--require", is_flag=True, help="Exit with 1 if a wanted ratio is missed.")
def main(
    quick: bool, rounds: int | None, patience_s: float | None, backend: str, json_file: Path | None, require: bool
) -> None:
    """Measure the sandbox against bare processes, containers, docker exec, bubblewrap and SandboxFusion's way."""
    plan = QUICK if quick else FULL
    if rounds is not None:
        plan = replace(plan, rounds=rounds)
    if patience_s is not None:
        plan = replace(plan, patience_s=patience_s)
    backends: dict[str, tuple[Backend, ...]] = {"all": ("docker", "local"), "docker": ("docker",), "local": ("local",)}

    live = sys.stderr.isatty()

    def say(text: str) -> None:
        click.echo(f"\r\x1b[2K{text}" if live else text, err=True, nl=not live)

    report = asyncio.run(Bench(plan, say).run(backends[backend]))
    if live:
        click.echo("\r\x1b[2K", err=True, nl=False)
    click.echo(to_text(report))
    if json_file is not None:
        json_file.write_text(json.dumps(to_json(report), indent=2) + "\n", encoding="utf-8")
    if require and not all(target.holds for target in report.targets()):
        sys.exit(1)


if __name__ == "__main__":
    main()
