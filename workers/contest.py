"""A contest as its rows tell it: what was handed in when, and who tries again. Pure.

Times are seconds from the contest's start, which is when its batch began, by the store's clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue

from solvent.agents.job import Grade, JobResult, JobStatus, Outcome
from solvent.models.base import Role
from solvent.problems.problem import Verdict
from solvent.workers.batch_plan import Contest, Place, attempt_seed
from solvent.workers.records import BatchRecord, JobRecord


@dataclass(frozen=True)
class Entry:
    """What the jobs of a team are run with."""

    strategy: str
    parameters: dict[str, JsonValue]
    model: str
    model_for: dict[Role, str]
    seed: int


def entry_of(batch: BatchRecord, team: int) -> Entry:
    """Return what a team plays with: its own choices, else the batch's."""
    teams = batch.plan.contest.teams if batch.plan.contest is not None else ()
    if not teams:
        return Entry(batch.strategy, batch.parameters, batch.model, batch.model_for, batch.seed)
    own = teams[team]
    strategy = own.strategy or batch.strategy
    # Parameters belong to a strategy: those of the batch mean nothing to another one.
    shared = batch.parameters if strategy == batch.strategy else {}
    model_for = own.model_for or ({} if own.model else batch.model_for)
    seed = batch.seed if own.seed is None else own.seed
    return Entry(strategy, {**shared, **own.parameters}, own.model or batch.model, model_for, seed)


class Ruling(StrEnum):
    """What the contest makes of an attempt."""

    WAITING = "waiting"
    """It has not ended."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """Counts as a wrong submission."""
    PARTIAL = "partial"
    """Some tests were passed (score)."""
    WITHHELD = "withheld"
    """Nothing was handed in: no answer, one that fails a public test, or one that was rejected before."""
    LATE = "late"
    """Handed in after the end."""
    VOID = "void"
    """The judge failed, or nothing could judge it: counts neither way."""


@dataclass(frozen=True)
class Submission:
    """One attempt of a team at a problem."""

    job_id: str
    place: Place
    ruling: Ruling
    time_s: float | None = None
    """When it was handed in; None while it was not."""
    verdict: Verdict | None = None
    share: float = 0.0
    """Share of the hidden tests that it passes."""
    spent_nothing: bool = False
    """It never came to a model call: there is no budget left."""
    ended_s: float | None = None
    """When the attempt ended, handed in or not."""


def started_at(batch: BatchRecord) -> float:
    """Return when the contest began, Unix time."""
    return datetime.fromisoformat(batch.begun_at or batch.created_at).timestamp()


def submissions(batch: BatchRecord, jobs: Iterable[JobRecord]) -> list[Submission]:
    """Return all attempts, in the order in which they were handed in; what was not comes last."""
    contest, begun = _contest(batch), started_at(batch)
    chains: defaultdict[tuple[int, int], list[JobRecord]] = defaultdict(list)
    for job in sorted(jobs, key=lambda each: each.position):
        if job.spec is not None:
            place = batch.plan.place(job.position)
            chains[place.team, place.problem].append(job)
    found: list[Submission] = []
    for chain in chains.values():
        rejected: set[str] = set()
        for job in chain:
            made = _submission(contest, batch.plan.place(job.position), job, begun, rejected)
            if made.ruling in {Ruling.REJECTED, Ruling.PARTIAL} and job.result and job.result.answer:
                rejected.add(job.result.answer.text)
            found.append(made)
    return sorted(found, key=lambda each: (each.time_s is None, each.time_s or 0.0, each.place))


def _submission(contest: Contest, place: Place, job: JobRecord, begun: float, rejected: set[str]) -> Submission:
    result = job.result
    if result is None or job.finished_at is None:
        ended = job.status in {JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED}
        return Submission(job.id, place, Ruling.WITHHELD if ended else Ruling.WAITING, spent_nothing=ended)
    time_s = max(0.0, datetime.fromisoformat(job.finished_at).timestamp() - begun)
    if result.status is not JobStatus.COMPLETED or not hands_in(contest, result) or _text(result) in rejected:
        nothing = result.usage.model_calls == 0
        return Submission(job.id, place, Ruling.WITHHELD, spent_nothing=nothing, ended_s=time_s)
    ruling, share = _ruling(contest, result.grade, time_s)
    verdict = None if result.grade is None else result.grade.verdict
    return Submission(job.id, place, ruling, time_s, verdict, share, ended_s=time_s)


def _ruling(contest: Contest, grade: Grade | None, time_s: float) -> tuple[Ruling, float]:
    """Return what the contest makes of a grade, and the share of the tests that were passed."""
    if grade is None or grade.verdict is Verdict.IE:
        return Ruling.VOID, 0.0
    accepted = grade.verdict is Verdict.AC
    share = 1.0 if accepted else grade.passed / grade.total if grade.total else 0.0
    if time_s > contest.duration_s:
        return Ruling.LATE, share
    if accepted:
        return Ruling.ACCEPTED, share
    return (Ruling.PARTIAL if contest.rules == "score" and share > 0 else Ruling.REJECTED), share


def hands_in(contest: Contest, result: JobResult) -> bool:
    """Return whether a team hands in what its strategy selected; hidden tests have no say in it."""
    if result.answer is None:
        return False
    if result.outcome is Outcome.SOLVED or not contest.verified_only:
        return True
    return all(test.verdict is Verdict.AC for test in result.evidence.public_tests)


def _text(result: JobResult) -> str | None:
    return result.answer.text if result.answer else None


def next_attempts(batch: BatchRecord, jobs: Sequence[JobRecord], now: float) -> list[JobRecord]:
    """Return the attempts that follow: for each team and problem whose last one ended and was not accepted.

    There is none where the attempts are used up, the contest is over, or the last one found no budget.
    """
    contest, plan = _contest(batch), batch.plan
    if now - started_at(batch) >= contest.duration_s:
        return []
    by_position = {job.position: job for job in jobs}
    last: dict[tuple[int, int], Submission] = {}
    done: set[tuple[int, int]] = set()
    for one in sorted(submissions(batch, jobs), key=lambda each: each.place.attempt):
        key = (one.place.team, one.place.problem)
        last[key] = one
        if one.ruling is Ruling.ACCEPTED:
            done.add(key)
    following = []
    for key, one in sorted(last.items()):
        goes_on = one.ruling in {Ruling.REJECTED, Ruling.PARTIAL, Ruling.WITHHELD, Ruling.VOID}
        place = one.place._replace(attempt=one.place.attempt + 1)
        if key in done or not goes_on or one.spent_nothing or place.attempt >= contest.attempts:
            continue
        before = by_position[plan.position(one.place)]
        if before.status is JobStatus.COMPLETED and plan.position(place) not in by_position:
            following.append(attempt_job(batch, before, place))
    return following


def attempt_job(batch: BatchRecord, before: JobRecord, place: Place) -> JobRecord:
    """Return a further attempt at the problem of another; its id follows from that of the first one."""
    assert before.spec is not None, "a row that could not be read is tried by nobody"
    id = f"{before.id.removesuffix(f'-a{place.attempt}')}-a{place.attempt + 1}"
    seed = attempt_seed(entry_of(batch, place.team).seed, place.attempt)
    return JobRecord(
        id=id,
        batch_id=batch.id,
        position=batch.plan.position(place),
        custom_id=before.custom_id,
        key_id=before.key_id,
        project=before.project,
        queue=before.queue,
        spec=before.spec.model_copy(update={"id": id, "seed": seed, "attempt": place.attempt + 1, "also": ()}),
        created_at=before.created_at,
    )


def _contest(batch: BatchRecord) -> Contest:
    contest = batch.plan.contest
    if contest is None:
        raise ValueError(f"batch {batch.id!r} is no contest")
    return contest


def by_team(found: Iterable[Submission]) -> Mapping[tuple[int, int], Sequence[Submission]]:
    """Return attempts by team and problem, in the order given."""
    chains: defaultdict[tuple[int, int], list[Submission]] = defaultdict(list)
    for one in found:
        chains[one.place.team, one.place.problem].append(one)
    return chains
