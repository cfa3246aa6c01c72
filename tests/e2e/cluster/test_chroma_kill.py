"""`kill -9` of Chroma under jobs that read the concept memory: they go on without it, and say so."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from cluster_lab import ClusterLab, MakeLab
from lab_faults import MARKS, ONE_REPAIR, WITHIN_S, cap, some_end
from lab_jobs import scripted_lines, scripted_specs
from model_servers import ScriptedServer
from servers import ChromaServer

from solvent.agents.job import JobStatus
from solvent.agents.recalled import MemoryUse

pytestmark = [*MARKS, pytest.mark.chroma]
JOBS = 4


def memory(lab: ClusterLab, *arguments: str) -> None:
    """Run `solvent memory` on the cluster's memory."""
    command = [sys.executable, "-m", "solvent.service", "memory", *arguments]
    subprocess.run(command, env=lab.environment(), check=True, capture_output=True)


async def read_by(lab: ClusterLab, batch: str) -> list[MemoryUse]:
    """Wait until the jobs of a batch have completed, and return what they had from the memory."""
    records = await lab.ended(batch, within_s=WITHIN_S)
    assert {record.status for record in records} == {JobStatus.COMPLETED}
    uses = [record.result.memory for record in records if record.result is not None]
    return [use for use in uses if use is not None]


async def test_chroma_is_killed(make_lab: MakeLab, chroma_server: ChromaServer, tmp_path: Path) -> None:
    model = ScriptedServer(tmp_path / "model", scripted_lines(3 * JOBS), token_s=0.02)
    specs = scripted_specs(3 * JOBS, parameters=ONE_REPAIR, memory="read")
    async with make_lab(model, chroma_url=chroma_server.url) as lab:
        await asyncio.to_thread(memory, lab, "add", "--name", "Add", "--summary", "add the number to the input")
        await lab.start_worker("-c", "4")
        before = await lab.submit(specs[:JOBS], budget=cap(JOBS))
        await some_end(lab, before, 1)
        chroma_server.kill()
        try:
            assert len(await read_by(lab, before)) == JOBS
            away = await lab.submit(specs[JOBS : 2 * JOBS], budget=cap(JOBS))
            assert all("without concepts" in use.note for use in await read_by(lab, away))
        finally:
            await asyncio.to_thread(chroma_server.start)
        after = await lab.submit(specs[2 * JOBS :], budget=cap(JOBS))
        assert all(use.retrieved and not use.note for use in await read_by(lab, after)), "the memory is read again"
        await lab.tally("kill -9 of Chroma", before, away, after)
