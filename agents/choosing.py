"""Which of the memory's candidates a job's prompts show: the model that plays `choose` takes them with reasons.

Several criteria are asked for, not likeness alone (REBEL: Multi-Criteria Reranking, arXiv 2504.07104). Where no model
plays the role, those are taken that the statement names, or that stand out among what was found.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from solvent.agents.budget import Refused
from solvent.agents.naming import proper_words
from solvent.agents.recalled import ShownConcept
from solvent.agents.role_replies import numbers_of
from solvent.agents.trajectory_state import derived_seed
from solvent.errors import PromptTooLong, ProviderError
from solvent.memory.concept import one_line
from solvent.models.base import ChatRequest, Sampling

if TYPE_CHECKING:
    from solvent.agents.recall import JobMemory
    from solvent.agents.trajectory_state import TrajectoryContext
    from solvent.memory.concept import Content
    from solvent.memory.results import Hit

BEST = 3
"""Most that are shown where no model chooses."""
MOST_SHOWN = 5
BACKGROUND = 8
"""Candidates, at least, among which one is to stand out; where fewer were found, the others count as far ones."""
SIMILARITY_MARGIN = 0.1
"""Above the median of the candidates' cosines; by twice as much, words do not matter."""
KEYWORD_RATIO = 1.5
"""To the median of the candidates' BM25 scores."""
PROMPT_SHARE = 0.15
"""Of the model's context that shown concepts may take."""
BUDGET_SHARE = 0.15
"""Of the job's budget of tokens that choosing may take."""
CHOOSE_FLOOR_TOKENS = 4
_REASON_CHARACTERS = 200
_REASON = re.compile(r"^[ \t*_]*(?P<number>\d{1,3})[ \t*_]*[.:)\u2013-][ \t]*(?P<reason>\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Choice:
    """What was taken."""

    chosen: Sequence[ShownConcept]
    note: str = ""
    """What was weaker than was asked for."""
    reasons: dict[str, str] = field(default_factory=dict)
    """What the model said of candidates, by `ID:VERSION`."""


def best_of(hits: Sequence[Hit], found: Sequence[Hit]) -> list[Hit]:
    """Return which candidates are shown where no model chooses, best first; none is a fine answer. Pure.

    Where the problem names candidates by two words or more, these alone: whoever names a thing means it. Else those
    that are much nearer than what else was found, but for those that go by their names (`goes_by_name`). Both measures
    are compared with the medians of one search, since what a cosine of 0.3 says depends on the embedder and on the
    length of the statement.

    Args:
        hits: that may be shown.
        found: all that the search found, which are the background.
    """
    named = [hit for hit in hits if hit.named and len(hit.concept.content.name.split()) > 1]
    if named:
        return named[:MOST_SHOWN]
    far = [0.0] * (BACKGROUND - len(found))
    similarity = median([hit.similarity or 0.0 for hit in found] + far)
    words = median([hit.keyword_score or 0.0 for hit in found] + far)

    def stands_out(hit: Hit) -> bool:
        nearer, likelier = (hit.similarity or 0.0) - similarity, hit.keyword_score or 0.0
        both = nearer >= SIMILARITY_MARGIN and likelier > 0 and likelier >= KEYWORD_RATIO * words
        return both or nearer >= 2 * SIMILARITY_MARGIN

    return [hit for hit in hits if stands_out(hit) and not goes_by_name(hit.concept.content)][:BEST]


def goes_by_name(content: Content) -> bool:
    """Return whether every problem that is known to need a concept names it, by two words or more. Pure.

    So one that does not name it has no need of it, however much its statement is like those. The first word of the name
    is enough where a statement has it as a part of a name: a model may have the others wrong.
    """
    first, *others = content.name.split()
    return bool(others and content.statements) and all(
        content.name.casefold() in statement.casefold() or first in proper_words(statement)
        for statement in content.statements
    )


def reasons_of(text: str, count: int) -> dict[int, str]:
    """Return what a reply says of the numbered candidates: the first line that begins with each number. Pure."""
    found: dict[int, str] = {}
    for match in _REASON.finditer(text):
        number, reason = int(match["number"]), one_line(match["reason"])
        if 1 <= number <= count and re.search(r"[^\W\d]", reason):
            found.setdefault(number, reason[:_REASON_CHARACTERS])
    return found


async def choose(
    memory: JobMemory,
    context: TrajectoryContext,
    trajectory: str,
    offered: Sequence[ShownConcept],
    best: Sequence[ShownConcept],
) -> Choice:
    """Return what the model chooses of those offered; the `best` ones where none is to choose, or it failed to."""
    profile = context.cast.of("choose").profile
    named = "choose" in (profile.roles or ()) or "choose" in context.cast.roles
    if not offered or not named or not context.prompts.has(profile.prompts, "choose"):
        return Choice(best)
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
        return Choice(best, "the best ones by search: choosing would take too much of the budget")
    shown = hashlib.sha256("\n".join(one.key for one in offered).encode()).hexdigest()[:12]
    request = ChatRequest(
        messages=messages,
        sampling=Sampling(
            temperature=0.0, max_tokens=profile.reply_tokens, seed=derived_seed(context.seed, "choose", shown)
        ),
    )
    key = f"memory/choose/{shown}"
    try:
        reply = await context.calls.generate(key, trajectory, request, floor=CHOOSE_FLOOR_TOKENS, role="choose")
    except (ProviderError, PromptTooLong) as error:
        return Choice(best, f"the best ones by search: nothing could be chosen ({error.message})")
    if isinstance(reply, Refused):
        return Choice(best, f"the best ones by search: nothing could be chosen ({reply.reason.value})")
    said = {offered[number - 1].key: reason for number, reason in reasons_of(reply.text, len(offered)).items()}
    numbers = numbers_of(reply.text, len(offered))
    if numbers is None:
        return Choice(best, "the best ones by search: the reply of the role choose names none", said)
    return Choice([offered[number - 1] for number in numbers[:MOST_SHOWN]], "", said)


async def fitting(
    context: TrajectoryContext, chosen: Sequence[ShownConcept], related: Sequence[str]
) -> tuple[Sequence[ShownConcept], str]:
    """Return as many of the chosen as a prompt has room for, and what was left out."""
    if not chosen:
        return chosen, ""
    who = context.cast.of("solve")
    most = int(PROMPT_SHARE * who.model.info.context_tokens)

    async def tokens(concepts: Sequence[ShownConcept]) -> int:
        return await who.model.count_prompt_tokens(context.solve_prompt(concepts, related if concepts else ()))

    bare = await tokens(())
    left = list(chosen)
    while left and await tokens(left) - bare > most:
        left.pop()
    gone = len(chosen) - len(left)
    return left, f"{gone} left out: concepts may take {most} tokens of a prompt" if gone else ""
