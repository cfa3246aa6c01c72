"""The counted words of concepts (`memory.terms`): a row for each version, written with its text in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, and_, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.memory.concept import Concept, ConceptStatus
from solvent.memory.terms import FORMAT, packed
from solvent.memory.texts import Outline
from solvent.workers.sql.postgres import hot
from solvent.workers.sql.rows import is_postgres
from solvent.workers.tables import concept, concept_snapshot_member, concept_terms

_FOUND = frozenset({ConceptStatus.ACTIVE.value, ConceptStatus.DEMOTED.value})


def _with_terms(query: Select[Any], id: Any, version: Any) -> Select[Any]:
    same = and_(concept_terms.c.concept_id == id, concept_terms.c.version == version, concept_terms.c.format == FORMAT)
    return query.outerjoin(concept_terms, same).add_columns(concept_terms.c.terms)


OF_CHANGES = hot(
    _with_terms(
        select(
            *(concept.c.id, concept.c.version, concept.c.name, concept.c.status, concept.c.change),
            *(concept.c.indexed_in, concept.c.indexed_version),
        ).select_from(concept),
        concept.c.id,
        concept.c.version,
    )
    .where(concept.c.namespace == bindparam("namespace"), concept.c.change > bindparam("after"))
    .order_by(concept.c.change)
    .limit(bindparam("most"))
)
"""Rows of outlines, by the last change: of a `namespace`, `after` a change, and at `most` so many."""

_member = concept_snapshot_member.c
OF_MEMBERS = hot(
    _with_terms(
        select(_member.concept_id, _member.version, concept_terms.c.name).select_from(concept_snapshot_member),
        _member.concept_id,
        _member.version,
    )
    .where(_member.snapshot_id == bindparam("snapshot"))
    .order_by(_member.concept_id)
)
"""Rows of ids, versions, names and terms of a `snapshot`'s members."""

_OF_A_MEMBER = 4
"""Columns of its rows."""

Made = Mapping[tuple[str, int], tuple[str, bytes]]
"""Names and terms, by id and version."""


def of_change(row: Any, made: Made) -> Outline:
    """Return the outline of a row of `OF_CHANGES`. Pure."""
    id, version, name, status, change, indexed_in, indexed_version, terms = row
    is_found = status in _FOUND
    if not is_found:
        terms = b""
    elif terms is None:
        terms = made[id, version][1]
    return Outline(id, version, name, is_found, change, indexed_in, indexed_version, terms)


def of_member(row: Any, made: Made) -> Outline:
    """Return the outline of a row of `OF_MEMBERS`. Pure."""
    id, version, name, terms = row
    if terms is None:
        name, terms = made[id, version]
    return Outline(id, version, name, True, 0, None, None, terms)


def lacking(rows: Sequence[Any]) -> list[tuple[str, int]]:
    """Return ids and versions of the rows whose terms are wanted and not there, of either query. Pure."""
    return [(row[0], row[1]) for row in rows if row[-1] is None and (len(row) == _OF_A_MEMBER or row[3] in _FOUND)]


def terms_of(concepts: Sequence[Concept]) -> list[dict[str, Any]]:
    """Return the rows of concepts. Pure."""
    return [
        {
            "concept_id": one.id,
            "version": one.version,
            "format": FORMAT,
            "name": one.content.name,
            "terms": packed(one.content.search_text),
        }
        for one in concepts
    ]


async def keep_terms(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, whatever is there: it says the same, or is of another format."""
    if rows:
        either = postgresql if is_postgres(connection) else sqlite
        statement = either.insert(concept_terms)
        kept = {name: statement.excluded[name] for name in ("format", "name", "terms")}
        place = ["concept_id", "version"]
        await connection.execute(statement.on_conflict_do_update(index_elements=place, set_=kept), list(rows))
