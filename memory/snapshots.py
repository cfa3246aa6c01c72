"""Snapshots: what searches saw at one moment, kept for good."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from solvent.errors import NotFound
from solvent.memory.concept import Concept, ConceptStatus, Snapshot
from solvent.memory.holding import Holding
from solvent.memory.results import Difference
from solvent.memory.shelf import vector_id


class Snapshots(Holding):
    """The verbs of snapshots."""

    async def snapshot(self, note: str = "") -> Snapshot:
        """Keep what searches see now, of the project's namespace and the shared ones.

        Its id is that of its content: the same concepts have the same snapshot.
        """
        members = sorted(
            (one.concept.id, one.concept.version)
            for part in [await self._all(namespace) for namespace in (self.project, *self.shared)]
            for one in part
            if one.concept.status is ConceptStatus.ACTIVE
        )
        told = "\n".join([self.project, *(vector_id(*member) for member in members)])
        id = "snap-" + hashlib.sha256(told.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]
        await self._ensure(self.project)
        return await self._texts.make_snapshot(self.project, id, members, note)

    async def snapshots(self) -> Sequence[Snapshot]:
        """Return the project's snapshots, newest first."""
        return await self._texts.snapshots(self.project)

    async def members(self, snapshot: str) -> Sequence[Concept]:
        """Return a snapshot's concepts. Raises NotFound."""
        await self._own_snapshot(snapshot)
        return await self._texts.members(snapshot)

    async def _own_snapshot(self, id: str) -> None:
        if (await self._texts.snapshot(id)).namespace != self.project:
            raise NotFound(f"there is no snapshot {id!r}")

    async def diff(self, before: str, after: str | None = None) -> Difference:
        """Return what changed from one snapshot to another, or to now. Raises NotFound."""
        old = {one.id: one for one in await self.members(before)}
        if after is None:
            own = {
                one.id: one
                for namespace in (self.project, *self.shared)
                for one in await self.list(namespace=namespace)
                if one.status is ConceptStatus.ACTIVE
            }
        else:
            own = {one.id: one for one in await self.members(after)}
        return Difference(
            added=sorted(one.content.name for id, one in own.items() if id not in old),
            removed=sorted(one.content.name for id, one in old.items() if id not in own),
            changed=sorted(one.content.name for id, one in own.items() if id in old and old[id].version != one.version),
        )
