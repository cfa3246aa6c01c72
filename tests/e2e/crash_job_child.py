"""Runs one job over a scripted model again and again: whole, then killed at each of its events in turn and resumed.

    python crash_job_child.py DIRECTORY STEP

DIRECTORY holds `problem.json` and `replies.json` (texts by trajectory and round). Each run is a forked process that
kills itself with SIGKILL at the n-th event that it reports; STEP leaves out events between. Prints one JSON line per
run: the whole one first.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from solvent.agents.checkpoints import JobFiles
from solvent.agents.events import Event
from solvent.agents.job import JobSpec
from solvent.agents.ledgers import SqliteLedger
from solvent.agents.runner import Deps, import_graphs, run_job
from solvent.agents.trajectory_state import derived_seed
from solvent.artifacts import FileArtifacts
from solvent.models.base import ChatRequest
from solvent.models.profiles import ModelProfile
from solvent.models.scripted import ScriptedModel
from solvent.problems.problem import Problem
from solvent.sandbox.local import LocalSandbox
from solvent.usage import Budget

MAX_TOKENS = 100


async def solve(directory: Path, folder: Path, kill_at: int) -> None:
    problem = Problem.model_validate_json((directory / "problem.json").read_text())
    replies = json.loads((directory / "replies.json").read_text())
    by_seed = {derived_seed(0, *name.split("/")): (name, text) for name, text in replies.items()}
    seen = 0

    def write(name: str, line: str) -> None:
        with (folder / name).open("a") as file:
            file.write(line + "\n")

    def reply(request: ChatRequest) -> str:
        name, text = by_seed[request.sampling.seed or 0]
        write("calls", name)
        return str(text)

    def emit(event: Event) -> None:
        nonlocal seen
        seen += 1
        write("events", event.type)
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sandbox = LocalSandbox()
    if problem.public_tests:
        await sandbox.start()
    ledger = SqliteLedger(folder / "ledger.sqlite")
    profile = ModelProfile(name="scripted", backend="openai", base_url="http://none.invalid/v1", context_tokens=4000)
    deps = Deps(
        model=ScriptedModel(reply),
        profile=profile,
        sandbox=sandbox,
        artifacts=FileArtifacts(folder / "artifacts"),
        ledger=ledger,
        job_files=JobFiles(folder / "checkpoints"),
    )
    parameters: dict[str, Any] = {"wave": 1, "repairs": 1, "max_trajectories": 4, "max_tokens": MAX_TOKENS}
    spec = JobSpec(id="job", problem=problem, parameters=parameters, budget=Budget(tokens=100_000))
    try:
        result = await run_job(spec, deps, emit)
    finally:
        await ledger.aclose()
        await sandbox.aclose()
    (folder / "result.json").write_text(result.model_dump_json())


def in_child(directory: Path, folder: Path, kill_at: int) -> bool:
    """Return whether the run came to its end rather than being killed."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            asyncio.run(solve(directory, folder, kill_at))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        return False
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"the run killed at {kill_at} failed")
    return True


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def record(directory: Path, kill_at: int) -> dict[str, Any]:
    folder = directory / f"killed-{kill_at}"
    folder.mkdir()
    killed = kill_at > 0 and not in_child(directory, folder, kill_at)
    before, at = lines(folder / "calls"), lines(folder / "events")
    in_child(directory, folder, 0)
    return {
        "kill_at": kill_at,
        "killed": killed,
        "at": at[-1] if at else "",
        "calls_before": before,
        "calls": lines(folder / "calls"),
        "events": lines(folder / "events"),
        "left": [path.name for path in (folder / "checkpoints").iterdir()],
        "result": json.loads((folder / "result.json").read_text()),
    }


def main() -> None:
    directory, step = Path(sys.argv[1]), int(sys.argv[2])
    import_graphs()
    whole = record(directory, 0)
    events = whole["events"]
    # Of the pieces of one reply only the first counts: a kill inside a reply is as good as the next.
    places = [n for n, event in enumerate(events, 1) if event != "text" or events[n - 2] != "text"]
    for row in (whole, *(record(directory, place) for place in places[::step])):
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
