"""Concepts in the service's database: texts, versions, snapshots and counters (`memory.texts.ConceptTexts`)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any, TypeVar

from sqlalchemy import RowMapping, Select, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.errors import NotFound, StoreError
from solvent.memory.concept import (
    FORMAT,
    Concept,
    ConceptStatus,
    Snapshot,
    Utility,
    VersionRecord,
    read_stored,
)
from solvent.memory.texts import Edit, Namespace, Outline, Stored
from solvent.memory.texts_memory import (
    changed,
    made_before,
    name_taken,
    no_snapshot,
    refuse_changed,
    writable,
)
from solvent.workers.sql.concept_terms import (
    OF_CHANGES,
    OF_MEMBERS,
    Made,
    keep_terms,
    lacking,
    of_change,
    of_member,
    terms_of,
)
from solvent.workers.sql.engine import Database
from solvent.workers.sql.postgres import hot
from solvent.workers.sql.rows import database_time, is_postgres, now
from solvent.workers.tables import (
    concept,
    concept_namespace,
    concept_snapshot,
    concept_snapshot_member,
    concept_utility,
    concept_version,
    concept_write,
)

T = TypeVar("T")
_AT_ONCE = 400
"""Values of one statement; SQLite allows 32,766 and PostgreSQL 65,535 in all."""
_SIZES = (1, 10, 50, _AT_ONCE)
"""Of the statements that are built once: the ids that are too few are repeated."""


class SqlConceptTexts:
    """See `ConceptTexts`.

    Args:
        database: with its tables; closed with this where `owned`.
        owned: nobody else uses it.
    """

    def __init__(self, database: Database, *, owned: bool = False) -> None:
        self._database = database
        self._owned = owned

    async def namespaces(self) -> Sequence[Namespace]:
        """See `ConceptTexts`."""

        async def work(connection: AsyncConnection) -> list[Namespace]:
            rows = await connection.execute(select(concept_namespace).order_by(concept_namespace.c.id))
            return [_namespace(row) for row in rows.mappings()]

        return await self._database.read("read the namespaces of concepts", work)

    async def make_namespace(self, id: str, *, read_only: bool = False) -> Namespace:
        """See `ConceptTexts`."""

        async def work(connection: AsyncConnection) -> Namespace:
            row = {"id": id, "read_only": read_only, "created_at": database_time()}
            either = postgresql if is_postgres(connection) else sqlite
            statement = either.insert(concept_namespace).values(row)
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["id"], set_={"read_only": read_only})
            )
            return await _locked(connection, id)

        return await self._database.write(f"make the namespace {id!r}", work)

    async def write(
        self, namespace: str, edits: Sequence[Edit], *, once: str | None = None, at_change: int | None = None
    ) -> Sequence[Stored]:
        """See `ConceptTexts`."""

        async def work(connection: AsyncConnection) -> list[Stored]:
            space = writable(namespace, await _locked(connection, namespace))
            refuse_changed(space, at_change)
            if once is not None and await _written_as(connection, namespace, once) is not None:
                raise made_before(once)
            before = await _rows(connection, [edit.id for edit in edits])
            time = await now(connection)
            written = []
            for number, edit in enumerate(edits, space.last_change + 1):
                known = before.get(edit.id)
                made = changed(namespace, edit, known.concept if known else None, time)
                written.append(
                    Stored(
                        made,
                        number,
                        known.indexed_in if known else None,
                        known.indexed_version if known else None,
                    )
                )
            await _keep(connection, written, edits, before)
            await connection.execute(
                update(concept_namespace)
                .where(concept_namespace.c.id == namespace)
                .values(last_change=space.last_change + len(edits))
            )
            if once is not None:
                made_as = json.dumps([(one.concept.id, one.concept.version) for one in written])
                row = {"namespace": namespace, "key": once, "versions": made_as, "created_at": time}
                await connection.execute(insert(concept_write).values(row))
            return written

        return await self._database.write("write concepts", work)

    async def written_as(self, namespace: str, once: str) -> Sequence[tuple[str, int]] | None:
        """See `ConceptTexts`."""
        return await self._database.read(
            "look for a write of concepts", lambda connection: _written_as(connection, namespace, once)
        )

    async def size(self, namespace: str) -> tuple[int, int]:
        """See `ConceptTexts`."""
        gone = [ConceptStatus.ARCHIVED.value, ConceptStatus.DELETED.value]
        counted = select(func.count()).where(concept.c.namespace == namespace, concept.c.status.not_in(gone))
        changed_last = select(concept_namespace.c.last_change).where(concept_namespace.c.id == namespace)
        query = select(counted.scalar_subquery(), changed_last.scalar_subquery())

        async def work(connection: AsyncConnection) -> tuple[int, int]:
            number, last = (await connection.execute(query)).one()
            return int(number), int(last or 0)

        return await self._database.read("count concepts", work)

    async def get(self, ids: Sequence[str]) -> Mapping[str, Stored]:
        """See `ConceptTexts`."""
        return await self._database.read("read concepts", lambda connection: _rows(connection, ids))

    async def named(self, namespace: str, names: Sequence[str]) -> Mapping[str, Stored]:
        """See `ConceptTexts`."""

        async def work(connection: AsyncConnection) -> dict[str, Stored]:
            found: dict[str, Stored] = {}
            for part in _parts(names):
                query = select(concept).where(
                    concept.c.namespace == namespace,
                    concept.c.name.in_(part),
                    concept.c.status != ConceptStatus.DELETED.value,
                )
                rows = (await connection.execute(query)).mappings()
                found.update((one.concept.content.name, one) for one in map(_stored, rows))
            return found

        return await self._database.read("read concepts", work)

    async def at(self, versions: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], Concept]:
        """See `ConceptTexts`."""
        found: dict[tuple[str, int], Concept] = {}
        # Most that are asked for are the present ones.
        for part in _parts(versions):
            query, values = _present([id for id, _ in part])
            wanted = set(part)
            for row in await self._database.rows("read concepts", query, values):
                if (row[0], row[1]) in wanted:
                    found[row[0], row[1]] = _read(row[2], row[3])
        earlier = [version for version in versions if version not in found]

        async def work(connection: AsyncConnection) -> None:
            for part in _parts(earlier):
                same = [and_(concept_version.c.concept_id == id, concept_version.c.version == v) for id, v in part]
                rows = (await connection.execute(select(concept_version).where(or_(*same)))).mappings()
                found.update(((one.id, one.version), one) for one in map(_concept, rows))

        if earlier:
            await self._database.read("read concepts", work)
        return found

    async def changes(self, namespace: str, *, after: int, limit: int) -> Sequence[Stored]:
        """See `ConceptTexts`."""
        query = (
            select(concept)
            .where(concept.c.namespace == namespace, concept.c.change > after)
            .order_by(concept.c.change)
            .limit(limit)
        )

        async def work(connection: AsyncConnection) -> list[Stored]:
            return [_stored(row) for row in (await connection.execute(query)).mappings()]

        return await self._database.read("read the changes of concepts", work)

    async def outlines(self, namespace: str, *, after: int, limit: int) -> Sequence[Outline]:
        """See `ConceptTexts`."""
        values = {"namespace": namespace, "after": after, "most": limit}
        rows, made = await self._with_terms(OF_CHANGES, values)
        return [of_change(row, made) for row in rows]

    async def member_outlines(self, id: str) -> Sequence[Outline]:
        """See `ConceptTexts`."""
        rows, made = await self._with_terms(OF_MEMBERS, {"snapshot": id})
        return [of_member(row, made) for row in rows]

    async def _with_terms(self, query: Select[Any], values: Mapping[str, Any]) -> tuple[Sequence[Any], Made]:
        """Return a query's rows, and the terms that they lack: those are made from the texts, and kept part by part."""
        rows = await self._database.rows("read the words of concepts", query, values)
        made: dict[tuple[str, int], tuple[str, bytes]] = {}
        for part in _parts(lacking(rows)):
            concepts = list((await self.at(part)).values())
            fresh = await asyncio.to_thread(terms_of, concepts)
            await self._database.write("keep the words of concepts", partial(keep_terms, rows=fresh))
            made.update(((row["concept_id"], row["version"]), (row["name"], row["terms"])) for row in fresh)
        return rows, made

    async def history(self, id: str) -> Sequence[VersionRecord]:
        """See `ConceptTexts`."""
        query = select(concept_version).where(concept_version.c.concept_id == id).order_by(concept_version.c.version)

        async def work(connection: AsyncConnection) -> list[VersionRecord]:
            rows = (await connection.execute(query)).mappings()
            return [VersionRecord(action=row["action"], concept=_concept(row)) for row in rows]

        return await self._database.read("read the history of a concept", work)

    async def mark_indexed(self, collection: str | None, versions: Sequence[tuple[str, int]]) -> int:
        """See `ConceptTexts`."""

        async def work(connection: AsyncConnection) -> int:
            count = 0
            for part in _parts(versions):
                same = [and_(concept.c.id == id, concept.c.version == version) for id, version in part]
                marked = concept.c.version if collection is not None else None
                done = await connection.execute(
                    update(concept).where(or_(*same)).values(indexed_in=collection, indexed_version=marked)
                )
                count += done.rowcount
            return count

        return await self._database.write("note what is indexed", work)

    async def make_snapshot(self, namespace: str, id: str, versions: Sequence[tuple[str, int]], note: str) -> Snapshot:
        """See `ConceptTexts`."""

        async def work(connection: AsyncConnection) -> Snapshot:
            await _locked(connection, namespace)
            known = await _snapshot(connection, id)
            if known is not None:
                return known
            row = {"id": id, "namespace": namespace, "members": len(versions), "note": note}
            await connection.execute(insert(concept_snapshot).values(**row, created_at=database_time()))
            for part in _parts(versions):
                members = [{"snapshot_id": id, "concept_id": one, "version": version} for one, version in part]
                await connection.execute(insert(concept_snapshot_member), members)
            made = await _snapshot(connection, id)
            assert made is not None, "it was made"
            return made

        return await self._database.write("make a snapshot", work)

    async def snapshots(self, namespace: str) -> Sequence[Snapshot]:
        """See `ConceptTexts`."""
        query = (
            select(concept_snapshot)
            .where(concept_snapshot.c.namespace == namespace)
            .order_by(concept_snapshot.c.created_at.desc(), concept_snapshot.c.id)
        )

        async def work(connection: AsyncConnection) -> list[Snapshot]:
            return [Snapshot(**row) for row in (await connection.execute(query)).mappings()]

        return await self._database.read("read snapshots", work)

    async def snapshot(self, id: str) -> Snapshot:
        """See `ConceptTexts`."""
        found = await self._database.read("read a snapshot", lambda connection: _snapshot(connection, id))
        if found is None:
            raise no_snapshot(id)
        return found

    async def members(self, id: str) -> Sequence[Concept]:
        """See `ConceptTexts`."""
        query = (
            select(concept_version)
            .join(
                concept_snapshot_member,
                and_(
                    concept_snapshot_member.c.concept_id == concept_version.c.concept_id,
                    concept_snapshot_member.c.version == concept_version.c.version,
                ),
            )
            .where(concept_snapshot_member.c.snapshot_id == id)
            .order_by(concept_version.c.concept_id)
        )

        async def work(connection: AsyncConnection) -> list[Concept]:
            return [_concept(row) for row in (await connection.execute(query)).mappings()]

        return await self._database.read("read a snapshot", work)

    async def count(self, project: str, increments: Mapping[tuple[str, int], Utility]) -> None:
        """See `ConceptTexts`."""

        async def work(connection: AsyncConnection) -> None:
            either = postgresql if is_postgres(connection) else sqlite
            # In one order, so that two that count the same concepts wait for each other and never both.
            for (id, version), more in sorted(increments.items(), key=lambda pair: pair[0]):
                place = {"namespace": project, "concept_id": id, "version": version}
                row = {**place, "updated_at": database_time(), **more.model_dump()}
                sums = {name: concept_utility.c[name] + value for name, value in more.model_dump().items() if value}
                await connection.execute(
                    either.insert(concept_utility)
                    .values(row)
                    .on_conflict_do_update(index_elements=list(place), set_={**sums, "updated_at": database_time()})
                )

        await self._database.write("count what concepts were worth", work)

    async def utility(self, ids: Sequence[str], project: str | None = None) -> Mapping[str, Utility]:
        """See `ConceptTexts`."""
        names = list(Utility.model_fields)

        async def work(connection: AsyncConnection) -> dict[str, Utility]:
            found: dict[str, Utility] = {}
            for part in _parts(ids):
                query = (
                    select(
                        concept_utility.c.concept_id, *(func.sum(concept_utility.c[name]).label(name) for name in names)
                    )
                    .where(concept_utility.c.concept_id.in_(part))
                    .group_by(concept_utility.c.concept_id)
                )
                if project is not None:
                    query = query.where(concept_utility.c.namespace == project)
                for row in (await connection.execute(query)).mappings():
                    found[row["concept_id"]] = Utility(**{name: int(row[name]) for name in names})
            return found

        return await self._database.read("read what concepts were worth", work)

    async def aclose(self) -> None:
        """See `ConceptTexts`."""
        if self._owned:
            await self._database.aclose()


async def _locked(connection: AsyncConnection, id: str) -> Namespace:
    """Return a namespace; who changes its concepts does so one at a time, so that change numbers have no gaps."""
    query = select(concept_namespace).where(concept_namespace.c.id == id).with_for_update()
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound(f"there is no namespace {id!r} of concepts")
    return _namespace(row)


async def _written_as(connection: AsyncConnection, namespace: str, once: str) -> list[tuple[str, int]] | None:
    query = select(concept_write.c.versions).where(concept_write.c.namespace == namespace, concept_write.c.key == once)
    found = (await connection.execute(query)).scalar()
    return None if found is None else [(id, version) for id, version in json.loads(found)]


async def _rows(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    for part in _parts(ids):
        rows = (await connection.execute(select(concept).where(concept.c.id.in_(part)))).mappings()
        found.update((one.concept.id, one) for one in map(_stored, rows))
    return found


async def _keep(
    connection: AsyncConnection, written: Sequence[Stored], edits: Sequence[Edit], before: Mapping[str, Stored]
) -> None:
    """Write concepts and their versions. What gives a name free goes first."""
    await _refuse_taken_names(connection, written)
    order = sorted(written, key=lambda one: one.concept.status is not ConceptStatus.DELETED)
    for stored in order:
        if stored.concept.id in before:
            values = {name: value for name, value in _values(stored).items() if name not in {"id", "created_at"}}
            await connection.execute(update(concept).where(concept.c.id == stored.concept.id).values(values))
    fresh = [_values(stored) for stored in written if stored.concept.id not in before]
    for part in _parts(fresh):
        await connection.execute(insert(concept), list(part))
    versions = [
        {
            "concept_id": stored.concept.id,
            "version": stored.concept.version,
            "format": FORMAT,
            "action": edit.action,
            "body": stored.concept.model_dump_json(),
            "created_at": stored.concept.updated_at,
        }
        for stored, edit in zip(written, edits, strict=True)
    ]
    for rows in _parts(versions):
        await connection.execute(insert(concept_version), list(rows))
    for kept in _parts(terms_of([stored.concept for stored in written if stored.concept.is_found])):
        await keep_terms(connection, kept)


async def _refuse_taken_names(connection: AsyncConnection, written: Sequence[Stored]) -> None:
    """Refuse a name that another concept has after these writes. Raises Conflict."""
    changing = {stored.concept.id for stored in written}
    names: dict[str, str] = {}
    for stored in written:
        one = stored.concept
        if one.status is ConceptStatus.DELETED:
            continue
        if one.content.name in names:
            raise name_taken(one.namespace, one.content.name)
        names[one.content.name] = one.namespace
    for part in _parts(list(names)):
        query = select(concept.c.id, concept.c.name, concept.c.namespace).where(
            concept.c.namespace == names[part[0]],
            concept.c.name.in_(part),
            concept.c.status != ConceptStatus.DELETED.value,
        )
        for row in (await connection.execute(query)).mappings():
            if row["id"] not in changing:
                raise name_taken(row["namespace"], row["name"])


def _values(stored: Stored) -> dict[str, object]:
    one = stored.concept
    return {
        "id": one.id,
        "namespace": one.namespace,
        "name": one.content.name,
        "version": one.version,
        "format": FORMAT,
        "body": one.model_dump_json(),
        "status": one.status.value,
        "change": stored.change,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "indexed_in": stored.indexed_in,
        "indexed_version": stored.indexed_version,
    }


async def _snapshot(connection: AsyncConnection, id: str) -> Snapshot | None:
    row = (await connection.execute(select(concept_snapshot).where(concept_snapshot.c.id == id))).mappings().first()
    return None if row is None else Snapshot(**row)


def _namespace(row: RowMapping) -> Namespace:
    return Namespace(
        row["id"], read_only=bool(row["read_only"]), last_change=row["last_change"], created_at=row["created_at"]
    )


def _stored(row: RowMapping) -> Stored:
    return Stored(_concept(row), row["change"], row["indexed_in"], row["indexed_version"])


def _concept(row: RowMapping) -> Concept:
    return _read(row["format"], row["body"])


def _read(written_as: int, body: str) -> Concept:
    if written_as > FORMAT:
        raise StoreError(
            f"a concept is stored in format {written_as}, this version reads up to {FORMAT}", remedy="upgrade solvent"
        )
    return read_stored(body)


def _present(ids: Sequence[str]) -> tuple[Select[Any], dict[str, str]]:
    """Return what reads ids, versions, formats and bodies of these concepts, and its values. Pure."""
    size = next(size for size in _SIZES if size >= len(ids))
    return _present_of(size), {f"id_{number}": ids[min(number, len(ids) - 1)] for number in range(size)}


@cache
def _present_of(size: int) -> Select[Any]:
    columns = (concept.c.id, concept.c.version, concept.c.format, concept.c.body)
    return hot(select(*columns).where(concept.c.id.in_([bindparam(f"id_{number}") for number in range(size)])))


def _parts(values: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
