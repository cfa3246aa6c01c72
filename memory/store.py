"""The concept memory: every verb over the texts, the vectors and an embedder (docs/decisions/0019-concept-memory.md).

Texts are written first and are the truth; vectors follow and can always be made again from them.
"""

from __future__ import annotations

from solvent.memory.searching import Searching
from solvent.memory.upkeep import Upkeep
from solvent.memory.writing import Writing


class ConceptStore(Searching, Writing, Upkeep):
    """The memory of one project. Safe for concurrent use on one event loop, and beside other processes.

    Args:
        texts: where the concepts are.
        vectors: finds the near ones.
        embedder: makes their vectors.
        project: whose it is; its namespace has the same name, and counters are its own.
        shared: namespaces that are searched as well and not written to.
    """

    async def aclose(self) -> None:
        """Close texts, vectors and embedder; safe to call twice."""
        await self._vectors.aclose()
        await self._embedder.aclose()
        await self._texts.aclose()
