"""Jobs over a memory of real parts: the service's database, a real Chroma, a real sandbox; words alone are scripted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from concept_parts import Backend

from solvent.agents.checkpoints import JobFiles
from solvent.agents.events import Event
from solvent.agents.job import JobResult, JobSpec
from solvent.agents.ledgers import MemoryLedger
from solvent.agents.lessons import Learner, LearnRules
from solvent.agents.runner import Deps, run_job
from solvent.artifacts import FileArtifacts
from solvent.memory.store import ConceptStore
from solvent.models.profiles import ModelProfile
from solvent.models.scripted import Script, ScriptedModel
from solvent.problems.problem import Problem
from solvent.sandbox.base import Build, Program
from solvent.sandbox.local import LocalSandbox

BACKENDS = [
    pytest.param("embedded Chroma, SQLite", marks=pytest.mark.chroma),
    pytest.param("Chroma server, PostgreSQL", marks=[pytest.mark.chroma, pytest.mark.postgres]),
]
PROFILE = ModelProfile(name="scripted", backend="openai", base_url="http://none.invalid/v1", context_tokens=100_000)


class NotingSandbox(LocalSandbox):
    """Notes what it is given to run."""

    programs: list[str]

    async def build(self, program: Program, **limits: Any) -> Build:
        self.programs.append(program.source)
        return await super().build(program, **limits)


class MemoryJobs:
    """Runs jobs; what the last one asked and told is kept."""

    def __init__(self, folder: Path, backend: Backend, sandbox: NotingSandbox) -> None:
        self.folder, self.backend, self.sandbox = folder, backend, sandbox
        self.prompts: list[str] = []
        self.events: list[Event] = []
        self.rules = LearnRules()

    async def run(
        self, problem: Problem, script: Script, store: ConceptStore, *, profile: ModelProfile = PROFILE, **spec: Any
    ) -> JobResult:
        self.sandbox.programs = []
        model = ScriptedModel(script)
        events: list[Event] = []
        deps = Deps(
            model=model,
            profile=profile,
            sandbox=self.sandbox,
            artifacts=FileArtifacts(self.folder / "artifacts"),
            ledger=MemoryLedger(),
            job_files=JobFiles(self.folder / "checkpoints"),
            memory=store,
            learner=Learner(store, self.rules),
        )
        job = JobSpec.model_validate({"problem": problem, "strategy": "single", "memory": "live", **spec})
        result = await run_job(job, deps, events.append)
        self.events = events
        self.prompts = ["\n".join(message.content for message in request.messages) for request in model.requests]
        return result


@asynccontextmanager
async def memory_jobs(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[MemoryJobs]:
    """Open them over the backend that the test's parameter names."""
    request.getfixturevalue("require_bubblewrap")
    backend = await Backend.make(request, folder)
    sandbox = NotingSandbox(2)
    sandbox.programs = []
    await sandbox.start()
    try:
        yield MemoryJobs(folder, backend, sandbox)
    finally:
        await sandbox.aclose()
        await backend.aclose()
