"""What becomes of the concepts that a model makes of a solution: compared, tried on its problem, written."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from solvent.agents.abstraction_calls import AbstractionCalls
from solvent.agents.comparing import MOST_HELD, Candidate, Likelihoods, as_held, compared, speaking_against
from solvent.agents.learned import PHASE, Learned, LearnedStatus
from solvent.agents.learning_calls import NothingLeftError
from solvent.agents.lessons import Learner, Lesson
from solvent.agents.replaying import replayable, replayed, shown_last, shown_throughout
from solvent.errors import PromptTooLong, SandboxError
from solvent.memory.concept import Content
from solvent.memory.proposals import Proposal, plain_name
from solvent.memory.readings import well_founded
from solvent.memory.screening import passes
from solvent.memory.writer import WriteReport, write_proposals

if TYPE_CHECKING:
    from solvent.agents.job_parts import PreparedJob

MOST_READ = 3
"""Replies that are asked for what a solution teaches, where with the first ones the problem is not solved again."""
DISPROVING = 2
"""Programs that failed, with what the job was shown of a concept, before another reading speaks against it."""


class Abstraction:
    """One job's learning: what the role `abstract` reads in its solution, and attempts with what that came to."""

    def __init__(self, job: PreparedJob, learner: Learner, lesson: Lesson) -> None:
        self._job = job
        self._context = job.context
        self._store = learner.store
        self._rules = learner.rules
        self._lesson = lesson
        # Only programs can be compared: of math problems, and of failures, there is no solution that could be likely.
        self._compares = self._rules.readings > 1 and self._context.wants == "program" and not lesson.failed
        self._asks = AbstractionCalls(job, learner, lesson, compares=self._compares)
        self._calls = self._asks.calls
        self._notes = self._asks.notes
        self._untried = False

    @property
    def tokens(self) -> int:
        """What the calls took so far."""
        return self._calls.tokens

    def refusal(self) -> str | None:
        """Return why nobody can write concepts here, or None."""
        profile = self._asks.who.profile
        if not profile.plays("abstract"):
            return f"profile {profile.name}: its model does not play the role abstract; give it to another one"
        if not self._asks.has(self._asks.template):
            return f"the prompt style {self._asks.style} has no template {self._asks.template}"
        solver = self._context.cast.of("solve").model.info
        if self._compares and "prefix_logprob" not in solver.capabilities:
            return (
                f"model {solver.name}: its endpoint does not tell how likely a solution is, so that readings of it "
                "cannot be compared; set SOLVENT_MEMORY_READINGS=1, or solve with the bundled model or a vLLM"
            )
        return None

    async def write(self) -> WriteReport:
        """Return what became of the concepts that the model names."""
        proposals = await self._replayed(await self._compared(await self._asks.proposals()))
        if not proposals:
            return WriteReport()
        confirm = self._asks.same if self._asks.has("same") else None
        if confirm is None:
            self._notes.append(f"the prompt style {self._asks.style} compares no concepts: names alone decide")
        return await write_proposals(
            self._store, proposals, confirm=confirm, rules=self._rules.write, once=f"job {self._job.spec.id}"
        )

    def learned(self, report: WriteReport) -> Learned:
        """Return what a job's result tells of it."""
        if report.unindexed:
            self._notes.append(f"not yet found by vectors: {report.unindexed}")
        status = LearnedStatus.NOT_WRITTEN if self._untried else LearnedStatus.NOTHING
        return Learned(
            status=LearnedStatus.WRITTEN if report.changed else status,
            added=tuple(f"{one.id}:{one.version}" for one in report.added),
            extended=tuple(f"{one.id}:{one.version}" for one in report.extended),
            archived=tuple(f"{one.id}:{one.version}" for one in report.archived),
            names=tuple(one.content.name for one in report.changed),
            joined=tuple(f"{proposed} = {name}" for proposed, name in report.joined),
            refused=report.refused,
            tokens=self.tokens,
            note="; ".join(self._notes),
        )

    async def _compared(self, proposals: list[Proposal]) -> list[Proposal]:
        """Return the reading that makes the solution likeliest, of the one that is given and others; see `comparing`.

        None where no reading makes it likelier than none does, or where that could not be told; the given one where it
        is not asked for.
        """
        if not self._compares or not proposals:
            return proposals
        held = await self._held(proposals)
        if _all_founded(proposals, held):
            return proposals

        async def candidates() -> AsyncGenerator[Candidate, None]:
            if held:
                first = as_held(proposals, held, 0)
                yield Candidate(first, founded=_all_founded(first, held))
            yield Candidate(proposals)
            for place in range(1, MOST_HELD):
                yield Candidate(as_held(proposals, held, place))
            for number in range(1, self._rules.readings):
                if self._asks.branches and number > len(self._asks.beginnings):
                    break
                yield Candidate(await self._asks.proposals(number))

        likelihoods = Likelihoods(self._context, self._calls, self._lesson, await shown_last(self._context))
        try:
            async with aclosing(candidates()) as coming:
                found = await compared(likelihoods, coming)
        except (NothingLeftError, PromptTooLong) as end:
            why = end.message if isinstance(end, PromptTooLong) else f"budget: {end}"
            self._notes.append(f"its readings could not be compared: {why}")
            self._untried = True
            return []
        if found.end:
            self._notes.append(f"the comparison of readings ended after {len(found.weighed)}: budget: {found.end}")
        best = found.best
        if not best:
            self._notes.append("nothing that the model read in the solution makes it likelier")
        return best

    async def _held(self, proposals: Sequence[Proposal]) -> dict[str, Content]:
        """Return what is known of these concepts, as it was when first asked for."""

        async def look() -> str:
            found = await self._named(proposals)
            return json.dumps({name: one.model_dump(mode="json", exclude_defaults=True) for name, one in found.items()})

        held = json.loads(await self._context.calls.once(f"{PHASE}/held", look))
        return {name: Content.model_validate(one) for name, one in held.items()}

    async def _named(self, proposals: Sequence[Proposal]) -> dict[str, Content]:
        found = await self._store.named([one.content.name for one in proposals])
        return {name: concept.content for name, concept in found.items()}

    async def _replayed(self, proposals: list[Proposal]) -> list[Proposal]:
        """Return the proposals with which the problem is solved again, from this reply or another; see `replaying`.

        None where it is not, or where that could not be tried; all where it is not asked for, or nothing could tell.
        What was chosen among readings is tried as it is.
        """
        attempts = self._rules.replays
        if not attempts or self._lesson.failed or not replayable(self._context):
            return proposals
        for reading in range(1 if self._compares else MOST_READ):
            try:
                if reading:
                    proposals = await self._asks.proposals(reading)
                # What is refused when it is written is shown to nobody before.
                contents = [one.content for one in proposals if passes(one.content)]
                if not contents or await self._are_known(proposals, reading):
                    return proposals
                told = await replayed(self._context, self._calls, contents, round_=reading, attempts=attempts)
            except (NothingLeftError, SandboxError) as end:
                why = end.message if isinstance(end, SandboxError) else f"budget: {end}"
                self._notes.append(f"it could not be tried on the problem: {why}")
                self._untried = True
                return []
            if told:
                failed_often = await self._failures() >= DISPROVING
                return await self._against_what_was_shown(proposals) if failed_often else proposals
        self._notes.append("with what the model read in the solution, it does not solve the problem again")
        return []

    async def _failures(self) -> int:
        """Return how many programs of the search failed, as it was when first asked for."""

        async def count() -> str:
            return str(self._lesson.failures)

        return int(await self._context.calls.once(f"{PHASE}/failures", count))

    async def _against_what_was_shown(self, proposals: list[Proposal]) -> list[Proposal]:
        """Return the proposals with a word against other readings of the same concepts, which helped nobody here."""
        shown = {plain_name(one.name): one.text for one in await shown_throughout(self._context)}
        return speaking_against(proposals, shown)

    async def _are_known(self, proposals: Sequence[Proposal], reading: int) -> bool:
        """Return whether solutions of enough other problems said all of it already, as it was when first asked for."""

        async def look() -> str:
            return json.dumps(_all_founded(proposals, await self._named(proposals)))

        return bool(json.loads(await self._context.calls.once(f"{PHASE}/known/{reading}", look)))


def _all_founded(proposals: Sequence[Proposal], known: Mapping[str, Content]) -> bool:
    """Return whether solutions of enough other problems said all of it already. Pure."""
    return all(well_founded(one.content, known.get(one.content.name)) for one in proposals)
