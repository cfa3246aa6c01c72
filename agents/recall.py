"""From a problem to the concepts that its prompts show, in two stages.

The memory's search gives candidates, and the model that plays the role `choose` takes of them what fits; without one,
the best few are taken. The memory helps and is never needed: where it does not answer, the trajectory goes on without
it and says so.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from solvent.agents.budget import Refused
from solvent.agents.events import ConceptsRecalled
from solvent.agents.recalled import Recalled, ShownConcept, snapshot_of
from solvent.agents.role_replies import numbers_of
from solvent.agents.trajectory_state import derived_seed
from solvent.errors import MemoryUnavailable, PromptTooLong, ProviderError, StoreError
from solvent.models.base import ChatRequest, Sampling

if TYPE_CHECKING:
    from solvent.agents.trajectory_state import TrajectoryContext
    from solvent.memory.store import Hit
    from solvent.problems.view import PublicProblem

CANDIDATES = 10
"""Concepts that a model is offered to choose from."""
BEST = 3
"""Most that are shown where no model chooses."""
MOST_SHOWN = 5
PROMPT_SHARE = 0.15
"""Of the model's context that shown concepts may take."""
BUDGET_SHARE = 0.15
"""Of the job's budget of tokens that choosing may take."""
QUERY_CHARACTERS = 8000
SEARCH_TIMEOUT_S = 30.0
"""A job waits no longer for its memory. The first search of a process also imports Chroma, which takes seconds."""
CHOOSE_FLOOR_TOKENS = 4


class Library(Protocol):
    """What is asked for concepts; a `ConceptStore` is one."""

    async def search(self, query: str, *, limit: int = 10, snapshot: str | None = None) -> Sequence[Hit]:
        """See `ConceptStore.search`."""
        ...


@dataclass(frozen=True)
class JobMemory:
    """A job's memory."""

    policy: str
    library: Library
    budget_tokens: int | None = None
    """The job's cap, where it has one."""


def query_of(problem: PublicProblem) -> str:
    """Return what concepts are searched by: what a prompt may see, as text. Pure."""
    parts = [problem.title, problem.statement]
    if problem.function is not None:
        parts.append(problem.function.name.replace("_", " "))
    return "\n".join(part for part in parts if part)[:QUERY_CHARACTERS]


async def recall_concepts(memory: JobMemory, context: TrajectoryContext, trajectory: str) -> Recalled:
    """Return what a trajectory recalls, and report it.

    Raises:
        NotFound: the policy names a snapshot that is not there.
        ConfigError: the memory cannot be opened as it is set up.
    """
    snapshot = snapshot_of(memory.policy)
    hits: Sequence[Hit] = ()
    note = ""
    try:
        async with asyncio.timeout(SEARCH_TIMEOUT_S):
            hits = await memory.library.search(query_of(context.view), limit=CANDIDATES, snapshot=snapshot)
    except TimeoutError:
        note = f"without concepts: the memory did not answer within {SEARCH_TIMEOUT_S:g} s"
    except (MemoryUnavailable, StoreError) as error:
        note = f"without concepts: {error.message}"
    offered = [
        ShownConcept(
            id=hit.concept.id, version=hit.concept.version, name=hit.concept.content.name, text=hit.concept.content.text
        )
        for hit in hits
    ]
    chosen, weaker = await _choose(memory, context, trajectory, offered)
    fitting, left_out = await _fitting(context, chosen)
    recalled = Recalled(
        policy=memory.policy,
        snapshot=snapshot,
        retrieved=tuple(f"{one.id}:{one.version}" for one in offered),
        chosen=tuple(fitting),
        note="; ".join(part for part in (note, weaker, left_out) if part),
    )
    context.report(
        ConceptsRecalled,
        trajectory=trajectory,
        policy=recalled.policy,
        snapshot=snapshot,
        retrieved=recalled.retrieved,
        chosen=tuple(f"{one.id}:{one.version}" for one in fitting),
        names=tuple(one.name for one in fitting),
        note=recalled.note,
    )
    return recalled


async def _choose(
    memory: JobMemory, context: TrajectoryContext, trajectory: str, offered: Sequence[ShownConcept]
) -> tuple[Sequence[ShownConcept], str]:
    """Return what the model chooses of the candidates; the best ones where none is to choose, or it failed to."""
    profile = context.cast.of("choose").profile
    named = "choose" in (profile.roles or ()) or "choose" in context.cast.roles
    if not offered or not named or not context.prompts.has(profile.prompts, "choose"):
        return offered[:BEST], ""
    messages = context.prompts.render(
        profile.prompts,
        "choose",
        context.view,
        language=context.default_language,
        wants=context.wants,
        offered=offered,
    )
    model = context.cast.of("choose").model
    prompt_tokens = await model.count_prompt_tokens(messages)
    if memory.budget_tokens is not None and prompt_tokens + profile.reply_tokens > BUDGET_SHARE * memory.budget_tokens:
        return offered[:BEST], "the best ones by search: choosing would take too much of the budget"
    shown = hashlib.sha256("\n".join(f"{one.id}:{one.version}" for one in offered).encode()).hexdigest()[:12]
    request = ChatRequest(
        messages=messages,
        sampling=Sampling(
            temperature=0.0, max_tokens=profile.reply_tokens, seed=derived_seed(context.seed, "choose", shown)
        ),
    )
    # Of all trajectories of the job the same, so that they choose once.
    key = f"memory/choose/{shown}"
    try:
        reply = await context.calls.generate(key, trajectory, request, floor=CHOOSE_FLOOR_TOKENS, role="choose")
    except (ProviderError, PromptTooLong) as error:
        return offered[:BEST], f"the best ones by search: nothing could be chosen ({error.message})"
    if isinstance(reply, Refused):
        return offered[:BEST], f"the best ones by search: nothing could be chosen ({reply.reason.value})"
    numbers = numbers_of(reply.text, len(offered))
    if numbers is None:
        return offered[:BEST], "the best ones by search: the reply of the role choose names none"
    return [offered[number - 1] for number in numbers[:MOST_SHOWN]], ""


async def _fitting(context: TrajectoryContext, chosen: Sequence[ShownConcept]) -> tuple[Sequence[ShownConcept], str]:
    """Return as many of the chosen as a prompt has room for, and what was left out."""
    if not chosen:
        return chosen, ""
    who = context.cast.of("solve")
    most = int(PROMPT_SHARE * who.model.info.context_tokens)

    async def tokens(concepts: Sequence[ShownConcept]) -> int:
        messages = context.prompts.render(
            who.profile.prompts,
            "solve",
            context.view,
            language=context.default_language,
            wants=context.wants,
            concepts=concepts,
        )
        return await who.model.count_prompt_tokens(messages)

    bare = await tokens(())
    left = list(chosen)
    while left and await tokens(left) - bare > most:
        left.pop()
    gone = len(chosen) - len(left)
    return left, f"{gone} left out: concepts may take {most} tokens of a prompt" if gone else ""
