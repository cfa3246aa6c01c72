"""Brings proposals into a project's memory: screened, joined with what is there, within its size, and once.

A concept that is another under a new name is found by its likeness, and joined only where somebody confirms it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from solvent.errors import Conflict, DataError
from solvent.memory.concept import Concept, ConceptStatus, Provenance, Utility
from solvent.memory.proposals import Change, Proposal, combine, plain_name, representatives
from solvent.memory.sameness import Confirm, find_same
from solvent.memory.screening import screen
from solvent.memory.store import ConceptStore
from solvent.memory.texts import Edit
from solvent.memory.writing import new_id

TRIES = 50
"""How often a write is decided anew that others came before; one of those who collide gets through each time."""


@dataclass(frozen=True)
class WriteRules:
    """How much a project's memory may hold, and when two concepts are asked about."""

    most_concepts: int = 10_000
    when_full: Literal["refuse", "archive"] = "refuse"
    """New concepts are refused, or those go to the archive that were worth least."""
    likeness: float = 0.25
    """From which on it is asked whether two concepts are one (`sameness.likeness_of`). Set on the hashed embedder
    (docs/benchmarks-memory.md); another one may need another value."""


@dataclass(frozen=True)
class WriteReport:
    """What became of proposals."""

    added: tuple[Concept, ...] = ()
    extended: tuple[Concept, ...] = ()
    archived: tuple[Concept, ...] = ()
    unchanged: tuple[str, ...] = ()
    """Names of concepts that knew all of it."""
    joined: tuple[tuple[str, str], ...] = ()
    """Proposed names with those of the concepts that they are."""
    refused: tuple[str, ...] = ()
    """Why, with the place in the proposals and the field; never the text."""
    repeated: bool = False
    """All of it was written before."""
    unindexed: str | None = None
    """See `Written`."""

    @property
    def changed(self) -> tuple[Concept, ...]:
        """What has a new version."""
        return (*self.added, *self.extended)


@dataclass
class _Decided:
    edits: list[Edit] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    at_change: int | None = None


async def write_proposals(
    store: ConceptStore,
    proposals: Sequence[Proposal],
    *,
    confirm: Confirm | None = None,
    rules: WriteRules | None = None,
    once: str | None = None,
) -> WriteReport:
    """Write proposals in one transaction; their order does not matter.

    Args:
        store: the project's memory.
        proposals: of one problem, or of a batch of them.
        confirm: is asked about concepts that are alike; None: names alone decide.
        rules: see there.
        once: key under which this is written once for all time; where it was, nothing changes.

    Raises:
        MemoryUnavailable: likenesses cannot be looked up; nothing is written.
        StoreError: the texts cannot be written; nothing is.
        Conflict: others wrote all the time.
    """
    rules = rules or WriteRules()
    fit, refused = _screened(proposals)
    for _ in range(TRIES):
        done = None if once is None else await store.written_as(once)
        if done is not None:
            return _report(done, refused=refused, repeated=True)
        # Read before it is looked who is alike: what others add meanwhile may be the same under another name.
        size = await store.size()
        same = await find_same(store, fit, confirm, rules.likeness)
        known = await store.named([*representatives(fit), *same.values()])
        changes = combine(fit, {name: one.content for name, one in known.items()}, same)
        decided = await _decide(store, changes, known, rules, size, compared=confirm is not None)
        if not decided.edits:
            if once is not None and await store.written_as(once) is not None:
                # It was written since it was asked for, and that is why there is nothing to change.
                continue
            return WriteReport(unchanged=tuple(decided.unchanged), refused=(*refused, *decided.refused))
        try:
            written = await store.write_edits(decided.edits, once=once, at_change=decided.at_change)
        except Conflict:
            continue
        joined = tuple(sorted((name, same[name]) for name in same if plain_name(name) != plain_name(same[name])))
        return _report(
            [(edit.action, one.concept) for edit, one in zip(decided.edits, written, strict=True)],
            refused=[*refused, *decided.refused],
            unchanged=decided.unchanged,
            joined=joined,
            unindexed=next((one.unindexed for one in written if one.unindexed), None),
        )
    raise Conflict("others changed the memory all the time", remedy="try again")


def _screened(proposals: Sequence[Proposal]) -> tuple[list[Proposal], list[str]]:
    fit, refused = [], []
    for number, proposal in enumerate(proposals, 1):
        try:
            screen(proposal.content)
        except DataError as error:
            refused.append(f"concept {number}: {error.message}")
        else:
            fit.append(proposal)
    return fit, refused


async def _decide(
    store: ConceptStore,
    changes: Sequence[Change],
    known: Mapping[str, Concept],
    rules: WriteRules,
    size_at: tuple[int, int],
    *,
    compared: bool,
) -> _Decided:
    decided = _Decided()
    size, last_change = size_at
    shared = await store.named([change.after.name for change in changes], shared=True)
    fresh = 0
    for change in changes:
        best = change.proposals[0]
        try:
            screen(change.after)
        except DataError as error:
            decided.refused.append(f"{change.after.name}: {error.message}")
            continue
        old = known.get(change.after.name)
        if old is None and change.after.name in shared:
            decided.unchanged.append(change.after.name)
        elif old is None:
            if size + fresh >= rules.most_concepts and rules.when_full == "refuse":
                decided.refused.append(f"{change.after.name}: the memory is full ({rules.most_concepts} concepts)")
                decided.at_change = last_change
                continue
            fresh += 1
            decided.edits.append(
                Edit(
                    id=new_id(),
                    action="add",
                    content=change.after,
                    provenance=best.provenance,
                    expected_version=0,
                )
            )
        elif change.alters:
            decided.edits.append(
                Edit(
                    id=old.id,
                    action="update",
                    content=change.after,
                    status=old.status,
                    provenance=best.provenance,
                    expected_version=old.version,
                )
            )
        else:
            decided.unchanged.append(change.after.name)
    if fresh and (compared or size + fresh > rules.most_concepts - TRIES):
        # What others add meanwhile may be the same, and counts near the limit.
        decided.at_change = last_change
    if size + fresh > rules.most_concepts and rules.when_full == "archive":
        decided.edits.extend(
            await _archiving(store, size + fresh - rules.most_concepts, {edit.id for edit in decided.edits})
        )
    return decided


async def _archiving(store: ConceptStore, number: int, spared: set[str]) -> list[Edit]:
    """Return edits that archive the concepts that were worth least: by what people said, by jobs, then by age."""
    concepts = [one for one in await store.list() if one.id not in spared]
    counted = await store.utility([one.id for one in concepts])

    def worth(concept: Concept) -> tuple[int, int, int, int, float, str]:
        used = counted.get(concept.id, Utility())
        said = used.helpful - used.harmful
        return (said, used.solved_with, used.chosen, used.retrieved, concept.updated_at, concept.id)

    return [
        Edit(
            id=one.id,
            action="archive",
            status=ConceptStatus.ARCHIVED,
            provenance=Provenance(source="job", note="the memory is full"),
            expected_version=one.version,
        )
        for one in sorted(concepts, key=worth)[:number]
    ]


def _report(
    written: Sequence[tuple[str, Concept]],
    *,
    refused: Sequence[str] = (),
    unchanged: Sequence[str] = (),
    joined: tuple[tuple[str, str], ...] = (),
    repeated: bool = False,
    unindexed: str | None = None,
) -> WriteReport:
    return WriteReport(
        added=tuple(concept for action, concept in written if action == "add"),
        extended=tuple(concept for action, concept in written if action == "update"),
        archived=tuple(concept for action, concept in written if action == "archive"),
        unchanged=tuple(unchanged),
        joined=joined,
        refused=tuple(refused),
        repeated=repeated,
        unindexed=unindexed,
    )
