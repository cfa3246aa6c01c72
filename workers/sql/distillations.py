"""What is to be distilled, in the service's database; see `Distillations`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.learned import Learned, LearnedStatus
from solvent.usage import Usage
from solvent.workers.distillations import DistilClaim, Lessons
from solvent.workers.row_values import error_text
from solvent.workers.service_records import LeaseLostError
from solvent.workers.sql import journal
from solvent.workers.sql.engine import Database
from solvent.workers.sql.rows import is_postgres, now, usage_values
from solvent.workers.tables import DistillationStatus, distillation, job, job_content

NEWEST = 500
"""Jobs whose results are looked at for a report."""


async def queue_distillation(connection: AsyncConnection, job_id: str, time: float) -> None:
    """Queue what a job taught, whose end is stored in this transaction; its message counts as sent."""
    either = postgresql if is_postgres(connection) else sqlite
    row = {"job_id": job_id, "status": DistillationStatus.QUEUED.value, "created_at": time, "sent_at": time}
    await connection.execute(either.insert(distillation).values(row).on_conflict_do_nothing(index_elements=["job_id"]))


class SqlDistillations:
    """`Distillations` in the service's database.

    Args:
        database: with the tables of this version.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, job_id: str, *, holder: str, lease_s: float) -> DistilClaim | None:
        """See `Distillations`."""

        async def work(connection: AsyncConnection) -> DistilClaim | None:
            time = await now(connection)
            taken = await connection.execute(
                update(distillation)
                .where(
                    distillation.c.job_id == job_id,
                    distillation.c.ended_at.is_(None),
                    or_(distillation.c.expires_at.is_(None), distillation.c.expires_at <= time),
                )
                .values(
                    status=DistillationStatus.RUNNING.value,
                    attempts=distillation.c.attempts + 1,
                    token=distillation.c.token + 1,
                    holder=holder,
                    expires_at=time + lease_s,
                )
                .returning(distillation.c.token, distillation.c.attempts)
            )
            row = taken.first()
            return None if row is None else DistilClaim(job_id, holder, int(row.token), int(row.attempts))

        return await self._database.write(f"claim the distillation of job {job_id!r}", work)

    async def beat(self, claim: DistilClaim, *, lease_s: float) -> bool:
        """See `Distillations`."""

        async def work(connection: AsyncConnection) -> bool:
            time = await now(connection)
            return await _change(connection, claim, expires_at=time + lease_s)

        return await self._database.write("prolong a distillation", work)

    async def end(self, claim: DistilClaim, learned: Learned, usage: Usage) -> None:
        """See `Distillations`."""

        async def work(connection: AsyncConnection) -> None:
            # The job first, as everywhere.
            await connection.execute(select(job.c.id).where(job.c.id == claim.job_id).with_for_update(key_share=True))
            if not await _change(connection, claim, **_ended(await now(connection))):
                raise LeaseLostError(f"the distillation of job {claim.job_id!r} is not held here any more")
            await _tell(connection, claim.job_id, learned, usage)

        await self._database.write(f"end the distillation of job {claim.job_id!r}", work)

    async def give_back(
        self, claim: DistilClaim, *, counts: bool = False, error: Mapping[str, str | None] | None = None
    ) -> None:
        """See `Distillations`."""

        async def work(connection: AsyncConnection) -> None:
            time = await now(connection)
            tally: dict[str, object] = {"sent_at": time} if counts else {"sent_at": None, "attempts": 0}
            if error is not None:
                tally["last_error"] = error_text(error)
            await _change(connection, claim, **_FREE, **tally)

        await self._database.write(f"give back the distillation of job {claim.job_id!r}", work)

    async def due(self, *, max_attempts: int, unseen_s: float, limit: int = 1000) -> Sequence[str]:
        """See `Distillations`."""
        return await self._database.write(
            "look for what is to be distilled",
            lambda connection: _due(connection, max_attempts=max_attempts, unseen_s=unseen_s, limit=limit),
        )

    async def lessons(self, project: str) -> Lessons:
        """See `Distillations`."""
        return await self._database.read("count lessons", lambda connection: _lessons(connection, project))


_FREE = {"status": DistillationStatus.QUEUED.value, "holder": None, "expires_at": None}


def _ended(time: float) -> dict[str, object]:
    return {"status": DistillationStatus.ENDED.value, "holder": None, "expires_at": None, "ended_at": time}


async def _change(connection: AsyncConnection, claim: DistilClaim, **values: object) -> bool:
    """Change what a claim is for; returns whether it is still held."""
    changed = await connection.execute(
        update(distillation)
        .where(
            distillation.c.job_id == claim.job_id,
            distillation.c.token == claim.token,
            distillation.c.holder == claim.holder,
            distillation.c.ended_at.is_(None),
        )
        .values(**values)
    )
    return changed.rowcount == 1


async def _tell(connection: AsyncConnection, job_id: str, learned: Learned, usage: Usage | None) -> None:
    """Put what was learned into the result of a locked job; what else a later version wrote there stays."""
    query = select(job_content.c.result).where(job_content.c.job_id == job_id)
    text = (await connection.execute(query)).scalar()
    if text is None:
        return
    result = json.loads(text)
    result["learned"] = learned.model_dump(mode="json")
    if usage is not None:
        result["usage"] = usage.model_dump(mode="json")
        await connection.execute(update(job).where(job.c.id == job_id).values(usage_values(usage)))
    told = update(job_content).where(job_content.c.job_id == job_id).values(result=json.dumps(result))
    await connection.execute(told)


async def _due(connection: AsyncConnection, *, max_attempts: int, unseen_s: float, limit: int) -> Sequence[str]:
    time = await now(connection)
    lapsed = distillation.c.ended_at.is_(None), distillation.c.expires_at <= time
    await connection.execute(update(distillation).where(*lapsed).values(**_FREE, sent_at=None))
    waiting = distillation.c.ended_at.is_(None), distillation.c.expires_at.is_(None)
    poison = select(distillation).where(*waiting, distillation.c.attempts >= max_attempts).limit(limit)
    for row in (await connection.execute(poison)).mappings().all():
        await _fail(connection, row["job_id"], row["attempts"], row["last_error"], time)
    unseen = or_(distillation.c.sent_at.is_(None), distillation.c.sent_at <= time - unseen_s)
    query = select(distillation.c.job_id).where(*waiting, unseen).order_by(distillation.c.created_at).limit(limit)
    ids = [row.job_id for row in await connection.execute(query)]
    if ids:
        await connection.execute(update(distillation).where(distillation.c.job_id.in_(ids)).values(sent_at=time))
    return ids


async def _fail(connection: AsyncConnection, job_id: str, attempts: int, last_error: str | None, time: float) -> None:
    """End a distillation that was begun too often, unless somebody claims it at this moment."""
    locked = select(job.c.id).where(job.c.id == job_id).with_for_update(key_share=True, skip_locked=True)
    if (await connection.execute(locked)).first() is None:
        return
    still = (
        distillation.c.job_id == job_id,
        distillation.c.ended_at.is_(None),
        distillation.c.expires_at.is_(None),
    )
    if (await connection.execute(update(distillation).where(*still).values(**_ended(time)))).rowcount != 1:
        return
    cause = json.loads(last_error).get("message") if last_error else "its workers ended without a word"
    note = f"it was begun {attempts} times and never ended; the last cause: {cause}"
    spent = await journal.spent(connection, job_id)
    learned = Learned(status=LearnedStatus.FAILED, note=note)
    # On SQLite the account is not in this database.
    await _tell(connection, job_id, learned, spent if spent.model_calls else None)


async def _lessons(connection: AsyncConnection, project: str) -> Lessons:
    time = await now(connection)
    oldest = func.min(distillation.c.created_at).label("oldest")
    counted = (
        select(distillation.c.status, func.count().label("lessons"), oldest)
        .select_from(distillation.join(job, job.c.id == distillation.c.job_id))
        .where(distillation.c.ended_at.is_(None), job.c.project == project)
        .group_by(distillation.c.status)
    )
    open_now = {row.status: row for row in await connection.execute(counted)}
    queued, running = (open_now.get(status.value) for status in (DistillationStatus.QUEUED, DistillationStatus.RUNNING))
    newest = (
        select(job.c.id)
        .where(job.c.project == project)
        .order_by(job.c.submitted_at.desc(), job.c.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    took = func.avg(distillation.c.ended_at - distillation.c.created_at)
    mean_s = (await connection.execute(select(took).where(distillation.c.job_id.in_(select(newest.c.id))))).scalar()
    results = select(job_content.c.result).where(job_content.c.job_id.in_(select(newest.c.id)))
    texts = (await connection.execute(results)).scalars().all()
    learned = [found for text in texts if text and (found := json.loads(text).get("learned"))]
    return Lessons(
        waiting=queued.lessons if queued is not None else 0,
        running=running.lessons if running is not None else 0,
        oldest_waiting_s=None if queued is None else max(0.0, time - queued.oldest),
        jobs=len(texts),
        ended=dict(sorted(Counter(one["status"] for one in learned if one["status"] != LearnedStatus.PENDING).items())),
        tokens=sum(one.get("tokens", 0) for one in learned),
        mean_s=mean_s,
    )
