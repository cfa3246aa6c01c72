"""The calls by which a model makes concepts of a solution (ArcMemo, arXiv 2509.04439): summarise, abstract, compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from solvent.agents.branching import TOP, Branches
from solvent.agents.comparing import MOST_HELD, Candidate, Likelihoods, as_held, compared, speaking_against
from solvent.agents.concept_replies import proposed_of, said_same, summary_of
from solvent.agents.extract import spoken
from solvent.agents.learned import PHASE, Learned, LearnedStatus
from solvent.agents.learning_calls import LearningCalls, NothingLeftError
from solvent.agents.lessons import Learner, Lesson, opening_of, with_opening
from solvent.agents.naming import spelled_as_stated
from solvent.agents.prompts import LessonText, fence_of
from solvent.agents.replaying import replayable, replayed, shown_last, shown_throughout
from solvent.agents.trajectory_state import derived_seed
from solvent.errors import PromptTooLong, SandboxError
from solvent.memory.concept import Content, Provenance
from solvent.memory.proposals import Proposal, plain_name
from solvent.memory.readings import well_founded
from solvent.memory.screening import passes
from solvent.memory.writer import WriteReport, write_proposals
from solvent.models.base import ChatRequest, Message, Sampling

if TYPE_CHECKING:
    from solvent.agents.job_parts import PreparedJob

KNOWN = 12
"""Concepts near to a solution that the model is shown before it names new ones."""
KNOWN_IN_FULL = 6
PROMPT_SHARE = 0.6
"""Of the model's context that a prompt may take; known concepts are left out beyond that."""
QUERY_CHARACTERS = 8000
MOST_READ = 3
"""Replies that are asked for what a solution teaches, where with the first ones the problem is not solved again."""
DISPROVING = 2
"""Programs that failed, with what the job was shown of a concept, before another reading speaks against it."""


class Abstraction:
    """The calls of one job's learning: those of the role `abstract`, and attempts with what they came to."""

    def __init__(self, job: PreparedJob, learner: Learner, lesson: Lesson) -> None:
        self._job = job
        self._context = job.context
        self._store = learner.store
        self._rules = learner.rules
        self._lesson = lesson
        self._who = job.context.cast.of("abstract")
        self._style = self._who.profile.prompts
        cap = job.spec.budget.tokens
        self._calls = LearningCalls(self._context, None if cap is None else int(learner.rules.share * cap))
        self._pseudocode: tuple[str, str] | None = None
        self._untried = False
        # Only programs can be compared: of math problems, and of failures, there is no solution that could be likely.
        self._compares = self._rules.readings > 1 and self._context.wants == "program" and not lesson.failed
        able = {"logprobs", "prefix"} <= self._who.model.info.capabilities
        self._branches = self._rules.readings - 1 if self._compares and able else 0
        self._beginnings: list[str] = []
        self._notes: list[str] = []

    @property
    def tokens(self) -> int:
        """What the calls took so far."""
        return self._calls.tokens

    def refusal(self) -> str | None:
        """Return why nobody can write concepts here, or None."""
        profile = self._who.profile
        if not profile.plays("abstract"):
            return f"profile {profile.name}: its model does not play the role abstract; give it to another one"
        template = "pitfall" if self._lesson.failed else "abstract"
        if not self._context.prompts.has(self._style, template):
            return f"the prompt style {self._style} has no template {template}"
        solver = self._context.cast.of("solve").model.info
        if self._compares and "prefix_logprob" not in solver.capabilities:
            return (
                f"model {solver.name}: its endpoint does not tell how likely a solution is, so that readings of it "
                "cannot be compared; set SOLVENT_MEMORY_READINGS=1, or solve with the bundled model or a vLLM"
            )
        return None

    async def write(self) -> WriteReport:
        """Return what became of the concepts that the model names."""
        proposals = await self._replayed(await self._compared(await self._proposals()))
        if not proposals:
            return WriteReport()
        confirm = self._same if self._context.prompts.has(self._style, "same") else None
        if confirm is None:
            self._notes.append(f"the prompt style {self._style} compares no concepts: names alone decide")
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
                if self._branches and number > len(self._beginnings):
                    break
                yield Candidate(await self._proposals(number))

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
                    proposals = await self._proposals(reading)
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

    async def _proposals(self, reading: int = 0) -> list[Proposal]:
        """Return what a reply of the model names: reading 0 is its likeliest one.

        Others are branches of it where readings are compared and the endpoint goes on with a beginning, else samples.
        """
        lesson, spec = self._lesson, self._job.spec
        summary, pseudocode = await self._read()
        known = await self._known(f"{summary}\n{pseudocode}") if self._shows_known() else []
        reply = None
        for shown in (known, known[:2], []):
            text = LessonText(
                evidence=lesson.evidence,
                summary=summary,
                pseudocode=pseudocode,
                known=shown[:KNOWN_IN_FULL],
                named=[one.name for one in shown[KNOWN_IN_FULL:]],
            )
            if shown and await self._is_long(text):
                continue
            key = f"abstract/{reading}" if reading else "abstract"
            template = "pitfall" if lesson.failed else "abstract"
            if self._branches:
                reply = await self._branch(template, key, text, reading)
            else:
                reply = await self._ask(template, key, text, sampled=reading > 0)
            break
        named = None if reply is None else proposed_of(reply, used_in=spec.problem.id, pitfall=lesson.failed)
        if named is None and not reading:
            self._notes.append("the reply of the role abstract names no concepts")
        contents = spelled_as_stated(named or [], self._context.view.statement)
        provenance = Provenance(
            source="job",
            job_id=spec.id,
            trajectory=lesson.trajectory,
            model=self._who.profile.name,
            evidence=lesson.evidence[:400],
            note="from a failure" if lesson.failed else "",
        )
        opening = opening_of(self._context.view)
        return [Proposal(with_opening(content, opening), provenance, lesson.strength) for content in contents]

    async def _branch(self, template: str, key: str, text: LessonText, reading: int) -> str | None:
        """Return the likeliest reply, whose branches are kept, or the likeliest that begins as one of these."""
        if reading:
            return await self._ask(template, key, text, prefix=self._beginnings[reading - 1])
        return await self._ask(template, key, text, branches=self._branches)

    async def _read(self) -> tuple[str, str]:
        """Return summary and pseudocode of the solution; empty where none are written."""
        if self._lesson.failed:
            return "", ""
        if self._pseudocode is None:
            self._pseudocode = "", ""
            if not self._context.prompts.has(self._style, "pseudocode"):
                self._notes.append(f"the prompt style {self._style} writes no pseudocode")
                return self._pseudocode
            reply = await self._ask("pseudocode", "pseudocode", LessonText(evidence=self._lesson.evidence))
            said = None if reply is None else summary_of(reply)
            if said is None:
                self._notes.append("abstracted from the program itself: no pseudocode was written")
            else:
                self._pseudocode = said.summary, said.pseudocode
        return self._pseudocode

    def _shows_known(self) -> bool:
        return self._context.prompts.has(self._style, "known")

    async def _known(self, text: str) -> list[Content]:
        """Return concepts near to a solution, as they were when this was first asked for."""
        from solvent.agents.recall import query_of

        async def look() -> str:
            query = "\n".join([text, query_of(self._context.view)]).strip()[:QUERY_CHARACTERS]
            hits = await self._store.search(query, limit=KNOWN)
            return json.dumps([hit.concept.content.model_dump(mode="json", exclude_defaults=True) for hit in hits])

        return [Content.model_validate(one) for one in json.loads(await self._context.calls.once("memory/known", look))]

    async def _same(self, one: Content, other: Content) -> bool:
        """Return whether the model says that two concepts are one; where it cannot be asked, they are two."""
        pair = sorted((one, other), key=lambda content: (content.name, content.digest))
        told = hashlib.sha256("\n".join(content.digest for content in pair).encode()).hexdigest()[:16]
        try:
            reply = await self._ask("same", f"same/{told}", LessonText(known=pair))
        except NothingLeftError as end:
            self._notes.append(f"not compared with {other.name}: budget: {end}")
            return False
        return reply is not None and said_same(reply) is True

    def _messages(self, template: str, text: LessonText) -> tuple[Message, ...]:
        lesson, context = self._lesson, self._context
        fenced = [lesson.program, text.summary, text.pseudocode, *(one.search_text for one in text.known), *text.named]
        return context.prompts.render(
            self._style,
            template,
            context.view,
            language=lesson.language,
            wants="program",
            program=lesson.program,
            lesson=replace(text, fence=fence_of(*fenced)),
        )

    async def _is_long(self, text: LessonText) -> bool:
        messages = self._messages("pitfall" if self._lesson.failed else "abstract", text)
        tokens = await self._who.model.count_prompt_tokens(messages)
        return tokens > PROMPT_SHARE * self._who.model.info.context_tokens

    async def _ask(
        self, template: str, key: str, text: LessonText, *, sampled: bool = False, prefix: str = "", branches: int = 0
    ) -> str | None:
        """Return the reply to a prompt, without thinking; None where the prompt is too long, or thinking never ended.

        Args:
            template: of the prompt.
            key: of the call.
            text: what the prompt tells.
            sampled: whether it is drawn; else it is the likeliest.
            prefix: how the reply begins.
            branches: how many beginnings of other replies are kept.

        Raises:
            NothingLeftError: a cap, or this phase's share of one, allows no reply.
            ProviderError: the endpoint failed.
        """
        profile = self._who.profile
        seed = derived_seed(self._context.seed, PHASE, key)
        request = ChatRequest(
            messages=self._messages(template, text),
            sampling=Sampling(
                temperature=None if sampled else 0.0,
                max_tokens=profile.reply_tokens,
                seed=seed,
                top_logprobs=TOP if branches else None,
            ),
            prefix=prefix,
        )
        watch = partial(Branches, branches) if branches else None
        try:
            reply = await self._calls.generate(key, request, watch=watch)
        except PromptTooLong as error:
            self._notes.append(error.message)
            return None
        if branches:
            self._beginnings = list(reply.record.get("branches", ()))
        return spoken(prefix + reply.text, profile.thinking)


def _all_founded(proposals: Sequence[Proposal], known: Mapping[str, Content]) -> bool:
    """Return whether solutions of enough other problems said all of it already. Pure."""
    return all(well_founded(one.content, known.get(one.content.name)) for one in proposals)
