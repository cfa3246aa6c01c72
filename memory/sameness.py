"""Which proposed concepts are others under another name: by spelling, by what others are also called, by likeness.

Likeness only chooses whom to ask about; somebody confirms it. docs/benchmarks-memory.md has what it finds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from solvent.memory.concept import Concept, Content
from solvent.memory.proposals import Proposal, alike, also_called, plain_name, representatives
from solvent.memory.store import ConceptStore

Confirm = Callable[[Content, Content], Awaitable[bool]]
"""Says whether two concepts are the same under two names."""
NEAR = 12
"""Concepts that a new one is compared with: the first of a search with all that it will be found by."""
MOST_ASKED = 2
"""Of those, about how many at most it is asked whether they are the same."""


async def find_same(
    store: ConceptStore, proposals: Sequence[Proposal], confirm: Confirm | None, likeness: float
) -> dict[str, str]:
    """Return which representatives are concepts that are there, or each other, with those names.

    Args:
        store: the project's memory.
        proposals: see `representatives`.
        confirm: is asked about those that are alike; None: names alone decide.
        likeness: from which on it is asked; see `likeness_of`.

    Raises:
        MemoryUnavailable: likenesses cannot be looked up.
    """
    chosen = representatives(proposals)
    there = await store.named(list(chosen))
    same: dict[str, str] = {}
    for name, proposal in chosen.items():
        if name in there:
            continue
        near = await store.near(proposal.content, limit=NEAR)
        named = _of_its_name(proposal.content, near)
        if named is not None:
            same[name] = named.content.name
            continue
        for concept in await _likest(store, proposal.content, near, likeness) if confirm is not None else ():
            if confirm is not None and await confirm(proposal.content, concept.content):
                same[name] = concept.content.name
                break
    fresh = [name for name in chosen if name not in there and name not in same]
    if confirm is not None and len(fresh) > 1:
        same.update(await _among(store, {name: chosen[name] for name in fresh}, confirm, likeness))
    return same


def _of_its_name(content: Content, near: Sequence[Concept]) -> Concept | None:
    """Return the concept that has this name in another spelling, else one that was joined with this name before."""
    name = plain_name(content.name)
    spelled = next((one for one in near if plain_name(one.content.name) == name), None)
    if spelled is not None:
        return spelled
    return next((one for one in near if alike(one.content, content) and name in also_called(one.content)), None)


async def _likest(store: ConceptStore, content: Content, near: Sequence[Concept], least: float) -> list[Concept]:
    """Return whom to ask about, the likest first."""
    candidates = [one for one in near if alike(one.content, content)]
    if not candidates:
        return []
    (row, *_) = await likeness_of(store, [content, *(one.content for one in candidates)])
    ranked = sorted(zip(row[1:], candidates, strict=True), key=lambda pair: (-pair[0], pair[1].content.name))
    return [one for score, one in ranked if score >= least][:MOST_ASKED]


async def _among(store: ConceptStore, fresh: Mapping[str, Proposal], confirm: Confirm, least: float) -> dict[str, str]:
    """Return which of several new concepts are one: each but the best founded, with that one's name."""
    ranked = sorted(fresh, key=lambda name: (fresh[name].rank, name))
    likeness = await likeness_of(store, [fresh[name].content for name in ranked])
    same: dict[str, str] = {}
    for place, name in enumerate(ranked):
        for earlier in range(place):
            kept = ranked[earlier]
            if kept in same or not alike(fresh[kept].content, fresh[name].content):
                continue
            if likeness[place][earlier] >= least and await confirm(fresh[name].content, fresh[kept].content):
                same[name] = kept
                break
    return same


async def likely_pairs(store: ConceptStore, least: float) -> list[tuple[float, Concept, Concept]]:
    """Return pairs of the project's concepts that may be one under two names, the likest first; one search for each.

    Raises:
        MemoryUnavailable: likenesses cannot be looked up.
    """
    found: dict[tuple[str, str], tuple[float, Concept, Concept]] = {}
    for concept in await store.list():
        near = [one for one in await store.near(concept.content, limit=NEAR) if one.id != concept.id]
        near = [one for one in near if alike(one.content, concept.content)]
        if not near:
            continue
        (row, *_) = await likeness_of(store, [concept.content, *(one.content for one in near)])
        for score, other in zip(row[1:], near, strict=True):
            if score >= least:
                first, second = sorted((concept, other), key=lambda one: (one.created_at, one.content.name))
                found[first.id, second.id] = (score, first, second)
    return sorted(found.values(), key=lambda pair: (-pair[0], pair[1].content.name, pair[2].content.name))


async def likeness_of(store: ConceptStore, contents: Sequence[Content]) -> list[list[float]]:
    """Return the likeness of each content with each, from -1 to 1.

    It is the mean of two cosines: of what they say, and of that together with the statements that they come from. Of
    concepts of the same statements it is the first alone: what one problem teaches is not the same for that.

    Raises:
        MemoryUnavailable: the embedder does not answer.
    """
    bare = [content.model_copy(update={"statements": ()}) for content in contents]
    cosines = await store.likeness([*bare, *contents])
    count = len(contents)
    return [
        [
            cosines[row][column]
            if one.statements == other.statements
            else (cosines[row][column] + cosines[count + row][count + column]) / 2
            for column, other in enumerate(contents)
        ]
        for row, one in enumerate(contents)
    ]
