"""What k attempts at each problem say: pass@k with its interval, by family, and what it took. Pure.

pass@k is the unbiased estimator of M. Chen et al. 2021, "Evaluating Large Language Models Trained on Code", arXiv
2107.03374: of n attempts at a problem of which c are right, 1 - C(n-c, k) / C(n, k), averaged over the problems. The
interval is a percentile bootstrap over problems, since attempts at one problem are not independent of its difficulty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from solvent.agents.job import JobStatus, Outcome
from solvent.problems.problem import Verdict
from solvent.usage import Usage
from solvent.workers.records import BatchRecord, JobRecord

RESAMPLES = 2000
LEVEL = 0.95
_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class ProblemTally:
    """The attempts at one problem that ended."""

    custom_id: str
    tags: tuple[str, ...]
    attempts: int
    """Those that completed; a failed or cancelled one says nothing of the problem."""
    correct: int
    """By hidden tests or gold."""
    claimed: int
    """Solved by what the solver could see."""
    claimed_wrong: int
    """Solved by what the solver could see, and graded wrong."""
    graded: int
    usage: Usage
    wall_s: float


@dataclass(frozen=True)
class PassAtK:
    """An estimate of pass@k."""

    k: int
    value: float
    low: float
    high: float
    problems: int
    """Problems with at least k attempts, which it is the mean of."""


def pass_at_k(attempts: int, correct: int, k: int) -> float:
    """Return the probability that of k attempts drawn from these at least one is right.

    Raises:
        ValueError: there are fewer than k attempts, or the counts make no sense.
    """
    if not 1 <= k <= attempts or not 0 <= correct <= attempts:
        raise ValueError(f"{correct} of {attempts} attempts say nothing about {k}")
    return 1.0 - comb(attempts - correct, k) / comb(attempts, k)


def tally(jobs: Iterable[JobRecord], batch: BatchRecord) -> list[ProblemTally]:
    """Return the attempts by problem, in the batch's order."""
    found: dict[int, list[JobRecord]] = {}
    for job in jobs:
        if job.spec is not None:
            found.setdefault(batch.plan.place(job.position).problem, []).append(job)
    return [_tally(found[problem]) for problem in sorted(found)]


def _tally(jobs: Sequence[JobRecord]) -> ProblemTally:
    spec = jobs[0].spec
    assert spec is not None, "rows that could not be read were left out"
    results = [job.result for job in jobs if job.status is JobStatus.COMPLETED and job.result is not None]
    right = [result.grade is not None and result.grade.verdict is Verdict.AC for result in results]
    claimed = [result.outcome is Outcome.SOLVED for result in results]
    graded = [result.grade is not None for result in results]
    usage = Usage()
    for job in jobs:
        usage += job.usage
    return ProblemTally(
        custom_id=jobs[0].custom_id,
        tags=tags_of(jobs[0]),
        attempts=len(results),
        correct=sum(right),
        claimed=sum(claimed),
        claimed_wrong=sum(c and g and not r for c, g, r in zip(claimed, graded, right, strict=True)),
        graded=sum(graded),
        usage=usage,
        wall_s=sum(job.result.wall_s for job in jobs if job.result is not None),
    )


def tags_of(job: JobRecord) -> tuple[str, ...]:
    """Return what a problem is counted under: its family (metadata) first, then its tags."""
    if job.spec is None:
        return ()
    problem = job.spec.problem
    family = problem.metadata.get("family")
    return tuple(dict.fromkeys([*([str(family)] if family else []), *problem.tags]))


def steps_to(k: int) -> list[int]:
    """Return the k that are reported: 1, 2, 4, 8, ... and the last."""
    found = [1]
    while found[-1] * 2 < k:
        found.append(found[-1] * 2)
    return sorted({*found, k})


def estimates(tallies: Sequence[ProblemTally], ks: Sequence[int], seed: int = 0) -> list[PassAtK]:
    """Return pass@k for each k that some problem has enough attempts for."""
    found = []
    for k in ks:
        values = [pass_at_k(each.attempts, each.correct, k) for each in tallies if each.attempts >= k]
        if values:
            low, high = bootstrap(values, seed)
            found.append(PassAtK(k, float(np.mean(values)), low, high, len(values)))
    return found


def bootstrap(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """Return a percentile bootstrap interval (95 %) of the mean."""
    drawn = np.random.default_rng(seed)
    data = np.asarray(values, dtype=float)
    means: list[float] = []
    while len(means) < RESAMPLES:
        rows = min(RESAMPLES - len(means), max(1, _AT_ONCE // len(data)))
        means.extend(data[drawn.integers(0, len(data), (rows, len(data)))].mean(axis=1).tolist())
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def report(batch: BatchRecord, jobs: Sequence[JobRecord]) -> dict[str, Any]:
    """Return the whole report of a benchmark as JSON values."""
    tallies = tally(jobs, batch)
    ks = steps_to(batch.plan.attempts)
    usage = Usage()
    for each in tallies:
        usage += each.usage
    by_tag: dict[str, list[ProblemTally]] = {}
    for each in tallies:
        for tag in each.tags:
            by_tag.setdefault(tag, []).append(each)
    ended = [job for job in jobs if job.result is not None or job.error]
    return {
        "attempts": batch.plan.attempts,
        "problems": len(tallies),
        "unreadable": sum(job.spec is None for job in jobs),
        "ended": len(ended),
        "incomplete": sum(job.spec is not None for job in jobs) - sum(each.attempts for each in tallies),
        "graded": sum(each.graded for each in tallies),
        "estimator": "unbiased pass@k, arXiv 2107.03374; 95 % bootstrap over problems",
        "pass_at": _estimates_json(estimates(tallies, ks, batch.seed)),
        "claimed": sum(each.claimed for each in tallies),
        "claimed_wrong": sum(each.claimed_wrong for each in tallies),
        "by_tag": {
            tag: {"problems": len(group), "pass_at": _estimates_json(estimates(group, ks, batch.seed))}
            for tag, group in sorted(by_tag.items())
        },
        "usage": {**usage.model_dump(), "tokens": usage.tokens},
        "job_wall_s": round(sum(each.wall_s for each in tallies), 3),
        "per_problem": [
            {
                "custom_id": each.custom_id,
                "attempts": each.attempts,
                "correct": each.correct,
                "claimed": each.claimed,
                "tokens": each.usage.tokens,
                "tags": list(each.tags),
            }
            for each in tallies
        ],
    }


def _estimates_json(found: Sequence[PassAtK]) -> list[Mapping[str, float | int]]:
    return [
        {"k": e.k, "value": round(e.value, 4), "low": round(e.low, 4), "high": round(e.high, 4), "problems": e.problems}
        for e in found
    ]
