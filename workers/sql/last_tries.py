"""The last two attempts are made one at a time, so that a job that takes its workers down takes few others with it.

When a worker dies, whatever it held has one attempt less and is sent again at about the same time, so that it may meet
on the next worker. With poison among it that one dies too, and in the end attempts would run out for all of it. So of
all that has one or two attempts left, one thing at a time is sent. The very last attempt is made alone in its process
as well (`workers.lease.Keeper`): another poison job's earlier attempt may still have cost it the last but one.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.workers.tables import TrajectoryStatus, job, lease, trajectory

LAST = 2
"""So many attempts are made one at a time."""
FEWEST = 2
"""So many are not, where there are that many: else one death would do it for everything that a worker held."""


def has_more(attempts: ColumnElement[int], max_attempts: int) -> ColumnElement[bool]:
    """Return the condition that the next attempt of a thing is none of the last."""
    return attempts < max(max_attempts - LAST, FEWEST)


async def one_under_way(connection: AsyncConnection, max_attempts: int, *, sent_after: float) -> bool:
    """Return whether one of the last attempts is being made, or a message for one was sent after that time."""
    runs = (
        select(trajectory.c.name)
        .join(lease, (lease.c.job_id == trajectory.c.job_id) & (lease.c.trajectory == trajectory.c.name))
        .where(trajectory.c.ended_at.is_(None), ~has_more(trajectory.c.attempts - 1, max_attempts))
    )
    advances = (
        select(job.c.id)
        .join(lease, (lease.c.job_id == job.c.id) & (lease.c.trajectory == ""))
        .where(job.c.ended_at.is_(None), ~has_more(job.c.attempts - 1, max_attempts))
    )
    will_run = select(trajectory.c.name).where(
        trajectory.c.ended_at.is_(None),
        trajectory.c.status == TrajectoryStatus.QUEUED.value,
        trajectory.c.sent_at > sent_after,
        ~has_more(trajectory.c.attempts, max_attempts),
    )
    will_advance = select(job.c.id).where(
        job.c.begun_at.is_not(None),
        job.c.ended_at.is_(None),
        job.c.awake_since.is_not(None),
        job.c.sent_at > sent_after,
        ~has_more(job.c.attempts, max_attempts),
    )
    one = or_(runs.exists(), advances.exists(), will_run.exists(), will_advance.exists())
    return bool((await connection.execute(select(one))).scalar_one())
