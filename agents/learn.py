"""From a job that ended to the concepts that it teaches (after ArcMemo, arXiv 2509.04439): summarise, abstract, write.

Only what the evidence verified teaches: programs that pass the public tests, or that enough independent trajectories
agree with. Hidden tests and gold answers play no part: the grade is never looked at, and prompts show the public view.

Every step is a call of the job with a key of its own, and the write is made once: a run that is gone through again pays
nothing twice and writes nothing twice.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from solvent.agents.abstraction import Abstraction
from solvent.agents.events import LearnedEvent
from solvent.agents.job import JobResult
from solvent.agents.learned import Learned, LearnedStatus
from solvent.agents.learning_calls import NothingLeftError
from solvent.agents.lessons import lesson_of
from solvent.agents.recalled import LIVE
from solvent.errors import MemoryUnavailable, ProviderError, ProviderUnavailable, StoreError

if TYPE_CHECKING:
    from solvent.agents.job_parts import PreparedJob


async def learn_from(job: PreparedJob, result: JobResult) -> Learned:
    """Write what a job that ended teaches into its project's memory; the grade of its result is ignored.

    Doing it again, after a crash at any point, comes to the same end and spends nothing again. What the calls took is
    counted on the job's ledger.

    Raises:
        MemoryUnavailable: the index or the embedder does not answer; another try may succeed.
        StoreError: a database does not answer; as before.
        ProviderUnavailable: the model's endpoint is away; as before.
    """
    learner = job.deps.learner
    if learner is None:
        return Learned(status=LearnedStatus.NOT_WRITTEN, note="no memory is open here")
    lesson = lesson_of(result, learner.rules)
    if isinstance(lesson, str):
        return Learned(status=LearnedStatus.NOTHING, note=lesson)
    writing = Abstraction(job, learner, lesson)
    refusal = writing.refusal()
    if refusal is not None:
        return Learned(status=LearnedStatus.NOT_WRITTEN, note=refusal)
    try:
        return writing.learned(await writing.write())
    except NothingLeftError as end:
        return Learned(status=LearnedStatus.NOT_WRITTEN, tokens=writing.tokens, note=f"budget: {end}")
    except ProviderError as error:
        if isinstance(error, ProviderUnavailable):
            raise
        note = f"the role abstract failed: {error.message}"
        return Learned(status=LearnedStatus.NOT_WRITTEN, tokens=writing.tokens, note=note)


async def learn_now(job: PreparedJob, result: JobResult, *, left_s: float | None = None) -> Learned:
    """Learn once, where nobody tries again: what does not answer is told, not raised; see `learn_from`.

    Args:
        job: that ended.
        result: how.
        left_s: seconds until its deadline.
    """
    try:
        async with asyncio.timeout(left_s):
            return await learn_from(job, result)
    except TimeoutError:
        return Learned(status=LearnedStatus.NOT_WRITTEN, note="budget: deadline")
    except (MemoryUnavailable, StoreError, ProviderUnavailable) as error:
        return Learned(status=LearnedStatus.NOT_WRITTEN, note=error.message)


async def with_learned(job: PreparedJob, result: JobResult, *, left_s: float | None = None) -> JobResult:
    """Return a result with what its job taught, which is written now, and with what that took; reports it too.

    A job whose policy is not `live` has its result as it is.
    """
    if job.spec.memory != LIVE:
        return result
    learned = await learn_now(job, result, left_s=left_s)
    job.report(LearnedEvent, learned=learned)
    usage = await job.deps.ledger.usage(job.spec.id)
    return result.model_copy(update={"learned": learned, "usage": usage})


def awaiting(job: PreparedJob, result: JobResult) -> JobResult:
    """Return the result of a job of policy `live` with what is to be written by another worker, or why nothing is."""
    learner = job.deps.learner
    if job.spec.memory != LIVE or learner is None:
        return result
    lesson = lesson_of(result, learner.rules)
    if isinstance(lesson, str):
        learned = Learned(status=LearnedStatus.NOTHING, note=lesson)
    else:
        learned = Learned(status=LearnedStatus.PENDING)
    return result.model_copy(update={"learned": learned})
