"""What solved problems propose for the memory, joined with what is there: whatever the order, the same library. Pure.

ArcMemo merges batches in the order in which they end, and the first description wins. Here that one does which most
problems say, and of those that as many say the best founded one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from solvent.memory.concept import ConceptKind, Content, Provenance
from solvent.memory.merging import merged
from solvent.memory.readings import settled


@dataclass(frozen=True)
class Proposal:
    """A concept that one job proposes."""

    content: Content
    provenance: Provenance
    strength: int = 0
    """Of the evidence for the solution that it comes from: tests passed, or answers that agree."""

    @property
    def rank(self) -> tuple[int, str, str]:
        """Place among proposals: by evidence, then by text. What it belongs to no job decides."""
        return (-self.strength, self.content.text, self.content.digest)


@dataclass(frozen=True)
class Change:
    """What becomes of one concept."""

    before: Content | None
    """None: it is new."""
    after: Content
    proposals: tuple[Proposal, ...]
    """What it comes of, the best founded first."""

    @property
    def alters(self) -> bool:
        """Whether anything is to be written."""
        return self.before != self.after


def plain_name(name: str) -> str:
    """Return what two names have in common that differ in case, spaces and dashes only."""
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split()) or name


ALSO_CALLED = "also called "
"""Begins the cue with another name of a concept."""


def also_called(content: Content) -> set[str]:
    """Return the other names that a concept is known to have, as `plain_name` has them."""
    return {plain_name(cue.removeprefix(ALSO_CALLED)) for cue in content.cues if cue.startswith(ALSO_CALLED)}


def alike(one: Content, other: Content) -> bool:
    """Return whether two concepts may be one: insights and pitfalls are not joined with other kinds."""
    return (one.kind is ConceptKind.INSIGHT) == (other.kind is ConceptKind.INSIGHT) and one.pitfall == other.pitfall


def representatives(proposals: Sequence[Proposal]) -> dict[str, Proposal]:
    """Return the best founded proposal of each name, by the name as it stands there, in one order."""
    found: dict[str, Proposal] = {}
    for proposal in sorted(proposals, key=lambda one: (one.rank, one.content.name)):
        found.setdefault(plain_name(proposal.content.name), proposal)
    return {one.content.name: one for one in sorted(found.values(), key=lambda one: one.content.name)}


def combine(
    proposals: Sequence[Proposal], known: Mapping[str, Content], same: Mapping[str, str] | None = None
) -> list[Change]:
    """Return what proposals change in a library, by name.

    Args:
        proposals: in any order.
        known: concepts that are there, by name, as far as names or `same` refer to them.
        same: names of representatives that are another's, with that one's name: of `known`, or of a representative.
    """
    same = dict(same or {})
    chosen = representatives(proposals)
    name_of = {plain_name(name): name for name in chosen}
    parts: dict[str, list[Proposal]] = {}
    for proposal in proposals:
        name = name_of[plain_name(proposal.content.name)]
        seen = {name}
        while name not in known and name in same and same[name] not in seen:
            name = same[name]
            seen.add(name)
        parts.setdefault(name, []).append(proposal)
    return [_change(name, known.get(name), part) for name, part in sorted(parts.items())]


def _change(name: str, before: Content | None, proposals: Sequence[Proposal]) -> Change:
    ordered = sorted(proposals, key=lambda one: (one.rank, one.content.name))
    own = next((one for one in ordered if one.content.name == name), ordered[0])
    into = before if before is not None else own.content
    others = [one.content for one in ordered if one.content is not into]
    return Change(before, settled(merged(into, [as_part_of(into, one) for one in others])), tuple(ordered))


def as_part_of(into: Content, content: Content) -> Content:
    """Return what goes into a concept of another name or kind: the name as a cue; of another kind only its uses."""
    if not alike(into, content):
        return content.model_copy(update={"cues": (), "notes": (), "parameters": (), "output_type": "", "readings": ()})
    return with_name_as_cue(into, content)


def with_name_as_cue(into: Content, content: Content) -> Content:
    """Return a content that is to become part of another one, which searches are to find by this one's name too."""
    if plain_name(content.name) == plain_name(into.name):
        return content
    cue = f"{ALSO_CALLED}{content.name}"
    return content.model_copy(update={"cues": (cue, *(one for one in content.cues if one != cue))[:16]})
