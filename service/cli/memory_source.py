"""Where `solvent memory` reads: the memory of this machine, or that of a server (`solvent --url URL`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from solvent.errors import NotFound
from solvent.service.cli.options import load_settings

if TYPE_CHECKING:
    from solvent.memory.concept import Concept, Utility, VersionRecord
    from solvent.memory.results import Hit
    from solvent.memory.store import ConceptStore
    from solvent.service.client import Client
    from solvent.workers.memory_report import MemoryReport

Value = TypeVar("Value")
READING = frozenset({"search", "show", "list", "history", "report"})
"""Verbs that work against a server."""
Counted = tuple["Concept", "Utility | None"]


class Source(Protocol):
    """What the reading verbs are answered from. All methods raise as those of `ConceptStore`."""

    def search(self, text: str, *, limit: int, snapshot: str | None) -> Sequence[Hit]:
        """See `ConceptStore.search`."""
        ...

    def concepts(self, *, namespace: str | None, archived: bool) -> Sequence[Counted]:
        """Return concepts by name, with their counters."""
        ...

    def concept(self, name_or_id: str, *, version: int | None) -> Counted:
        """Return a concept with its counters."""
        ...

    def history(self, name_or_id: str) -> Sequence[VersionRecord]:
        """Return all versions, oldest first."""
        ...

    def report(self, *, top: int) -> MemoryReport:
        """See `read_report`."""
        ...


def open_source(project: str) -> Source:
    """Return where to read: what `--url` says. Raises ConfigError."""
    from solvent.service.cli.remote import server_url

    if server_url() is None:
        return LocalSource(project)
    from solvent.service.cli.backend import open_server

    # The project of a key is the server's business; only a server without keys is told one.
    server = click.get_current_context().with_resource(open_server())
    return ServerSource(server, None if project == "default" else project)


def refuse_writing(verb: str | None) -> None:
    """Refuse a verb that a server does not take. Raises click.UsageError."""
    from solvent.service.cli.remote import server_url

    if verb is not None and verb not in READING and server_url() is not None:
        raise click.UsageError(
            f"`solvent memory {verb}` works where the memory's database is, not over HTTP; "
            f"{', '.join(sorted(READING))} do (leave --url out or unset SOLVENT_URL, and name the database with "
            "SOLVENT_DATABASE_URL)"
        )


def with_store(project: str, work: Callable[[ConceptStore], Awaitable[Value]]) -> Value:
    """Do something with the project's memory on this machine."""
    from solvent.workers.concept_memory import concept_store

    async def run() -> Value:
        async with concept_store(load_settings(), project) as store:
            return await work(store)

    return asyncio.run(run())


@dataclass(frozen=True)
class LocalSource:
    """See `Source`."""

    project: str

    def search(self, text: str, *, limit: int, snapshot: str | None) -> Sequence[Hit]:
        """See `Source`."""
        return with_store(self.project, lambda store: store.search(text, limit=limit, snapshot=snapshot))

    def concepts(self, *, namespace: str | None, archived: bool) -> Sequence[Counted]:
        """See `Source`."""

        async def read(store: ConceptStore) -> Sequence[Counted]:
            concepts = await store.list(namespace=namespace, archived=archived)
            counted = await store.utility([one.id for one in concepts])
            return [(one, counted.get(one.id)) for one in concepts]

        return with_store(self.project, read)

    def concept(self, name_or_id: str, *, version: int | None) -> Counted:
        """See `Source`."""

        async def read(store: ConceptStore) -> Counted:
            found = await store.get(name_or_id, version=version)
            return found, (await store.utility([found.id])).get(found.id)

        return with_store(self.project, read)

    def history(self, name_or_id: str) -> Sequence[VersionRecord]:
        """See `Source`."""
        return with_store(self.project, lambda store: store.history(name_or_id))

    def report(self, *, top: int) -> MemoryReport:
        """See `Source`."""
        from solvent.workers.concept_memory import open_concept_memory
        from solvent.workers.memory_report import read_report

        async def read() -> MemoryReport:
            memory = await open_concept_memory(load_settings())
            try:
                return await read_report(memory, self.project, top=top)
            finally:
                await memory.aclose()

        return asyncio.run(read())


@dataclass(frozen=True)
class ServerSource:
    """See `Source`."""

    client: Client
    project: str | None

    def search(self, text: str, *, limit: int, snapshot: str | None) -> Sequence[Hit]:
        """See `Source`."""
        from solvent.memory.results import Hit

        rows = self._page(query=text, limit=limit, snapshot=snapshot)["data"]
        return [Hit(_counted(row)[0], **row["match"]) for row in rows]

    def concepts(self, *, namespace: str | None, archived: bool) -> Sequence[Counted]:
        """See `Source`."""
        found: list[Counted] = []
        cursor = None
        while True:
            page = self._page(namespace=namespace, archived=archived, limit=1000, cursor=cursor)
            found.extend(map(_counted, page["data"]))
            cursor = page["next"]
            if cursor is None:
                return found

    def concept(self, name_or_id: str, *, version: int | None) -> Counted:
        """See `Source`."""
        return _counted(self.client.concept(self._id(name_or_id), project=self.project, version=version))

    def history(self, name_or_id: str) -> Sequence[VersionRecord]:
        """See `Source`."""
        from solvent.memory.concept import VersionRecord

        rows = self.client.concept_history(self._id(name_or_id), project=self.project)
        return [VersionRecord(action=row["action"], concept=_counted(row["concept"])[0]) for row in rows]

    def report(self, *, top: int) -> MemoryReport:
        """See `Source`."""
        from solvent.agents.tolerant import read_tolerantly
        from solvent.workers.memory_report import MemoryReport

        return read_tolerantly(MemoryReport, self.client.memory_report(project=self.project, top=top))

    def _id(self, name_or_id: str) -> str:
        if name_or_id.startswith("con-"):
            return name_or_id
        rows = self._page(name=name_or_id)["data"]
        if not rows:
            raise NotFound(f"there is no concept {name_or_id!r}")
        return str(rows[0]["id"])

    def _page(self, **asked: Any) -> dict[str, Any]:
        return self.client.concepts(project=self.project, **asked)


def _counted(row: dict[str, Any]) -> Counted:
    """Return a concept of a server's answer; what a newer server says beside it is left out."""
    from solvent.agents.tolerant import read_tolerantly
    from solvent.memory.concept import Concept, Utility

    fields = {name: value for name, value in row.items() if name not in ("utility", "match")}
    counted = row.get("utility")
    return read_tolerantly(Concept, fields), None if counted is None else read_tolerantly(Utility, counted)
