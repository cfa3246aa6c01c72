"""Utility of concepts: what each was worth, from jobs that are counted once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.workers.sql.engine import Database
from solvent.workers.sql.rows import is_postgres, now
from solvent.workers.tables import UTILITY_COUNTERS, concept_use, concept_utility, memory_job
from solvent.workers.utility import ConceptUse, ConceptUtility, JobUse, counts_of

_KEY = ("namespace", "concept_id", "version")
_CHUNK = 500


class SqlUtilityStore:
    """A `UtilityStore` in the service's database.

    Args:
        database: with the tables of this version.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_uses(self, job_id: str, uses: Sequence[ConceptUse], job: JobUse | None = None) -> int:
        """See `UtilityStore.record_uses`."""
        if not uses and job is None:
            return 0
        return await self._database.write(
            f"write down what concepts did for job {job_id!r}",
            lambda connection: _record(connection, job_id, uses, job),
        )

    async def jobs(self, namespace: str, *, limit: int = 100_000) -> Sequence[JobUse]:
        """See `UtilityStore.jobs`."""

        async def work(connection: AsyncConnection) -> Sequence[JobUse]:
            query = (
                select(memory_job)
                .where(memory_job.c.namespace == namespace)
                .order_by(memory_job.c.created_at.desc(), memory_job.c.job_id.desc())
                .limit(limit)
            )
            return [JobUse(**row) for row in reversed((await connection.execute(query)).mappings().all())]

        return await self._database.read(f"read what the memory did for jobs of {namespace!r}", work)

    async def rate(self, namespace: str, *, last: int = 200) -> tuple[int, int]:
        """See `UtilityStore.rate`."""

        async def work(connection: AsyncConnection) -> tuple[int, int]:
            query = (
                select(memory_job.c.solved)
                .where(memory_job.c.namespace == namespace, memory_job.c.solved.is_not(None))
                .order_by(memory_job.c.created_at.desc(), memory_job.c.job_id.desc())
                .limit(last)
            )
            found = (await connection.execute(query)).scalars().all()
            return sum(bool(solved) for solved in found), len(found)

        return await self._database.read(f"read how many jobs of {namespace!r} were solved", work)

    async def utility(self, namespace: str, concept_ids: Sequence[str] | None = None) -> Sequence[ConceptUtility]:
        """See `UtilityStore.utility`."""

        async def work(connection: AsyncConnection) -> Sequence[ConceptUtility]:
            query = select(concept_utility).where(concept_utility.c.namespace == namespace)
            query = query.order_by(concept_utility.c.concept_id, concept_utility.c.version)
            if concept_ids is None:
                rows = (await connection.execute(query)).mappings().all()
                return [ConceptUtility(**row) for row in rows]
            found: list[ConceptUtility] = []
            for start in range(0, len(concept_ids), _CHUNK):
                chunk = query.where(concept_utility.c.concept_id.in_(concept_ids[start : start + _CHUNK]))
                found.extend(ConceptUtility(**row) for row in (await connection.execute(chunk)).mappings())
            return found

        return await self._database.read(f"read what concepts of {namespace!r} were worth", work)

    async def uses(self, job_id: str) -> Sequence[ConceptUse]:
        """See `UtilityStore.uses`."""

        async def work(connection: AsyncConnection) -> Sequence[ConceptUse]:
            query = select(concept_use).where(concept_use.c.job_id == job_id)
            rows = await connection.execute(query.order_by(concept_use.c.namespace, concept_use.c.concept_id))
            return [
                ConceptUse(**{name: value for name, value in row.items() if name not in ("job_id", "created_at")})
                for row in rows.mappings()
            ]

        return await self._database.read(f"read what concepts did for job {job_id!r}", work)


async def _record(connection: AsyncConnection, job_id: str, uses: Sequence[ConceptUse], job: JobUse | None) -> int:
    time = await now(connection)
    make = postgresql_insert if is_postgres(connection) else sqlite_insert
    if job is not None:
        row = {**job.model_dump(mode="json"), "job_id": job_id, "created_at": time}
        await connection.execute(make(memory_job).values(row).on_conflict_do_nothing(index_elements=["job_id"]))
    if not uses:
        return 0
    first = {(use.namespace, use.concept_id): use for use in reversed(uses)}
    rows = [{**use.model_dump(), "job_id": job_id, "created_at": time} for use in first.values()]
    new = await connection.execute(
        make(concept_use)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["job_id", "namespace", "concept_id"])
        .returning(concept_use.c.namespace, concept_use.c.concept_id)
    )
    entered = {(row.namespace, row.concept_id) for row in new}
    sums: dict[tuple[str, str, int], dict[str, int]] = defaultdict(lambda: dict.fromkeys(UTILITY_COUNTERS, 0))
    for use in first.values():
        if (use.namespace, use.concept_id) in entered:
            total = sums[use.namespace, use.concept_id, use.version]
            for name, number in counts_of(use).items():
                total[name] += number
    # Several jobs end at once with the same concepts: their rows are locked in one order.
    for place in sorted(sums):
        await _add(connection, dict(zip(_KEY, place, strict=True)), sums[place], time)
    return len(entered)


async def _add(
    connection: AsyncConnection, place: Mapping[str, object], counts: Mapping[str, int], time: float
) -> None:
    make = postgresql_insert if is_postgres(connection) else sqlite_insert
    added = {name: concept_utility.c[name] + number for name, number in counts.items()}
    await connection.execute(
        make(concept_utility)
        .values(**place, **counts, updated_at=time)
        .on_conflict_do_update(index_elements=list(_KEY), set_={**added, "updated_at": time})
    )
