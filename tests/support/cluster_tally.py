"""Counts, past the code of the service, what became of a batch: nothing lost, nothing doubled, nothing overspent.

Everything is read from PostgreSQL by SQL, except for what Redis says of the batch's account and what the model server
counted by itself.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from solvent.settings import Settings
from solvent.usage import Budget, Usage
from solvent.workers.redis_ledger import open_ledger

if TYPE_CHECKING:
    from cluster_lab import ClusterLab
    from model_servers import ServerCounts

    from solvent.workers.database import ServiceDatabase

TALLIES: list[Tally] = []
"""Of this test run; printed at its end."""

_NANO = {"sandbox_cpu_s", "cost"}
_AMOUNTS = tuple(Usage.model_fields)

_SCOPES = """
    WITH RECURSIVE below AS (
        SELECT id FROM ledger_scope WHERE id = ANY(%s)
        UNION SELECT ledger_scope.id FROM ledger_scope JOIN below ON ledger_scope.parent = below.id
    )
"""


@dataclass(frozen=True)
class Calls:
    """What the ledger's journal has of a batch, in whole units (nano units of seconds and cost)."""

    committed: Counter[str] = field(default_factory=Counter)
    """Of calls that ended."""
    lost: Counter[str] = field(default_factory=Counter)
    """Reserved by calls that never ended: their holder died. They stay spent."""
    lost_calls: int = 0
    least: Counter[str] = field(default_factory=Counter)
    """What a model server must have counted: whole replies, and what came of those that were cut."""
    cut_calls: int = 0
    overruns: int = 0

    @property
    def spent(self) -> Counter[str]:
        """All that counts against caps."""
        return self.committed + self.lost


@dataclass
class Tally:
    """How a test came out."""

    test: str
    wall_s: float
    jobs_in: int
    jobs_out: int
    statuses: dict[str, int]
    duplicates: int
    """Ends, trajectories' ends and events beyond one each."""
    overspend: int
    """Caps, of the batch and of its jobs, that were passed."""
    calls: Calls
    server: ServerCounts | None
    cap: Budget
    spent_tokens: int = 0
    """By the batches' accounts in Redis, which caps are kept by."""
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def passed(self, caps: Sequence[str]) -> None:
        """Note caps that were passed."""
        self.overspend += len(caps)
        self.failures += caps

    @property
    def line(self) -> str:
        """What is printed."""
        spent = f"{self.spent_tokens}" + ("" if self.cap.tokens is None else f" of {self.cap.tokens}")
        counted = self.calls.committed["prompt_tokens"] + self.calls.committed["completion_tokens"]
        dead = self.calls.lost["prompt_tokens"] + self.calls.lost["completion_tokens"]
        tokens = f"tokens counted by us = {counted}"
        if self.calls.lost_calls:
            tokens += f" and at most {dead} held for {self.calls.lost_calls} calls without an end"
        if self.server is None:
            tokens += ", the model server's count died with it"
        else:
            tokens += f", by the model server = {self.server.prompt_tokens + self.server.completion_tokens}"
        parts = [
            f"jobs in = {self.jobs_in}, jobs out = {self.jobs_out}",
            f"duplicates = {self.duplicates}, overspend = {self.overspend}",
            f"spent {spent} tokens; {tokens}",
            ", ".join(f"{name} {count}" for name, count in sorted(self.statuses.items())),
            *self.notes,
            f"{self.wall_s:.1f} s",
        ]
        return f"{self.test}: " + "; ".join(part for part in parts if part)


async def take_tally(lab: ClusterLab, database: ServiceDatabase, test: str, batches: Sequence[str]) -> Tally:
    """See `ClusterLab.tally`.

    Raises:
        AssertionError: something is lost, doubled or overspent; the message has all that is.
    """
    batch_ids = list(batches)
    calls = _calls(lab, batch_ids)
    jobs = lab.query("SELECT id, status, ended_at FROM job WHERE batch_id = ANY(%s)", batch_ids)
    caps = _caps(lab, batch_ids)
    tally = Tally(
        test=test,
        wall_s=time.monotonic() - lab.began,
        jobs_in=len(jobs),
        jobs_out=sum(ended_at is not None for *_, ended_at in jobs),
        statuses=dict(Counter(status for _, status, _ in jobs)),
        duplicates=0,
        overspend=0,
        calls=calls,
        server=lab.model.counts(),
        cap=caps.get(batch_ids[0], Budget()),
    )
    TALLIES.append(tally)
    if tally.jobs_in != tally.jobs_out:
        tally.failures.append(f"{tally.jobs_in - tally.jobs_out} jobs did not end")
    _look_at_events(lab, tally, batch_ids)
    _look_at_trajectories(lab, tally, batch_ids)
    _look_at_jobs(lab, tally, batch_ids)
    _look_at_server(tally)
    _look_for_leavings(lab, tally, batch_ids)
    await _look_at_redis(lab, database, tally, caps)
    assert not tally.failures, "\n".join([tally.line, *tally.failures])
    return tally


def _caps(lab: ClusterLab, batch_ids: list[str]) -> dict[str, Budget]:
    rows = lab.query("SELECT id, budget FROM ledger_scope WHERE id = ANY(%s)", batch_ids)
    return {batch_id: Budget.model_validate_json(budget) for batch_id, budget in rows}


def _calls(lab: ClusterLab, scopes: list[str]) -> Calls:
    """Add up the calls of scopes and of all below them."""
    found = Calls()
    cut = 0
    lost_calls = 0
    overruns = 0
    columns = ", ".join(_AMOUNTS)
    rows = lab.query(
        f"{_SCOPES} SELECT done, overrun, reserved, note, {columns} FROM ledger_call JOIN below ON scope = below.id",
        scopes,
    )
    for done, overrun, reserved, note, *amounts in rows:
        overruns += overrun
        if not done:
            lost_calls += 1
            found.lost.update(_whole(json.loads(reserved)))
            continue
        used = dict(zip(_AMOUNTS, map(int, amounts), strict=True))
        found.committed.update(used)
        written = json.loads(note)
        if "cut" in written:
            cut += 1
            found.least.update(completion_tokens=written["received_tokens"])
        else:
            found.least.update({name: used[name] for name in ("prompt_tokens", "completion_tokens")})
    return Calls(found.committed, found.lost, lost_calls, found.least, cut, overruns)


def _whole(usage: Mapping[str, Any]) -> dict[str, int]:
    amounts = Usage.model_validate(usage).model_dump()
    return {name: round(amount * 1e9) if name in _NANO else int(amount) for name, amount in amounts.items()}


def _look_at_events(lab: ClusterLab, tally: Tally, batch_ids: list[str]) -> None:
    """Each job ends once in its log, which has no gap."""
    logs = lab.query(
        "SELECT job.id, last_event, count(event.sequence), coalesce(max(event.sequence), 0), "
        "count(*) FILTER (WHERE type = 'job.finished') FROM job LEFT JOIN event ON event.job_id = job.id "
        "WHERE batch_id = ANY(%s) GROUP BY job.id",
        batch_ids,
    )
    ends = [int(ends) for *_, ends in logs]
    tally.duplicates += sum(count - 1 for count in ends if count > 1)
    if set(ends) - {1}:
        tally.failures.append(f"job.finished comes {dict(Counter(ends))} times in a job's log")
    gaps = [job_id for job_id, last, count, most, _ in logs if not last == count == most]
    if gaps:
        tally.failures.append(f"the event logs of {gaps} have gaps")


def _look_at_trajectories(lab: ClusterLab, tally: Tally, batch_ids: list[str]) -> None:
    """Each trajectory that was started ended, once, and its job knows of its end."""
    rows = lab.query(
        "SELECT name, trajectory.ended_at, trajectory.end_number, job_id FROM trajectory JOIN job ON job.id = job_id "
        "WHERE batch_id = ANY(%s)",
        batch_ids,
    )
    open_ = [f"{job_id}/{name}" for name, ended_at, _, job_id in rows if ended_at is None]
    if open_:
        tally.failures.append(f"trajectories that did not end: {open_}")
    places = Counter((job_id, number) for _, _, number, job_id in rows if number is not None)
    doubled = [place for place, count in places.items() if count > 1]
    tally.duplicates += len(doubled)
    said = lab.query(
        "SELECT job_id, body::json ->> 'trajectory', count(*) FROM event JOIN job ON job.id = job_id "
        "WHERE batch_id = ANY(%s) AND type = 'trajectory.finished' GROUP BY 1, 2 HAVING count(*) > 1",
        batch_ids,
    )
    if doubled:
        tally.failures.append(f"trajectories ended twice: {doubled}")
    if said:
        # A step whose worker died before its checkpoint is made again, and says again what it does.
        tally.notes.append(f"{len(said)} trajectories said again that they ended")


def _look_at_jobs(lab: ClusterLab, tally: Tally, batch_ids: list[str]) -> None:
    """No cap of a job is passed, and its result says what the ledger has of it."""
    if tally.calls.overruns:
        tally.failures.append(f"{tally.calls.overruns} calls used more than was reserved")
    columns = ", ".join(f"job.{name}" for name in _AMOUNTS)
    jobs = lab.query(
        f"SELECT job.id, budget, {columns} FROM job LEFT JOIN ledger_scope ON ledger_scope.id = job.id "
        "WHERE batch_id = ANY(%s)",
        batch_ids,
    )
    spent = _spent(lab, batch_ids)
    for job_id, budget, *told in jobs:
        stored = _whole(dict(zip(_AMOUNTS, told, strict=True)))
        if budget is not None:
            tally.passed(_passed(job_id, Budget.model_validate_json(budget), stored))
        tally.failures += _apart(f"the result of job {job_id}", stored, *spent.get(job_id, (Counter(), Counter())))


def _spent(lab: ClusterLab, batch_ids: list[str]) -> dict[str, tuple[Counter[str], Counter[str]]]:
    """Return by scope what its calls used that ended, and what was asked for those that did not."""
    columns = ", ".join(_AMOUNTS)
    rows = lab.query(
        f"{_SCOPES} SELECT scope, done, reserved, {columns} FROM ledger_call JOIN below ON scope = below.id", batch_ids
    )
    spent: dict[str, tuple[Counter[str], Counter[str]]] = {}
    for scope, done, reserved, *amounts in rows:
        committed, lost = spent.setdefault(scope, (Counter(), Counter()))
        if done:
            committed.update(dict(zip(_AMOUNTS, map(int, amounts), strict=True)))
        else:
            lost.update(_whole(json.loads(reserved)))
    return spent


def _apart(who: str, told: Mapping[str, int], committed: Counter[str], lost: Counter[str]) -> list[str]:
    """Return where an amount is not what calls used that ended, and at most what was asked for the others too.

    Whoever dies between asking (in the journal) and being granted (by Redis) leaves a call that was never made: it
    counts only where Redis loses its account.
    """
    return [
        f"{who} has {name} {told[name]}, the journal {committed[name]} and {lost[name]} asked for"
        for name in _AMOUNTS
        if not committed[name] <= told[name] <= committed[name] + lost[name]
    ]


def _passed(scope: str, budget: Budget, spent: Mapping[str, int]) -> list[str]:
    """Return the caps that are passed."""
    caps = budget.model_dump(exclude={"deadline_s"}, exclude_none=True)
    amounts = {**spent, "tokens": spent.get("prompt_tokens", 0) + spent.get("completion_tokens", 0)}
    limits = {name: round(cap * 1e9) + 1 if name in _NANO else cap for name, cap in caps.items()}
    return [
        f"{scope}: {name} {amounts.get(name, 0)} of {limit}"
        for name, limit in limits.items()
        if amounts.get(name, 0) > limit
    ]


def _look_at_server(tally: Tally) -> None:
    """The model server counted what the ledger did; where a call died, no more than was held for it."""
    if tally.server is None:
        return
    for name in ("prompt_tokens", "completion_tokens"):
        counted: int = getattr(tally.server, name)
        least, most = tally.calls.least[name], tally.calls.spent[name]
        if not least <= counted <= most:
            tally.failures.append(f"{name}: the model server counted {counted}, the ledger {least} to {most}")


def _look_for_leavings(lab: ClusterLab, tally: Tally, batch_ids: list[str]) -> None:
    [[leases]] = lab.query("SELECT count(*) FROM lease JOIN job ON job.id = job_id WHERE batch_id = ANY(%s)", batch_ids)
    threads = _threads_left(
        lab, (job_id for [job_id] in lab.query("SELECT id FROM job WHERE batch_id = ANY(%s)", batch_ids))
    )
    if leases:
        tally.failures.append(f"{leases} leases are left")
    if threads:
        tally.failures.append(f"checkpoints are left of {threads}")


def _threads_left(lab: ClusterLab, job_ids: Iterable[str]) -> list[str]:
    [[there]] = lab.query("SELECT to_regclass('checkpoints') IS NOT NULL")
    if not there:
        return []
    ours = set(job_ids)
    threads = lab.query("SELECT DISTINCT thread_id FROM checkpoints")
    return [thread for [thread] in threads if thread.rpartition("/")[0] in ours]


async def _look_at_redis(lab: ClusterLab, database: ServiceDatabase, tally: Tally, caps: Mapping[str, Budget]) -> None:
    """The batches' accounts in Redis, by which caps are kept, pass none, and have what the journal has."""
    settings = Settings.model_validate({"redis_url": lab.redis.url})
    ledger = await open_ledger(settings, database.journal)
    try:
        told = {batch_id: _whole((await ledger.usage(batch_id)).model_dump()) for batch_id in caps}
    finally:
        await ledger.aclose()
    for batch_id, amounts in told.items():
        calls = _calls(lab, [batch_id])
        tally.spent_tokens += amounts["prompt_tokens"] + amounts["completion_tokens"]
        tally.passed(_passed(batch_id, caps[batch_id], amounts))
        apart = _apart(f"Redis, of {batch_id},", amounts, calls.committed, calls.lost)
        tally.failures += apart
        if apart:
            tally.failures += [*await _open_in_redis(lab, batch_id), *_in_journal(lab, batch_id)]


async def _open_in_redis(lab: ClusterLab, scope: str) -> list[str]:
    """Return what an account has, for whoever looks for the cause."""
    async with Redis.from_url(lab.redis.url, decode_responses=True) as redis:
        return [
            f"  Redis, {key}: {field} = {value}"
            async for key in redis.scan_iter(match=f"*{scope}*")
            if await redis.type(key) == "hash"
            for field, value in sorted((await redis.hgetall(key)).items())
        ]


def _in_journal(lab: ClusterLab, scope: str) -> list[str]:
    rows = lab.query(
        f"{_SCOPES} SELECT scope, call, ticket, done, reserved, prompt_tokens, completion_tokens FROM ledger_call "
        "JOIN below ON scope = below.id ORDER BY scope, call",
        [scope],
    )
    return [f"  journal: {' | '.join(map(str, row))}" for row in rows]
