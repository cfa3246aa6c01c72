"""Which reading of a solution is right: the one with which the model would have written that very solution.

A model that reads a program and says what it does (a *reading*) is wrong in ways that attempts at the same problem do
not show where the problem is solved often without any reading. How likely a reading makes the solution shows it in one
pass over the prompt: a right one makes it likelier than no reading does, a wrong one less likely. So are instructions
chosen by the likelihood of known outputs in Automatic Prompt Engineer (arXiv 2211.01910, section 3.2).

Three kinds of readings are compared: what solutions of other problems said of the same concepts, which costs no reply,
the model's first one, and further replies.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from solvent.agents.learning_calls import LearningCalls, NothingLeftError
from solvent.agents.recall import shown_of
from solvent.agents.recalled import ShownConcept
from solvent.memory.concept import Content, Reading
from solvent.memory.proposals import Proposal, plain_name
from solvent.memory.readings import against, plain_text
from solvent.memory.screening import passes

if TYPE_CHECKING:
    from solvent.agents.lessons import Lesson
    from solvent.agents.trajectory_state import TrajectoryContext

LEAST = 0.1
"""Nats by which a reading makes a solution likelier than none does, before it is written."""
WORSE = 1.0
"""Nats by which a reading makes a solution less likely than the best one does, before that speaks against it."""
MOST_HELD = 2
"""Readings of other problems' solutions that are compared, of each concept."""


class Likelihoods:
    """How likely concepts make a solution; each prompt is asked for once.

    Args:
        context: of the job.
        calls: what is asked and counted with.
        lesson: the solution.
        shown: what of the memory the job was shown.
    """

    def __init__(
        self, context: TrajectoryContext, calls: LearningCalls, lesson: Lesson, shown: Sequence[ShownConcept]
    ) -> None:
        self._context, self._calls, self._shown = context, calls, shown
        self._reply = reply_of(lesson)
        self._known: dict[str, float] = {}

    async def gain(self, concepts: Sequence[ShownConcept]) -> float:
        """Return by how many nats concepts make the solution likelier, beside what else the job was shown.

        Raises:
            NothingLeftError: that is more than learning may take.
            PromptTooLong: a prompt with the solution does not fit the context.
            ProviderError: the endpoint failed.
        """
        names = {plain_name(one.name) for one in concepts}
        others = [one for one in self._shown if plain_name(one.name) not in names]
        return await self._of([*concepts, *others]) - await self._of(others)

    async def _of(self, concepts: Sequence[ShownConcept]) -> float:
        messages = self._context.solve_prompt(concepts)
        told = hashlib.sha256("\0".join(message.content for message in messages).encode(errors="replace")).hexdigest()
        if told not in self._known:
            key = f"likelihood/{told[:16]}"
            self._known[told] = await self._calls.likelihood(key, messages, self._reply)
        return self._known[told]


class Gain(Protocol):
    """Something with a gain in nats."""

    @property
    def gain(self) -> float:
        """By how much it makes a solution likelier."""
        ...


R = TypeVar("R", bound=Gain)


@dataclass(frozen=True)
class Candidate:
    """A reading that is to be compared."""

    proposals: Sequence[Proposal]
    founded: bool = False
    """Solutions of other problems speak for it: if it makes this one likelier, too, no further one is looked at."""


@dataclass(frozen=True)
class Weighed:
    """A reading and by how many nats it makes the solution likelier."""

    proposals: Sequence[Proposal]
    gain: float


@dataclass(frozen=True)
class Compared:
    """What came of a comparison."""

    weighed: Sequence[Weighed]
    """Each reading once, in the order in which they came."""
    end: str = ""
    """Why there are no more, where a budget ended it."""

    @property
    def best(self) -> list[Proposal]:
        """The reading that makes the solution likeliest, with a word against others that are far from it.

        Empty where none makes it likelier.
        """
        best = likeliest(self.weighed)
        if best is None:
            return []
        proposals = list(best.proposals)
        for other in self.weighed:
            if other.gain <= best.gain - WORSE:
                said = {plain_name(one.content.name): one.content.summary for one in other.proposals}
                proposals = speaking_against(proposals, said)
        return proposals


def likeliest(readings: Iterable[R]) -> R | None:
    """Return the reading that makes a solution likeliest; None where no one does. Pure."""
    best = max(readings, key=lambda one: one.gain, default=None)
    return best if best is not None and best.gain >= LEAST else None


def speaking_against(proposals: Iterable[Proposal], said: Mapping[str, str]) -> list[Proposal]:
    """Return proposals with a word against what others say of the same concepts, by plain names. Pure."""
    return [
        replace(one, content=against(one.content, said[plain_name(one.content.name)]))
        if plain_name(one.content.name) in said
        else one
        for one in proposals
    ]


async def compared(likelihoods: Likelihoods, candidates: AsyncIterator[Candidate]) -> Compared:
    """Return how likely each reading makes a solution.

    Raises:
        NothingLeftError: not even one was within what learning may take.
        PromptTooLong, ProviderError: see `Likelihoods.gain`.
    """
    weighed: dict[frozenset[tuple[str, str]], Weighed] = {}
    end = ""
    try:
        async for candidate in candidates:
            # What is refused when it is written is shown to nobody before.
            contents = [one.content for one in candidate.proposals if passes(one.content)]
            said = frozenset((plain_name(content.name), plain_text(content.text)) for content in contents)
            if said and said not in weighed:
                gain = await likelihoods.gain([shown_of(content, id="con-new", version=1) for content in contents])
                weighed[said] = Weighed(candidate.proposals, gain)
                if candidate.founded and gain >= LEAST:
                    break
    except NothingLeftError as left:
        if not weighed:
            raise
        end = str(left)
    return Compared(tuple(weighed.values()), end)


def as_held(proposals: Sequence[Proposal], held: Mapping[str, Content], place: int) -> list[Proposal]:
    """Return proposals that say what other problems' solutions said of the same concepts. Pure.

    Args:
        proposals: what a solution taught.
        held: the concepts as they are known, by their names.
        place: which of their readings, the best first; a proposal of which there is none says what it says.
    """
    return [_saying(one, held.get(one.content.name), place) for one in proposals]


def reply_of(lesson: Lesson) -> str:
    """Return a solution as a model would reply it: its program alone, fenced. Pure."""
    return f"```{lesson.language}\n{lesson.program.strip()}\n```"


def _saying(proposal: Proposal, known: Content | None, place: int) -> Proposal:
    content = proposal.content
    if known is None or place >= len(known.readings) or not content.readings:
        return proposal
    text = known.readings[place].text
    readings = (Reading(text=text, used_in=content.used_in),)
    return replace(proposal, content=content.model_copy(update={"summary": text, "readings": readings}))
