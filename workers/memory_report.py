"""What a project's memory was worth: growth, hit rate, uplift, the learning curve, its concepts. Pure but for reading.

The baseline is the jobs whose concepts were held out by chance: the same prompts with an empty memory. Both sorts are
jobs for which something was chosen, so that like is compared with like. Solved is what public evidence says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict

from solvent.memory.concept import Concept, ConceptStatus
from solvent.memory.trial import Evidence, TrialPolicy, harm_probability
from solvent.memory.uplift import Rate, Uplift, uplift
from solvent.workers.distillations import Lessons
from solvent.workers.trials import evidence_of
from solvent.workers.utility import Arm, ConceptUtility, JobUse

if TYPE_CHECKING:
    from solvent.workers.concept_memory import ConceptMemory

Point = TypeVar("Point")
_POINTS = 100
"""Most points of a curve."""
WINDOW = 25
"""Jobs that a moving rate is of."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GrowthPoint(_Value):
    """How many concepts there were."""

    time: float
    """Seconds since 1970 (UTC)."""
    concepts: int
    """That searches find."""


class CurvePoint(_Value):
    """How many jobs were solved up to a place in the order in which they ended."""

    jobs: int
    """That ended solved or unsolved so far."""
    rate: float
    """Of all of them."""
    moving: float
    """Of the last 25."""
    shown: float | None
    """Of those that were given what was chosen for them."""
    held_out: float | None
    """Of those that were held out."""


class ConceptWorth(_Value):
    """What one concept was worth, as it reads now."""

    id: str
    name: str
    status: ConceptStatus
    version: int
    retrieved: int
    chosen: int
    cited: int
    uplift: Uplift
    harm: float
    """Probability that it lowers the rate of solved jobs."""


class MemoryReport(_Value):
    """See the module."""

    project: str
    hold_out: float
    """Share of jobs that is held out now."""
    concepts: dict[str, int]
    """By status."""
    jobs: dict[str, int]
    """With a memory policy, by what they were given (`Arm`)."""
    hit_rate: float | None
    """Jobs for which something was chosen, of those whose memory answered."""
    cite_rate: float | None
    """Jobs whose answer cites a concept, of those that were shown one."""
    uplift: Uplift
    tokens_with: float | None
    """Mean of the jobs that were given what was chosen, and of those that were held out."""
    tokens_without: float | None
    lessons: Lessons | None = None
    """What became of what jobs taught; None where it is not known."""
    growth: list[GrowthPoint]
    curve: list[CurvePoint]
    top: list[ConceptWorth]
    """Best first: by the jobs that it solved more than its absence did."""
    worst: list[ConceptWorth]
    """That were tried with and without, and are more likely to do harm than not, worst first."""


async def read_report(memory: ConceptMemory, project: str, *, top: int = 10) -> MemoryReport:
    """Read what was counted, and report it with at most so many of the best and of the worst concepts.

    Raises:
        StoreError: the database does not answer.
    """
    store, trial = memory.of(project), memory.trial(project)
    concepts = await store.everything()
    jobs = await trial.utility.jobs(project)
    counted = await trial.utility.utility(project)
    shared = await store.found([row.concept_id for row in counted])
    known = {one.id: one for one in (*shared, *concepts)}
    lessons = await memory.lessons(project)
    return report_of(project, trial.policy, jobs, list(known.values()), counted, top=top, lessons=lessons)


def report_of(
    project: str,
    policy: TrialPolicy,
    jobs: Sequence[JobUse],
    concepts: Sequence[Concept],
    counted: Iterable[ConceptUtility],
    *,
    top: int = 10,
    lessons: Lessons | None = None,
) -> MemoryReport:
    """Return the report. Pure.

    Args:
        project: whose.
        policy: of its trials.
        jobs: in the order in which they ended.
        concepts: also archived and deleted ones, of the project and the shared ones that it was given.
        counted: the project's counters.
        top: most concepts of each list.
        lessons: what became of what its jobs taught.
    """
    arms = {arm: [job for job in jobs if job.arm is arm] for arm in Arm}
    with_it, without = arms[Arm.SHOWN], arms[Arm.HELD_OUT]
    answered = len(jobs) - len(arms[Arm.AWAY])
    shown = [job for job in jobs if job.shown]
    rate = rate_of(jobs)
    worth = worth_of(policy, concepts, counted, (rate.solved + 1) / (rate.tried + 2))
    return MemoryReport(
        project=project,
        hold_out=policy.hold_out,
        concepts={status.value: sum(one.status is status for one in concepts) for status in ConceptStatus},
        jobs={arm.value: len(found) for arm, found in arms.items()},
        hit_rate=(len(with_it) + len(without)) / answered if answered else None,
        cite_rate=sum(job.cited > 0 for job in shown) / len(shown) if shown else None,
        uplift=uplift(rate_of(with_it), rate_of(without)),
        tokens_with=_mean_tokens(with_it),
        tokens_without=_mean_tokens(without),
        lessons=lessons,
        growth=growth_of(concepts),
        curve=curve_of(jobs),
        top=worth[:top],
        worst=sorted(
            (one for one in worth if one.harm > 0.5 and one.uplift.value is not None),
            key=lambda one: (-one.harm, one.name),
        )[:top],
    )


def rate_of(jobs: Iterable[JobUse]) -> Rate:
    """Return how many were solved, of those that ended solved or unsolved."""
    ended = [job.solved for job in jobs if job.solved is not None]
    return Rate(solved=sum(ended), tried=len(ended))


def growth_of(concepts: Iterable[Concept]) -> list[GrowthPoint]:
    """Return how many concepts there were from each time on; one that is gone is so since its last change."""
    steps: list[tuple[float, int]] = []
    for concept in concepts:
        steps.append((concept.created_at, 1))
        if not concept.is_found:
            steps.append((concept.updated_at, -1))
    number, points = 0, []
    for time, step in sorted(steps):
        number += step
        points.append(GrowthPoint(time=time, concepts=number))
    return _thinned(points)


def curve_of(jobs: Iterable[JobUse]) -> list[CurvePoint]:
    """Return the rate of solved jobs over their order."""
    solved: list[bool] = []
    by_arm: Mapping[Arm, list[bool]] = {arm: [] for arm in Arm}
    points = []
    for job in jobs:
        if job.solved is None:
            continue
        solved.append(job.solved)
        by_arm[job.arm].append(job.solved)
        last = solved[-WINDOW:]
        points.append(
            CurvePoint(
                jobs=len(solved),
                rate=sum(solved) / len(solved),
                moving=sum(last) / len(last),
                shown=_share(by_arm[Arm.SHOWN]),
                held_out=_share(by_arm[Arm.HELD_OUT]),
            )
        )
    return _thinned(points)


def worth_of(
    policy: TrialPolicy, concepts: Iterable[Concept], counted: Iterable[ConceptUtility], rate: float
) -> list[ConceptWorth]:
    """Return what concepts that came up were worth, best first."""
    rows: dict[str, list[ConceptUtility]] = {}
    for row in counted:
        rows.setdefault(row.concept_id, []).append(row)
    found = [(one, evidence_of(one, rows[one.id])) for one in concepts if one.id in rows]
    worth = [_worth(policy, concept, evidence, rows[concept.id], rate) for concept, evidence in found]
    return sorted(worth, key=lambda one: (-_gained(one), -one.chosen, one.name))


def _worth(
    policy: TrialPolicy, concept: Concept, evidence: Evidence, rows: Sequence[ConceptUtility], rate: float
) -> ConceptWorth:
    return ConceptWorth(
        id=concept.id,
        name=concept.content.name,
        status=concept.status,
        version=concept.version,
        retrieved=sum(row.retrieved for row in rows),
        chosen=sum(row.chosen for row in rows),
        cited=sum(row.cited for row in rows),
        uplift=uplift(
            Rate(solved=evidence.solved_with, tried=evidence.with_it),
            Rate(solved=evidence.solved_without, tried=evidence.without),
        ),
        harm=round(harm_probability(policy, evidence, rate), 4),
    )


def _gained(one: ConceptWorth) -> float:
    return 0.0 if one.uplift.value is None else one.uplift.value * one.uplift.with_it.tried


def _mean_tokens(jobs: Sequence[JobUse]) -> float | None:
    return sum(job.tokens for job in jobs) / len(jobs) if jobs else None


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def _thinned(points: list[Point]) -> list[Point]:
    """Return at most so many points as a curve needs, with the last one."""
    step = -(-len(points) // _POINTS)
    return points if step <= 1 else [*points[step - 1 : -1 : step], points[-1]]
