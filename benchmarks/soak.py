"""Many mixed programs in one pool: does anything leak, is any verdict wrong (`python -m solvent.benchmarks.soak`)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import click
from pydantic import JsonValue

from solvent.benchmarks import soak_watch
from solvent.benchmarks.api_ways import Backend, make_sandbox
from solvent.benchmarks.soak_programs import Case, cases
from solvent.errors import SandboxError
from solvent.sandbox.base import RunStatus, Sandbox

START_ENGINE = Path(__file__).resolve().parent.parent / "scripts" / "start_dockerd.sh"
_AT_ONCE_PER_SLOT = 3
_JOBS = 5
_SAMPLES = 16
_PROGRESS_S = 2.0
_KEPT_FAILURES = 40


@dataclass
class Soak:
    """One soak and what it found.

    Args:
        sandbox: started.
        backend: which it is.
        say: takes a line of progress.
    """

    sandbox: Sandbox
    backend: Backend
    say: Callable[[str], None]
    done: int = 0
    wrong: list[str] = field(default_factory=list)
    ours: int = 0
    """Programs that ended with a failure of the sandbox (IE)."""
    by_kind: Counter[str] = field(default_factory=Counter)
    samples: list[soak_watch.Sample] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    _live: set[asyncio.Task[Any]] = field(default_factory=set)
    """The programs that run now."""

    async def run(self, programs: int, source: Iterator[Case]) -> None:
        """Run `programs` of them, with a look at everything in between whenever nothing runs."""
        started = time.monotonic()
        every = max(50, programs // _SAMPLES)
        await self._look()
        while self.done < programs:
            await self._part(list(itertools.islice(source, min(every, programs - self.done))), programs, started)
            await self._look()
        self.seconds = time.monotonic() - started

    async def _part(self, part: list[Case], programs: int, started: float) -> None:
        gate = asyncio.Semaphore(_AT_ONCE_PER_SLOT * self.sandbox.slots)
        said = time.monotonic()

        async def one(number: int, case: Case) -> None:
            nonlocal said
            task = cast(asyncio.Task[Any], asyncio.current_task())
            async with gate:
                self._live.add(task)
                try:
                    outcome = await case.run(self.sandbox, f"soak-{number % _JOBS}")
                    wrong, ours = outcome.wrong, outcome.ours
                except SandboxError as error:
                    wrong, ours = f"raised {type(error).__name__}: {error}", True
                finally:
                    self._live.discard(task)
            self.done += 1
            self.by_kind["hostile" if case.name.startswith("hostile") else case.name] += 1
            self.ours += ours
            if wrong:
                self.wrong.append(f"{case.name}: {wrong}")
            if time.monotonic() - said > _PROGRESS_S:
                said = time.monotonic()
                rate = self.done / (said - started)
                self.say(
                    f"{self.done}/{programs} programs, {rate:.0f}/s, {len(self.wrong)} wrong, "
                    f"{sum(self.kills.values())} kills"
                )

        async with asyncio.TaskGroup() as group:
            for number, case in enumerate(part):
                group.create_task(one(number, case))

    async def _look(self) -> None:
        names = await asyncio.to_thread(soak_watch.container_names) if self.backend == "docker" else []
        pids = await asyncio.to_thread(soak_watch.box_pids, self.backend)
        self.samples.append(soak_watch.take(self.done, pids, len(names)))

    async def kill_now_and_then(self, every_s: float, *, engine: bool, seed: int) -> None:
        """Kill a box's first process or its container at random, and sometimes the engine; until cancelled.

        Only a box that was there at the last look, and only once all have ended that ran at the last kill: a program is
        tried again in a fresh box, and one that is killed again and again cannot come to its end, however slow the
        machine is.
        """
        choice = random.Random(seed)
        before: set[int] = set()
        hit: set[asyncio.Task[Any]] = set()
        for number in itertools.count(1):
            await asyncio.sleep(every_s * choice.uniform(0.5, 1.5))
            if hit:
                await asyncio.wait(hit)
            if engine and number % 4 == 0:
                await self._kill_engine()
                hit = set(self._live)
                continue
            with contextlib.suppress(Exception):
                pids = await asyncio.to_thread(soak_watch.box_pids, self.backend)
                old, before = sorted(before & set(pids)), set(pids)
                if not old:
                    continue
                victim = choice.choice(old)
                if self.backend == "docker" and choice.random() < 0.5:
                    await asyncio.to_thread(_kill_container, victim)
                    self.kills["containers"] += 1
                else:
                    os.kill(victim, signal.SIGKILL)
                    self.kills["supervisors"] += 1
            hit = set(self._live)

    async def _kill_engine(self) -> None:
        pid = await asyncio.to_thread(soak_watch.engine_pid)
        if pid is None:
            return
        os.kill(pid, signal.SIGKILL)
        self.kills["engine"] += 1
        self.say("killed the engine; starting it again")
        await asyncio.to_thread(subprocess.run, [str(START_ENGINE)], check=False, capture_output=True)

    def report(self) -> dict[str, JsonValue]:
        """Return everything as JSON values."""
        metrics = self.sandbox.metrics()
        trends = soak_watch.trends(self.samples)
        return {
            "backend": self.backend,
            "programs": self.done,
            "seconds": round(self.seconds, 1),
            "per_s": round(self.done / self.seconds, 1),
            "wrong": len(self.wrong),
            "failures": list(self.wrong[:_KEPT_FAILURES]),
            "ie": self.ours,
            "retried": metrics.retried,
            "rerun_alone": metrics.rerun_alone,
            "boxes_started": metrics.boxes_started,
            "boxes_replaced": metrics.boxes_replaced,
            "faults": metrics.runs.get(RunStatus.FAULT, 0),
            "kills": dict(self.kills),
            "kinds": dict(sorted(self.by_kind.items())),
            "trends": [{**asdict(trend), "flat": trend.flat} for trend in trends],
            "samples": [asdict(sample) for sample in self.samples],
            "passed": self.passed(),
        }

    def passed(self) -> bool:
        """Whether nothing leaks, no verdict was wrong and no failure of ours was left."""
        return not self.wrong and not self.ours and all(trend.flat for trend in soak_watch.trends(self.samples))


def to_text(soak: Soak) -> str:
    """Return the report for people."""
    metrics = soak.sandbox.metrics()
    lines = [
        f"{soak.done} programs in {soak.seconds:.0f} s ({soak.done / soak.seconds:.0f}/s), {soak.backend}, "
        f"{soak.sandbox.slots} at a time, {soak.by_kind['hostile']} of them hostile",
        f"wrong verdicts {len(soak.wrong)}, failures of the sandbox (IE) {soak.ours}, retried {metrics.retried}, "
        f"measured again alone {metrics.rerun_alone}, boxes started {metrics.boxes_started}, "
        f"replaced {metrics.boxes_replaced}",
    ]
    if soak.kills:
        lines.append("killed: " + ", ".join(f"{count} {what}" for what, count in sorted(soak.kills.items())))
    lines += [f"  wrong: {what}" for what in soak.wrong[:_KEPT_FAILURES]]
    lines += ["", f"{'':22} {'first':>10} {'last':>10} {'per 10,000':>11} {'allowed':>8}"]
    for trend in soak_watch.trends(soak.samples):
        word = "flat" if trend.flat else "GROWS"
        figures = f"{trend.first:10.1f} {trend.last:10.1f} {trend.per_10000:+11.1f} {trend.allowed:8g}"
        lines.append(f"{trend.name:22} {figures}  {word}")
    lines += ["", "passed" if soak.passed() else "NOT passed"]
    return "\n".join(lines)


def _kill_container(pid: int) -> None:
    """Kill the container of ours with this first process, by the engine."""
    import docker

    client = docker.from_env()
    try:
        for one in soak_watch.own_containers(client):
            if int(one.attrs["State"]["Pid"]) == pid:
                client.api.kill(one.name)
    finally:
        client.close()


async def soak(
    backend: Backend,
    programs: int,
    hostile: float,
    *,
    slots: int | None = None,
    seed: int = 0,
    kill_every_s: float | None = None,
    kill_engine: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Soak:
    """Run the soak; returns it with everything that it found. The sandbox is closed.

    Raises:
        SandboxUnavailable: the backend does not work here.
    """
    sandbox = make_sandbox(backend, slots or len(os.sched_getaffinity(0)))
    before = tempfile.tempdir
    # One of our own, so that what is left there is ours.
    folder = tempfile.TemporaryDirectory(prefix="solvent-soak-")
    tempfile.tempdir = folder.name
    try:
        await sandbox.start()
        running = Soak(sandbox, backend, say)
        killer = None
        if kill_every_s is not None:
            killer = asyncio.create_task(running.kill_now_and_then(kill_every_s, engine=kill_engine, seed=seed))
        try:
            await running.run(programs, cases(seed, hostile, backend))
        finally:
            if killer is not None:
                killer.cancel()
                await asyncio.gather(killer, return_exceptions=True)
    finally:
        tempfile.tempdir = before
        await sandbox.aclose()
        folder.cleanup()
    return running


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--programs", type=click.IntRange(min=1), default=50_000, show_default=True)
@click.option(
    "--hostile", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Share of hostile programs."
)
@click.option("--backend", type=click.Choice(["docker", "local"]), default="docker", show_default=True)
@click.option("--slots", type=click.IntRange(min=1), help="Programs at a time. [default: the cores]")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--kill-every", "kill_every_s", type=click.FloatRange(min=0.1), help="Kill a box every so many seconds.")
@click.option("--kill-engine", is_flag=True, help="With --kill-every: every fourth time the engine itself.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write everything there as well.")
def main(
    programs: int,
    hostile: float,
    backend: Backend,
    slots: int | None,
    seed: int,
    kill_every_s: float | None,
    kill_engine: bool,
    json_file: Path | None,
) -> None:
    """Run many mixed programs in one pool. Exit code 1 on any leak, wrong verdict or failure of the sandbox."""
    live = sys.stderr.isatty()

    def say(text: str) -> None:
        click.echo(f"\r\x1b[2K{text}" if live else text, err=True, nl=not live)

    found = asyncio.run(
        soak(
            backend,
            programs,
            hostile,
            slots=slots,
            seed=seed,
            kill_every_s=kill_every_s,
            kill_engine=kill_engine,
            say=say,
        )
    )
    if live:
        click.echo("\r\x1b[2K", err=True, nl=False)
    click.echo(to_text(found))
    if json_file is not None:
        json_file.write_text(json.dumps(found.report(), indent=2) + "\n", encoding="utf-8")
    sys.exit(0 if found.passed() else 1)


if __name__ == "__main__":
    main()
