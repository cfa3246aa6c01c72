"""A sandbox that reads in a program's comments what it would do, and jobs that run on it with a scripted model."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from solvent.agents.checkpoints import JobFiles
from solvent.agents.events import Event
from solvent.agents.job import JobResult, JobSpec
from solvent.agents.ledgers import MemoryLedger, SqliteLedger
from solvent.agents.runner import Deps, run_job
from solvent.artifacts import FileArtifacts
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.models.profiles import ModelProfile
from solvent.models.scripted import Script, ScriptedModel
from solvent.problems.problem import IoTest, Problem, ProblemKind
from solvent.sandbox.base import Build, BuiltFile, Program, RunLimits, RunResult, RunStatus, SandboxInfo

CPU_S = 0.125


def block(output: str) -> str:
    """A reply with a program that prints `output` (`crash` and `fault` are what they say)."""
    return f"Here it is:\n```python\nprint()  # prints: {output}\n```\n"


class ScriptedSandbox:
    def __init__(self) -> None:
        self.compiled: list[str] = []
        self.runs = 0
        self.jobs: set[str] = set()
        self.gate: asyncio.Event | None = None
        self.info = SandboxInfo(backend="local", isolation="none: nothing is run", guarantees={})
        self.slots = 2

    async def start(self) -> None:
        pass

    async def build(self, program: Program, *, time_s: float, memory_mb: int, job: str = "") -> Build:
        self.compiled.append(program.source)
        self.jobs.add(job)
        if "broken(" in program.source:
            return Build(language="python", ok=False, log="SyntaxError: broken", reason="error", cpu_s=CPU_S)
        found = re.search(r"# prints: (.*)", program.source)
        output = (found[1] if found else "").encode()
        return Build(language="python", ok=True, files=(BuiltFile(name="output", mode=0o600, sha256="", data=output),))

    async def run(self, build: Build, *, limits: RunLimits, stdin: bytes = b"", **_: Any) -> RunResult:
        output = build.files[0].data.decode()
        self.runs += 1
        if self.gate is not None:
            await self.gate.wait()
        if output == "fault":
            return RunResult(status=RunStatus.FAULT, fault="scripted fault")
        if output == "crash":
            return RunResult(status=RunStatus.EXIT, exit_code=1, stderr=b"ZeroDivisionError", cpu_s=CPU_S)
        text = output.replace("{stdin}", stdin.decode().strip())
        return RunResult(status=RunStatus.OK, exit_code=0, stdout=text.encode() + b"\n", cpu_s=CPU_S)

    async def aclose(self) -> None:
        pass


PROFILE = ModelProfile(name="scripted", backend="openai", base_url="http://none.invalid/v1", context_tokens=4000)


def echo_problem(**changes: Any) -> Problem:
    """A problem whose right program prints `ok`."""
    values: dict[str, Any] = {
        "id": "echo",
        "kind": ProblemKind.STDIO,
        "statement": "Print ok.",
        "public_tests": (
            IoTest(name="sample1", stdin="1", expected="ok"),
            IoTest(name="sample2", stdin="2", expected="ok"),
        ),
        "hidden_tests": (IoTest(name="secret", stdin="HIDDEN-INPUT", expected="ok"),),
    }
    return Problem(**{**values, **changes})


def sum_problem(**changes: Any) -> Problem:
    """A math problem whose answer is 4."""
    values: dict[str, Any] = {"id": "sum", "kind": ProblemKind.MATH, "statement": "2+2?", "answer": "4"}
    return Problem(**{**values, **changes})


class Bench:
    """Runs jobs in one folder, as one process after the other would."""

    def __init__(self, folder: Path, *, memory: bool = False) -> None:
        self.folder = folder
        self.sandbox = ScriptedSandbox()
        self.events: list[Event] = []
        self.artifacts = FileArtifacts(folder / "artifacts")
        self.ledger: Any = MemoryLedger() if memory else SqliteLedger(folder / "ledger.sqlite")
        self.model = ScriptedModel([])
        self.profile = PROFILE
        self.changes: dict[str, Any] = {}

    def deps(self) -> Deps:
        deps = Deps(
            model=self.model,
            profile=self.profile,
            sandbox=self.sandbox,
            artifacts=self.artifacts,
            ledger=self.ledger,
            job_files=JobFiles(self.folder / "checkpoints"),
        )
        return replace(deps, **self.changes)

    async def run(self, script: Script, problem: Problem | None = None, **spec: Any) -> JobResult:
        self.model = ScriptedModel(script)
        job = JobSpec(**{"id": "job", "problem": problem or echo_problem(), **spec})
        return await run_job(job, self.deps(), self.events.append)

    def of_type(self, name: str) -> list[Any]:
        return [event for event in self.events if event.type == name]

    @property
    def prompts(self) -> list[str]:
        return [request.messages[-1].content for request in self.model.requests]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    await made.ledger.aclose()


@pytest.fixture
def reply() -> Callable[[str], str]:
    return block


@pytest.fixture
def echo() -> Callable[..., Problem]:
    return echo_problem


@pytest.fixture
def sum_() -> Callable[..., Problem]:
    return sum_problem


@pytest.fixture
def store() -> ConceptStore:
    """A memory that has nothing."""
    return ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
