"""What the checkpoints of a trajectory weigh, and whose job a lock is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from solvent.agents.calls import Reporter
from solvent.agents.checkpoints import JobFiles
from solvent.agents.job import JobSpec, StopReason
from solvent.agents.job_parts import job_context
from solvent.agents.trajectory_state import Plan
from solvent.errors import ConfigError
from solvent.models.scripted import ScriptedModel
from solvent.usage import Budget

ROUNDS = 20


async def test_checkpoints_of_a_long_trajectory_stay_small(bench: Any, reply: Callable[[str], str], echo: Any) -> None:
    """Texts lie in the artifact store: 20 rounds with replies of 8 kB each leave little in the checkpoints."""
    from solvent.agents.trajectory import build_trajectory_graph, run_trajectory

    bench.model = ScriptedModel(lambda _: "words " * 1400 + reply("no"))
    context = job_context(JobSpec(id="job", problem=echo()), bench.deps(), Reporter("job", bench.events.append))
    await bench.ledger.open("job", Budget())
    files = JobFiles(bench.folder)
    async with files.saver("job") as saver:
        plan = Plan(trajectory="t0", temperature=None, max_tokens=None, repairs=ROUNDS - 1)
        outcome = await run_trajectory(build_trajectory_graph(saver), context, plan)
    assert (outcome.stop_reason, len(bench.model.requests)) == (StopReason.MAX_ROUNDS, ROUNDS)
    assert 0 < files.size_bytes("job") < 400_000


def test_lock_is_held_once_and_freed(tmp_path: Path) -> None:
    files = JobFiles(tmp_path)
    with files.lock("../job/1"):
        with pytest.raises(ConfigError, match="being run already"), files.lock("../job/1"):
            pass
        with files.lock("../job/2"):
            pass
    with files.lock("../job/1"):
        pass
    assert list(tmp_path.iterdir()) == []
