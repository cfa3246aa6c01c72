"""Any sequence of claims, beats, deaths, cancels and ends, against a plain model of what must hold."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from servers import PostgresServer
from stored_jobs import empty, job_record, job_result, outcome, pass_time, plan

from solvent.agents.events import JobFinished
from solvent.agents.job import JobStatus
from solvent.workers.database import open_service_store
from solvent.workers.service_records import Claim, LeaseKind, LeaseLostError
from solvent.workers.sql.engine import Database

T = TypeVar("T")
LEASE_S = 1000.0
MOST = 3
HOLDERS = ("a", "b", "c")
NAMES = ("t1", "t2")
JOB = "job"


@dataclass
class Thing:
    """A job or a trajectory, as it must be."""

    ended: bool = False
    stopping: bool = False
    told: bool = False
    attempts: int = 0
    token: int = 0
    claim: Claim | None = None
    expires_at: float = 0.0
    old: list[Claim] = field(default_factory=list)

    def lose(self) -> None:
        if self.claim is not None:
            self.old.append(self.claim)
        self.claim = None


class Leases(RuleBasedStateMachine):
    """One job with two trajectories and three workers; `url` is set by the test."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = self.do(open_service_store(self.url))
        self.database = Database(self.url)
        self.do(empty(self.database))
        self.clock = 0.0
        self.job = Thing()
        self.begun = False
        self.status = JobStatus.QUEUED
        self.parts: dict[str, Thing] = {}
        self.before: dict[str, Thing] = {}
        """Trajectories before the job was retried."""
        self.ends = 0

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            self.everything_ends()
        finally:
            self.do(self.store.aclose())
            self.do(self.database.aclose())
            self.runner.close()

    @initialize()
    def submit(self) -> None:
        self.do(self.store.submit([job_record(JOB)]))

    @property
    def open_parts(self) -> dict[str, Thing]:
        return {name: part for name, part in self.parts.items() if not part.ended}

    # What the model does

    def end_part(self, part: Thing) -> None:
        part.lose()
        part.ended = True

    def end_job(self, status: JobStatus) -> None:
        for part in self.open_parts.values():
            self.end_part(part)
        self.job.lose()
        self.job.ended = True
        self.status = status
        self.ends += 1

    def took(self, thing: Thing, claim: Claim) -> None:
        assert claim.token > thing.token, "a later claim has a greater token"
        thing.lose()
        thing.attempts += 1
        assert claim.attempt == thing.attempts
        thing.token, thing.claim, thing.expires_at = claim.token, claim, self.clock + LEASE_S

    def held(self, thing: Thing) -> bool:
        return thing.claim is not None and thing.expires_at > self.clock

    # What happens

    @rule(seconds=st.sampled_from([300.0, 700.0, 1100.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock += seconds
        self.do(pass_time(self.database, seconds))

    @rule(holder=st.sampled_from(HOLDERS))
    def claim_job(self, holder: str) -> None:
        claim = self.do(self.store.claim(LeaseKind.JOB, JOB, holder=holder, lease_s=LEASE_S))
        assert (claim is not None) == (not self.job.ended and not self.held(self.job))
        if claim is not None:
            self.took(self.job, claim)
            self.begun = True
            if self.status is not JobStatus.CANCELLING:
                self.status = JobStatus.RUNNING

    @rule(holder=st.sampled_from(HOLDERS), name=st.sampled_from(NAMES))
    def claim_part(self, holder: str, name: str) -> None:
        part = self.parts.get(name)
        claim = self.do(self.store.claim(LeaseKind.TRAJECTORY, f"{JOB}/{name}", holder=holder, lease_s=LEASE_S))
        free = part is not None and not (part.ended or part.stopping or self.held(part))
        assert (claim is not None) == (free and self.status is not JobStatus.CANCELLING and not self.job.ended)
        if claim is not None:
            assert part is not None
            self.took(part, claim)

    @precondition(lambda self: self.job.claim is not None)
    @rule(names=st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    def start(self, names: list[str]) -> None:
        assert self.job.claim is not None
        self.do(self.store.start_trajectories(self.job.claim, [plan(name) for name in names]))
        for name in names:
            old = self.before.get(name, Thing())
            self.parts.setdefault(name, Thing(token=old.token, old=old.old))

    @precondition(lambda self: self.job.claim is not None)
    @rule(name=st.sampled_from(NAMES))
    def stop_part(self, name: str) -> None:
        assert self.job.claim is not None
        self.do(self.store.cancel_trajectories(self.job.claim, [name]))
        if name in self.open_parts:
            self.parts[name].stopping = True
            if self.parts[name].claim is None:
                self.end_part(self.parts[name])

    @precondition(lambda self: self.job.claim is not None)
    @rule()
    def tell_all(self) -> None:
        assert self.job.claim is not None
        untold = [record.name for record in self.do(self.store.untold(self.job.claim))]
        assert sorted(untold) == sorted(name for name, part in self.parts.items() if part.ended and not part.told)
        self.do(self.store.tell(self.job.claim, untold))
        for name in untold:
            self.parts[name].told = True

    @precondition(lambda self: self.job.claim is not None)
    @rule()
    def rest(self) -> None:
        assert self.job.claim is not None
        has_outcome = any(part.ended and not part.told for part in self.parts.values())
        assert self.do(self.store.rest(self.job.claim)) == has_outcome
        self.job.lose()
        if has_outcome or self.open_parts:
            self.job.attempts = 0
        if self.status is not JobStatus.CANCELLING:
            self.status = JobStatus.WAITING

    @precondition(lambda self: self.job.claim is not None)
    @rule()
    def finish(self) -> None:
        assert self.job.claim is not None
        self.do(self.store.finish(self.job.claim, job_result(JOB)))
        self.end_job(JobStatus.COMPLETED)

    @rule(name=st.sampled_from(NAMES))
    def end_part_in_order(self, name: str) -> None:
        part = self.parts.get(name)
        if part is not None and part.claim is not None:
            self.do(self.store.end_trajectory(part.claim, outcome(name)))
            self.end_part(part)

    @rule(name=st.sampled_from(("", *NAMES)), counts=st.booleans())
    def give_back(self, name: str, counts: bool) -> None:
        thing = self.parts.get(name) if name else self.job
        if thing is None or thing.claim is None:
            return
        self.do(self.store.give_back(thing.claim, counts=counts))
        thing.lose()
        if not counts:
            thing.attempts = 0
        if name and (thing.stopping or self.status is JobStatus.CANCELLING):
            self.end_part(thing)
        if not name and self.status is JobStatus.RUNNING:
            self.status = JobStatus.WAITING

    @rule(holder=st.sampled_from(HOLDERS))
    def beat(self, holder: str) -> None:
        things = [self.job, *self.parts.values()]
        claims = [claim for thing in things for claim in (thing.claim, *thing.old) if claim and claim.holder == holder]
        beat = self.do(self.store.beat(holder, claims, lease_s=LEASE_S))
        current = [thing for thing in things if thing.claim is not None and thing.claim.holder == holder]
        kept = [thing.claim for thing in current]
        assert {claim.token for claim in beat.lost} == {claim.token for claim in claims if claim not in kept}
        cancelling = self.status is JobStatus.CANCELLING
        assert {claim.token for claim in beat.cancelled} == {
            thing.token for thing in current if cancelling or thing.stopping
        }
        for thing in current:
            thing.expires_at = self.clock + LEASE_S

    @rule(name=st.sampled_from(("", *NAMES)))
    def a_lost_holder_writes(self, name: str) -> None:
        thing = self.parts.get(name, self.before.get(name)) if name else self.job
        for claim in thing.old[-2:] if thing is not None else ():
            write = (
                self.store.end_trajectory(claim, outcome(name)) if name else self.store.finish(claim, job_result(JOB))
            )
            with pytest.raises(LeaseLostError):
                self.do(write)

    @rule()
    def reap(self) -> None:
        due = self.do(self.store.due(max_attempts=MOST, unseen_s=0))
        for name, part in self.parts.items():
            if part.claim is not None and not self.held(part):
                part.lose()
                if part.stopping or self.status is JobStatus.CANCELLING:
                    self.end_part(part)
            if not part.ended and part.claim is None and part.attempts >= MOST:
                self.end_part(part)
            waits = not part.ended and part.claim is None and not self.job.ended
            assert waits or f"{JOB}/{name}" not in due.trajectories
        if self.job.claim is not None and not self.held(self.job):
            self.job.lose()
            if self.status is JobStatus.RUNNING:
                self.status = JobStatus.WAITING
        if not self.job.ended and self.begun and self.job.claim is None and self.job.attempts >= MOST:
            self.end_job(JobStatus.FAILED)
            assert [one.id for one in due.ended] == [JOB]
        else:
            assert due.ended == []
        free = {f"{JOB}/{name}": part for name, part in self.open_parts.items() if part.claim is None}
        last = {id for id, part in free.items() if part.attempts == MOST - 1}
        assert set(due.trajectories) - last == set(free) - last
        job_is_free = not self.job.ended and self.job.claim is None
        job_is_last = job_is_free and self.begun and self.job.attempts == MOST - 1
        alone = any(thing.claim is not None and thing.attempts == MOST for thing in (self.job, *self.parts.values()))
        if alone:
            assert not last & set(due.trajectories), "one last attempt at a time"
        elif not job_is_last:
            assert len(last & set(due.trajectories)) == min(1, len(last))
        untold = any(part.ended and not part.told for part in self.parts.values())
        if job_is_free and (untold or not self.begun or not self.open_parts):
            assert [job.id for job in due.jobs] == ([] if job_is_last and alone else [JOB])

    @rule()
    def cancel(self) -> None:
        assert self.do(self.store.cancel(job_id=JOB)) == (0 if self.job.ended else 1)
        if self.job.ended:
            return
        if not self.begun:
            self.end_job(JobStatus.CANCELLED)
            return
        self.status = JobStatus.CANCELLING
        for part in self.open_parts.values():
            part.stopping = True
            if part.claim is None:
                self.end_part(part)

    @precondition(lambda self: self.job.ended)
    @rule()
    def retry(self) -> None:
        again = self.do(self.store.retry(job_id=JOB))
        assert [job.id for job in again] == ([] if self.status is JobStatus.COMPLETED else [JOB])
        if again:
            # Old claims stay old, though the names come again.
            self.job = Thing(token=self.job.token, old=self.job.old)
            self.before = {**self.before, **self.parts}
            self.parts = {}
            self.begun = False
            self.status = JobStatus.QUEUED

    @invariant()
    def it_is_as_it_must_be(self) -> None:
        assert self.do(self.store.job(JOB)).status is self.status

    def everything_ends(self) -> None:
        """Whoever holds something dies now, and so does whoever takes it over."""
        for _ in range(2 * MOST + 2):
            if self.job.ended or not self.begun:
                break
            self.time_passes(2 * LEASE_S)
            self.reap()
            self.claim_job("a")
        if self.begun:
            assert self.job.ended
        events = self.do(self.store.events(JOB))
        assert [stored.sequence for stored in events] == list(range(1, len(events) + 1))
        assert sum(isinstance(stored.event, JobFinished) for stored in events) == self.ends
        if self.job.ended:
            assert self.do(self.store.gauges())["leases"] == 0


def check(url: str, examples: int) -> None:
    machine = type("LeasesHere", (Leases,), {"url": url})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_leases_on_sqlite(service_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "service.sqlite"
    shutil.copy(service_file, path)
    check(f"sqlite:///{path}", 25)


@pytest.mark.postgres
def test_leases_on_postgres(postgres_server: PostgresServer, service_template: str) -> None:
    name = postgres_server.create_database(template=service_template)
    try:
        check(postgres_server.url(name), 12)
    finally:
        postgres_server.drop_database(name)
