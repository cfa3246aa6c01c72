"""What checkpoints weigh, that a run goes on wherever the writing of one failed, and whose job a lock is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from solvent.agents.checkpoints import JobFiles
from solvent.agents.job import JobSpec, StopReason
from solvent.agents.job_parts import job_context, prepare
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.reporter import Reporter
from solvent.agents.trajectory_state import Plan
from solvent.errors import ConfigError, StoreError
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


class FailingSaver(InMemorySaver):
    """Fails to write one of its checkpoints, when what the nodes before it wrote is there already."""

    def __init__(self, fail_at: int) -> None:
        super().__init__()
        self.puts = 0
        self.fail_at = fail_at

    async def aput(self, *args: Any, **kwargs: Any) -> Any:
        self.puts += 1
        if self.puts == self.fail_at:
            raise sqlite3.OperationalError("disk is full")
        return await super().aput(*args, **kwargs)


async def test_a_trajectory_goes_on_wherever_a_checkpoint_was_not_written(
    bench: Any, reply: Callable[[str], str], echo: Any
) -> None:
    """What a node wrote is stored before the checkpoint that has it: between the two, nothing seems left to do."""
    from solvent.agents.trajectory import build_trajectory_graph, run_trajectory

    await bench.ledger.open("job", Budget())
    failures = 0
    for number in count():
        bench.model = ScriptedModel([reply("no"), reply("ok")])
        deps = bench.deps()
        context = job_context(JobSpec(id="job", problem=echo()), deps, Reporter("job", bench.events.append))
        saver = FailingSaver(number)
        graph = build_trajectory_graph(saver)
        plan = Plan(trajectory=f"t{number}", temperature=None, max_tokens=None, repairs=1)
        try:
            outcome = await run_trajectory(graph, context, plan)
        except StoreError:
            failures += 1
            outcome = await run_trajectory(graph, context, plan)
        assert (outcome.stop_reason, outcome.repairs) == (StopReason.TESTS_PASSED, 1), number
        assert len(bench.model.requests) == 2, number
        if number and saver.puts < number:
            break
    assert failures >= 8


async def test_a_search_goes_on_wherever_a_checkpoint_was_not_written(bench: Any, sum_: Any) -> None:
    """Outcomes that were handed over count once; those of which that is not known are handed over again."""
    from solvent.agents.search import SearchContext, build_search_graph, selection_of
    from solvent.agents.search_run import SearchRun, Standing

    answer = bench.artifacts.put("4")
    failures = 0
    for number in count():
        spec = JobSpec(id=f"job-{number}", problem=sum_(), parameters={"wave": 2, "max_trajectories": 4})
        job = prepare(spec, bench.deps(), bench.events.append)
        saver = FailingSaver(number)

        def opened(saver: FailingSaver = saver, job: Any = job) -> SearchRun:
            context = SearchContext(job.spec.problem.kind, job.strategy, NoExecutor(), bench.artifacts)
            graph = build_search_graph(saver)
            return SearchRun(graph, context, job_id=job.spec.id, thread="search", errors=(sqlite3.Error,))

        async def run(opened: Callable[[], SearchRun] = opened) -> Standing:
            search = opened()
            standing = await search.go_on(await search.find())
            while standing.waiting:
                first = min(standing.state["pending"])
                ended = TrajectoryOutcome(trajectory=first, stop_reason=StopReason.MAX_ROUNDS, answer=answer)
                standing = await search.bring([ended])
            return standing

        try:
            standing = await run()
        except StoreError:
            failures += 1
            standing = await run()
        selection = selection_of(standing.state)
        assert selection.solved, number
        assert selection.votes == standing.state["told"] >= 3, number
        if number and saver.puts < number:
            break
    assert failures >= 8


class NoExecutor:
    """Starts nothing: the test brings the outcomes."""

    def start(self, plan: Plan) -> None: ...

    def cancel(self, trajectory: str) -> None: ...


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
