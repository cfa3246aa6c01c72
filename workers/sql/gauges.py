"""Counts for metrics and scaling; what has ended is left out, so that they cost what is open."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.workers.sql.rows import now
from solvent.workers.tables import distillation, job, lease, trajectory


async def gauges(connection: AsyncConnection) -> Mapping[str, float]:
    """See `ServiceStore.gauges`."""
    time = await now(connection)
    found: dict[str, float] = {}
    jobs = (
        select(job.c.queue, job.c.status, func.count().label("jobs"), func.min(job.c.submitted_at).label("oldest"))
        .where(job.c.ended_at.is_(None))
        .group_by(job.c.queue, job.c.status)
    )
    for row in await connection.execute(jobs):
        found[f'jobs{{queue="{row.queue}",status="{row.status}"}}'] = float(row.jobs)
        if row.status == "queued":
            found[f'oldest_queued_seconds{{queue="{row.queue}"}}'] = max(0.0, time - row.oldest)
    trajectories = (
        select(trajectory.c.status, func.count().label("trajectories"))
        .where(trajectory.c.ended_at.is_(None))
        .group_by(trajectory.c.status)
    )
    for row in await connection.execute(trajectories):
        found[f'trajectories{{status="{row.status}"}}'] = float(row.trajectories)
    lessons = (
        select(
            distillation.c.status, func.count().label("lessons"), func.min(distillation.c.created_at).label("oldest")
        )
        .where(distillation.c.ended_at.is_(None))
        .group_by(distillation.c.status)
    )
    for row in await connection.execute(lessons):
        found[f'distillations{{status="{row.status}"}}'] = float(row.lessons)
        if row.status == "queued":
            found["oldest_distillation_seconds"] = max(0.0, time - row.oldest)
    counted = select(func.count(), func.count(func.distinct(lease.c.holder))).select_from(lease)
    leases, holders = (await connection.execute(counted)).one()
    return {**found, "leases": float(leases), "holders": float(holders)}
