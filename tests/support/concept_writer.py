"""A process that adds concepts, looks for each, and joins some into one that all writers share."""

from __future__ import annotations

import asyncio
import json
import sys

from solvent.benchmarks.memory import open_store
from solvent.errors import Conflict
from solvent.memory.concept import ConceptKind, Content
from solvent.memory.store import ConceptStore


async def join(store: ConceptStore, use: str) -> None:
    """Add a use to the shared concept, again and again until no other writer was between."""
    content = Content(
        name="shared concept", kind=ConceptKind.ROUTINE, summary="what all writers change", used_in=(use,)
    )
    while True:
        try:
            await store.import_all([content])
        except Conflict:
            continue
        return


async def main(database: str, url: str, writer: int, count: int) -> None:
    store = await open_store(database, url)
    missed = []
    for number in range(count):
        name = f"writer {writer} concept {number}"
        content = Content(name=name, kind=ConceptKind.ROUTINE, summary=f"what writer {writer} knows of {number}")
        await store.add(content)
        if number % 5 == 0:
            await join(store, f"p{writer}-{number}")
        if name not in [hit.concept.content.name for hit in await store.search(name)]:
            missed.append(name)
    await store.aclose()
    sys.stdout.write(json.dumps({"written": count, "missed": missed}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
