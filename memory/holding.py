"""What a project's memory holds, as it stands in the texts: the ground of all other verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from solvent.errors import ConfigError, NotFound
from solvent.memory.concept import Concept, ConceptStatus, Utility, VersionRecord
from solvent.memory.embed import Embedder
from solvent.memory.shelf import PAGE, LiveShelf
from solvent.memory.texts import ConceptTexts, Namespace, Stored
from solvent.memory.vectors import VectorIndex

DEFAULT_PROJECT = "default"


class Holding:
    """The verbs that read texts alone; see `ConceptStore` for the arguments."""

    def __init__(
        self,
        texts: ConceptTexts,
        vectors: VectorIndex,
        embedder: Embedder,
        *,
        project: str = DEFAULT_PROJECT,
        shared: Sequence[str] = (),
    ) -> None:
        self.project = project
        self.shared = tuple(name for name in dict.fromkeys(shared) if name != project)
        self._texts = texts
        self._vectors = vectors
        self._embedder = embedder
        self._live: dict[str, LiveShelf] = {}
        self._there: set[str] = set()

    async def get(self, name_or_id: str, *, version: int | None = None) -> Concept:
        """Return a concept by its id, or by its name in the project's namespace and then in the shared ones.

        Raises:
            NotFound: there is none; a deleted one is found by id and version only.
        """
        found = (await self._texts.get([name_or_id])).get(name_or_id)
        for namespace in (self.project, *self.shared) if found is None else ():
            found = (await self._texts.named(namespace, [name_or_id])).get(name_or_id)
            if found is not None:
                break
        if found is not None and found.concept.namespace in (self.project, *self.shared):
            if version is not None:
                at = await self._texts.at([(found.concept.id, version)])
                if at:
                    return at[found.concept.id, version]
            elif found.concept.status is not ConceptStatus.DELETED:
                return found.concept
        what = f"version {version} of a concept" if version is not None else "a concept"
        raise NotFound(
            f"there is no {what.removeprefix('a ')} {name_or_id!r}", remedy="`solvent memory list` shows them"
        )

    async def found(self, ids: Sequence[str]) -> Sequence[Concept]:
        """Return the concepts of these ids that the project sees and that are not deleted, by id."""
        stored = await self._texts.get(list(dict.fromkeys(ids)))
        seen = (self.project, *self.shared)
        concepts = [stored[id].concept for id in sorted(stored)]
        return [one for one in concepts if one.namespace in seen and one.status is not ConceptStatus.DELETED]

    async def named(self, names: Sequence[str], *, shared: bool = False) -> Mapping[str, Concept]:
        """Return concepts of these names that are not deleted: the project's own, or those of the shared namespaces."""
        found: dict[str, Concept] = {}
        for namespace in self.shared if shared else (self.project,):
            for name, one in (await self._texts.named(namespace, names)).items():
                found.setdefault(name, one.concept)
        return found

    async def everything(self) -> Sequence[Concept]:
        """Return all concepts of the project's own namespace by id, also archived and deleted ones."""
        return [one.concept for one in await self._all(self.project)]

    async def list(self, *, namespace: str | None = None, archived: bool = False) -> Sequence[Concept]:
        """Return a namespace's concepts (the project's own by default) by name: active, demoted, and archived ones."""
        wanted = {ConceptStatus.ACTIVE, ConceptStatus.DEMOTED, *([ConceptStatus.ARCHIVED] if archived else [])}
        found = [one.concept for one in await self._all(namespace or self.project) if one.concept.status in wanted]
        return sorted(found, key=lambda concept: concept.content.name)

    async def size(self) -> tuple[int, int]:
        """See `ConceptTexts.size`."""
        return await self._texts.size(self.project)

    async def utility(self, ids: Sequence[str]) -> Mapping[str, Utility]:
        """Return the project's counters of the concepts that have some."""
        return await self._texts.utility(ids, self.project)

    async def history(self, name_or_id: str) -> Sequence[VersionRecord]:
        """Return all versions of a concept, oldest first; a deleted one is found by its id.

        Raises:
            NotFound: there is none.
        """
        records = await self._texts.history(name_or_id)
        if not records:
            records = await self._texts.history((await self.get(name_or_id)).id)
        if records[0].concept.namespace not in (self.project, *self.shared):
            raise NotFound(f"there is no concept {name_or_id!r}")
        return records

    async def namespaces(self) -> Sequence[Namespace]:
        """Return all namespaces of the texts."""
        return await self._texts.namespaces()

    async def share(self, namespace: str, *, read_only: bool) -> Namespace:
        """Make a namespace, and say whether its concepts may be changed."""
        return await self._texts.make_namespace(namespace, read_only=read_only)

    async def _own(self, name_or_id: str) -> Concept:
        concept = await self.get(name_or_id)
        if concept.namespace != self.project:
            raise ConfigError(
                f"{concept.content.name!r} belongs to the shared namespace {concept.namespace!r}",
                remedy="it can be read here, not changed",
            )
        return concept

    async def _ensure(self, namespace: str) -> None:
        # A namespace is never taken away.
        if namespace not in self._there:
            if namespace not in {one.id for one in await self._texts.namespaces()}:
                await self._texts.make_namespace(namespace)
            self._there.add(namespace)

    async def _all(self, namespace: str) -> Sequence[Stored]:
        found: dict[str, Stored] = {}
        after = 0
        while part := await self._texts.changes(namespace, after=after, limit=PAGE):
            found.update((one.concept.id, one) for one in part)
            after = part[-1].change
        return [found[id] for id in sorted(found)]

    def _shelf(self, namespace: str) -> LiveShelf:
        if namespace not in self._live:
            self._live[namespace] = LiveShelf(namespace, self._texts, self._vectors, self._embedder)
        return self._live[namespace]
