"""A call whose result the ledger knows and the artifact store has lost."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from typing import Any

from solvent.agents.job import JobStatus, Outcome
from solvent.models.scripted import Reply

Block = Callable[[str], str]
ONE = {"wave": 1, "repairs": 1}


async def test_a_result_that_was_lost_is_made_again_and_paid_again(bench: Any, reply: Block) -> None:
    held = Reply((reply("ok"),), gate=asyncio.Event(), after_chunks=1)
    running = asyncio.create_task(bench.run([reply("no"), held], parameters=ONE))
    while len(bench.model.requests) < 2:
        await asyncio.sleep(0)
    running.cancel()
    cut = await running
    assert cut.status is JobStatus.CANCELLED
    shutil.rmtree(bench.folder / "artifacts")
    result = await bench.run([reply("no"), reply("ok")], parameters=ONE)
    assert (result.status, result.outcome) == (JobStatus.COMPLETED, Outcome.SOLVED)
    assert len(bench.model.requests) == 2
    # The first reply, the one that was cut off, and both again.
    assert result.usage.model_calls == 4
    # The judge's record was lost as well, and its run is paid again.
    assert result.usage.sandbox_cpu_s > cut.usage.sandbox_cpu_s
