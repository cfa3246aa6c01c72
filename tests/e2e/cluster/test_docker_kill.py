"""`kill -9` of the Docker engine while the programs of a batch run in it: an engine of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_lab import MakeLab
from docker_engine import DockerEngine
from lab_faults import MARKS, all_end, cap, some_end
from lab_jobs import scripted_specs
from lab_worker import LabWorker
from model_servers import ScriptedServer

from solvent.agents.job import JobStatus

pytestmark = [*MARKS, pytest.mark.docker]
JOBS = 16
ONE_TRY: dict[str, Any] = {"wave": 1, "max_trajectories": 1, "repairs": 0, "max_tokens": 60}
SLOW = "Here it is:\n```python\nimport time\ntime.sleep(0.5)\nprint(int(input()) + {number})\n```\n"
"""So that programs run at any moment."""


@pytest.fixture
def engine(require_own_engine: None) -> Iterator[DockerEngine]:
    made = DockerEngine()
    try:
        made.start()
        made.make_image()
        yield made
    finally:
        made.remove()


async def test_dockerd_is_killed_while_programs_run(make_lab: MakeLab, engine: DockerEngine, tmp_path: Path) -> None:
    """What ran is run again when the engine is back; no job hears of it."""
    lines = [{"contains": f"<{number}> Add", "texts": [SLOW.format(number=number)]} for number in range(JOBS)]
    model = ScriptedServer(tmp_path / "model", lines)
    async with make_lab(model, sandbox="docker") as lab:
        worker = LabWorker({**lab.environment(), "DOCKER_HOST": engine.url}, ("-c", "4"))
        lab.workers.append(worker)
        await worker.ready()
        batch = await lab.submit(scripted_specs(JOBS, parameters=ONE_TRY), budget=cap(JOBS))
        await some_end(lab, batch, 3)
        await asyncio.to_thread(engine.restart)
        assert await all_end(lab, batch) == {JobStatus.COMPLETED: JOBS}
        await lab.tally("kill -9 of dockerd", batch)
        assert await worker.stop() == 0
