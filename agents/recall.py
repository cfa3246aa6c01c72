"""From a problem to the concepts that its prompts show: search, choice, and chance.

The memory's search gives candidates, of which some are chosen (`agents.choosing`). Then chance leaves some out, so that
it is found out what they are worth (`memory.trial`). The memory helps and is never needed: where it does not answer,
the job goes on without it and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from solvent.agents.choosing import best_of, choose, fitting
from solvent.agents.events import ConceptsRecalled
from solvent.agents.recalled import WITHOUT, Recalled, ShownConcept, snapshot_of
from solvent.agents.writing import first_keys
from solvent.errors import MemoryUnavailable, StoreError
from solvent.memory.concept import Concept, ConceptStatus
from solvent.memory.trial import TrialPolicy, is_dropped, is_held_out, is_probed
from solvent.problems.grid_features import grid_words

if TYPE_CHECKING:
    from solvent.agents.trajectory_state import TrajectoryContext
    from solvent.memory.concept import Content
    from solvent.memory.results import Hit
    from solvent.problems.view import PublicProblem

CANDIDATES = 10
"""Concepts that a model is offered to choose from."""
SPARE = 5
"""Further ones that are searched for, since demoted ones are seldom offered."""
MOST_RELATED = 5
QUERY_CHARACTERS = 8000
SEARCH_TIMEOUT_S = 30.0
"""A job waits no longer for its memory. The first search of a process also imports Chroma, which takes seconds."""
_CUES, _NOTES = 6, 6
"""Lines of each sort that prompts show of a concept."""


class Library(Protocol):
    """What is asked for concepts; a `ConceptStore` is one."""

    async def search(self, query: str, *, limit: int = 10, snapshot: str | None = None) -> Sequence[Hit]:
        """See `ConceptStore.search`."""
        ...


class Trial(Protocol):
    """How it is found out what concepts are worth."""

    @property
    def policy(self) -> TrialPolicy:
        """Which shares are left out."""
        ...

    async def drop_probabilities(self, concepts: Sequence[Concept]) -> Mapping[str, float]:
        """Return with which probability each of these is left out of a job, by id. Raises StoreError."""
        ...


@dataclass(frozen=True)
class JobMemory:
    """A job's memory."""

    policy: str
    library: Library
    budget_tokens: int | None = None
    """The job's cap, where it has one."""
    trial: Trial | None = None
    """None: all that is chosen is shown."""
    looks: int = 1
    """How often the job asks, this time included: anew with each share of its batch's budget."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False)
    """Held by the trajectory that asks for all of them."""


def query_of(problem: PublicProblem) -> str:
    """Return what concepts are searched by: what a prompt may see, as text; of grids, what they are like. Pure."""
    parts = [problem.title, problem.statement]
    if problem.function is not None:
        parts.append(problem.function.name.replace("_", " "))
    return (grid_words(problem) or "\n".join(part for part in parts if part))[:QUERY_CHARACTERS]


async def recall_once(memory: JobMemory, context: TrajectoryContext, trajectory: str) -> str:
    """Return the `Recalled` record of a trajectory as JSON; the first that comes here makes it, and reports it.

    It is kept in the ledger: whoever goes through the job again shows the same concepts. All trajectories that begin
    with the same share of the batch's budget have the same record.

    Raises:
        NotFound: the policy names a snapshot that is not there.
        ConfigError: the memory cannot be opened as it is set up.
    """
    async with memory.asking:
        return await _recall_at(await _look_of(memory, context, trajectory), memory, context, trajectory)


async def recalled_throughout(memory: JobMemory, context: TrajectoryContext, trajectory: str) -> Sequence[Recalled]:
    """Return what each look of the job at its memory came to, in their order; raises as `recall_once`."""
    async with memory.asking:
        records = [await _recall_at(look, memory, context, trajectory) for look in range(1, memory.looks + 1)]
    return [Recalled.model_validate_json(record) for record in records]


async def _recall_at(look: int, memory: JobMemory, context: TrajectoryContext, trajectory: str) -> str:
    async def ask() -> str:
        return (await _recall(memory, context, trajectory)).model_dump_json()

    return await context.calls.once("memory/recall" if look == 1 else f"memory/recall/{look}", ask)


async def _look_of(memory: JobMemory, context: TrajectoryContext, trajectory: str) -> int:
    """Return which look at the memory a trajectory has: the newest, or the one before if it has written since then.

    So its replies are all written with the same concepts.
    """
    if memory.looks == 1:
        return 1

    async def newest() -> str:
        made = [await context.calls.was_made(key) for key in first_keys(trajectory)]
        return str(memory.looks - any(made))

    return int(await context.calls.once(f"memory/look/{trajectory}", newest))


async def _recall(memory: JobMemory, context: TrajectoryContext, trajectory: str) -> Recalled:
    snapshot = snapshot_of(memory.policy)
    hits: Sequence[Hit] = ()
    notes = []
    try:
        async with asyncio.timeout(SEARCH_TIMEOUT_S):
            hits = await memory.library.search(query_of(context.view), limit=CANDIDATES + SPARE, snapshot=snapshot)
    except TimeoutError:
        notes.append(f"{WITHOUT}the memory did not answer within {SEARCH_TIMEOUT_S:g} s")
    except (MemoryUnavailable, StoreError) as error:
        notes.append(f"{WITHOUT}{error.message}")
    draw = _Draw(memory, context, frozen=snapshot is not None)
    kept = [hit for hit in hits if draw.offers(hit.concept)][:CANDIDATES]
    concepts = [hit.concept for hit in kept]
    offered = [shown_as(concept) for concept in concepts]
    best = [shown_as(hit.concept) for hit in best_of(kept, hits)]
    choice = await choose(memory, context, trajectory, offered, best)
    related = [one.name for one in offered if one not in choice.chosen][:MOST_RELATED]
    chosen, left_out = await fitting(context, choice.chosen, related)
    keys = {one.key for one in chosen}
    dropped, unknown = await draw.dropped([one for one in concepts if shown_as(one).key in keys])
    shown = [one for one in chosen if one.key not in dropped]
    recalled = Recalled(
        policy=memory.policy,
        snapshot=snapshot,
        retrieved=tuple(one.key for one in offered),
        chosen=tuple(shown),
        dropped=tuple(one for one in chosen if one.key in dropped),
        related=tuple(related) if shown else (),
        reasons=choice.reasons,
        held_out=draw.holds_out,
        hold_out=draw.share,
        note="; ".join(part for part in (*notes, choice.note, left_out, unknown) if part),
    )
    context.report(
        ConceptsRecalled,
        trajectory=trajectory,
        policy=recalled.policy,
        snapshot=snapshot,
        retrieved=recalled.retrieved,
        chosen=tuple(one.key for one in shown),
        names=tuple(one.name for one in shown),
        dropped=tuple(one.key for one in recalled.dropped),
        related=recalled.related,
        reasons=recalled.reasons,
        held_out=recalled.held_out,
        hold_out=recalled.hold_out,
        note=recalled.note,
    )
    return recalled


class _Draw:
    """What chance decides for a job: the same whenever the job is run again.

    A job that reads a snapshot draws by its problem and its seed, so that another job with both sees the same, and
    knows no single concepts: their chances change with what is found out.
    """

    def __init__(self, memory: JobMemory, context: TrajectoryContext, *, frozen: bool) -> None:
        self._trial = memory.trial
        self._frozen = frozen
        self._key = f"{context.problem.id}\n{context.seed}" if frozen else context.job_id
        self.share = 0.0 if memory.trial is None else memory.trial.policy.hold_out
        self.holds_out = memory.trial is not None and is_held_out(memory.trial.policy, self._key)

    def offers(self, concept: Concept) -> bool:
        if concept.status is not ConceptStatus.DEMOTED:
            return True
        return self._trial is not None and not self._frozen and is_probed(self._trial.policy, self._key, concept.id)

    async def dropped(self, chosen: Sequence[Concept]) -> tuple[set[str], str]:
        """Return the keys of those that are left out, and what could not be found out."""
        if self.holds_out:
            return {shown_as(one).key for one in chosen}, ""
        if self._trial is None or self._frozen or not chosen or not self._trial.policy.randomises:
            return set(), ""
        policy, note = self._trial.policy, ""
        try:
            odds = await self._trial.drop_probabilities(chosen)
        except StoreError as error:
            odds, note = {}, f"concepts are tried with the least chance: {error.message}"
        left_out = [
            one for one in chosen if is_dropped(policy, self._key, one.id, odds.get(one.id, policy.least_dropped))
        ]
        return {shown_as(one).key for one in left_out}, note


def shown_as(concept: Concept) -> ShownConcept:
    """Return a concept as prompts show it. Pure."""
    return shown_of(concept.content, id=concept.id, version=concept.version)


def shown_of(content: Content, *, id: str, version: int) -> ShownConcept:
    """Return a content as prompts show it, under this id. Pure."""
    parameters = (
        f"{one.name}{f' ({one.type})' if one.type else ''}{f': {one.description}' if one.description else ''}"
        for one in content.parameters
    )
    return ShownConcept(
        id=id,
        version=version,
        name=content.name,
        text=content.text,
        parameters=tuple(parameters),
        cues=content.cues[:_CUES],
        notes=content.notes[:_NOTES],
    )
