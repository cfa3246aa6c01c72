"""Rows of artifacts: whose they are, how large, of what type."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.workers.artifact_register import ArtifactRow, OwnedArtifact
from solvent.workers.sql.engine import Database
from solvent.workers.sql.rows import is_postgres, now
from solvent.workers.tables import artifact, job, job_artifact

_CHUNK = 500


class SqlArtifactRegister:
    """An `ArtifactRegister` in the service's database.

    Args:
        database: with the tables of this version.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, artifacts: Sequence[OwnedArtifact]) -> None:
        """See `ArtifactRegister.note`."""
        for start in range(0, len(artifacts), _CHUNK):
            chunk = artifacts[start : start + _CHUNK]

            async def work(connection: AsyncConnection, chunk: Sequence[OwnedArtifact] = chunk) -> None:
                await _note(connection, chunk)

            await self._database.write("write down artifacts", work)

    async def find(self, artifact_id: str, *, project: str | None = None) -> ArtifactRow | None:
        """See `ArtifactRegister.find`."""

        async def work(connection: AsyncConnection) -> ArtifactRow | None:
            owned = select(job_artifact.c.job_id).where(job_artifact.c.artifact_id == artifact_id)
            if project is not None:
                owned = owned.join(job, job.c.id == job_artifact.c.job_id).where(job.c.project == project)
            query = _rows().where(artifact.c.id == artifact_id, owned.exists())
            row = (await connection.execute(query)).mappings().first()
            return None if row is None else ArtifactRow(**row)

        return await self._database.read("look up an artifact", work)

    async def of_job(self, job_id: str) -> Sequence[ArtifactRow]:
        """See `ArtifactRegister.of_job`."""

        async def work(connection: AsyncConnection) -> Sequence[ArtifactRow]:
            of_job = select(job_artifact.c.artifact_id).where(job_artifact.c.job_id == job_id)
            query = _rows().where(artifact.c.id.in_(of_job)).order_by(artifact.c.created_at, artifact.c.id)
            return [ArtifactRow(**row) for row in (await connection.execute(query)).mappings()]

        return await self._database.read(f"list the artifacts of job {job_id!r}", work)

    async def unknown(self, ids: Sequence[str]) -> Sequence[str]:
        """See `ArtifactRegister.unknown`."""

        async def work(connection: AsyncConnection) -> set[str]:
            query = select(job_artifact.c.artifact_id).where(job_artifact.c.artifact_id.in_(ids))
            return {row.artifact_id for row in await connection.execute(query)}

        known = await self._database.read("look up artifacts", work)
        return [id_ for id_ in ids if id_ not in known]


def _rows() -> Select[tuple[str, int, str, float, int]]:
    owners = select(func.count()).where(job_artifact.c.artifact_id == artifact.c.id).correlate(artifact)
    columns = artifact.c.id, artifact.c.size_bytes, artifact.c.media_type, artifact.c.created_at
    return select(*columns, owners.scalar_subquery().label("jobs"))


async def _note(connection: AsyncConnection, artifacts: Sequence[OwnedArtifact]) -> None:
    make = postgresql_insert if is_postgres(connection) else sqlite_insert
    # Locked, so that a job that is being deleted either has the row deleted with it, or is gone.
    named = sorted({one.job_id for one in artifacts})
    query = select(job.c.id).where(job.c.id.in_(named)).order_by(job.c.id).with_for_update(read=True, key_share=True)
    there = {row.id for row in await connection.execute(query)}
    kept = [one for one in artifacts if one.job_id in there]
    if not kept:
        return
    time = await now(connection)
    # In the order of their ids: two that write the same rows at once then wait for each other in one order.
    rows = {
        one.id: {"id": one.id, "size_bytes": one.size_bytes, "media_type": one.media_type, "created_at": time}
        for one in reversed(kept)
    }
    missing = sorted(rows)
    while missing:
        new = make(artifact).values([rows[id_] for id_ in missing])
        await connection.execute(new.on_conflict_do_nothing(index_elements=["id"]))
        # Those that were there are locked by nobody yet: a sweep may have deleted one since.
        found = select(artifact.c.id).where(artifact.c.id.in_(rows)).order_by(artifact.c.id)
        locked = {row.id for row in await connection.execute(found.with_for_update(read=True, key_share=True))}
        missing = [id_ for id_ in sorted(rows) if id_ not in locked]
    owners = sorted({(one.job_id, one.id) for one in kept})
    await connection.execute(
        make(job_artifact)
        .values([{"job_id": job_id, "artifact_id": id_} for job_id, id_ in owners])
        .on_conflict_do_nothing(index_elements=["job_id", "artifact_id"])
    )
