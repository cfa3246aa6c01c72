"""The calls by which a model makes concepts of a solution (ArcMemo, arXiv 2509.04439): summarise, abstract, compare."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from solvent.agents.budget import Refused
from solvent.agents.concept_replies import proposed_of, said_same, summary_of
from solvent.agents.extract import spoken
from solvent.agents.learned import PHASE, Learned, LearnedStatus
from solvent.agents.lessons import Learner, Lesson, opening_of, with_opening
from solvent.agents.naming import spelled_as_stated
from solvent.agents.prompts import LessonText, fence_of
from solvent.agents.trajectory_state import derived_seed
from solvent.errors import PromptTooLong
from solvent.memory.concept import Content, Provenance
from solvent.memory.proposals import Proposal
from solvent.memory.writer import WriteReport, write_proposals
from solvent.models.base import ChatRequest, Message, Sampling

if TYPE_CHECKING:
    from solvent.agents.job_parts import PreparedJob

KNOWN = 12
"""Concepts near to a solution that the model is shown before it names new ones."""
KNOWN_IN_FULL = 6
PROMPT_SHARE = 0.6
"""Of the model's context that a prompt may take; known concepts are left out beyond that."""
FLOOR_TOKENS = 16
"""Fewest completion tokens that are worth a call."""
QUERY_CHARACTERS = 8000


class NothingLeftError(Exception):
    """Nothing more may be spent on this."""


class Abstraction:
    """The calls of one job's learning. All are played by the role `abstract`.

    Attributes:
        tokens: what they took so far.
    """

    def __init__(self, job: PreparedJob, learner: Learner, lesson: Lesson) -> None:
        self._job = job
        self._context = job.context
        self._store = learner.store
        self._rules = learner.rules
        self._lesson = lesson
        self._who = job.context.cast.of("abstract")
        self._style = self._who.profile.prompts
        cap = job.spec.budget.tokens
        self._most = None if cap is None else int(learner.rules.share * cap)
        self.tokens = 0
        self._notes: list[str] = []

    def refusal(self) -> str | None:
        """Return why nobody can write concepts here, or None."""
        profile = self._who.profile
        if not profile.plays("abstract"):
            return f"profile {profile.name}: its model does not play the role abstract; give it to another one"
        template = "pitfall" if self._lesson.failed else "abstract"
        if not self._context.prompts.has(self._style, template):
            return f"the prompt style {self._style} has no template {template}"
        return None

    async def write(self) -> WriteReport:
        """Return what became of the concepts that the model names."""
        proposals = await self._proposals()
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
        return Learned(
            status=LearnedStatus.WRITTEN if report.changed else LearnedStatus.NOTHING,
            added=tuple(f"{one.id}:{one.version}" for one in report.added),
            extended=tuple(f"{one.id}:{one.version}" for one in report.extended),
            archived=tuple(f"{one.id}:{one.version}" for one in report.archived),
            names=tuple(one.content.name for one in report.changed),
            joined=tuple(f"{proposed} = {name}" for proposed, name in report.joined),
            refused=report.refused,
            tokens=self.tokens,
            note="; ".join(self._notes),
        )

    async def _proposals(self) -> list[Proposal]:
        lesson, spec = self._lesson, self._job.spec
        evidence = lesson.evidence
        summary, pseudocode = "", ""
        if self._context.prompts.has(self._style, "pseudocode") and not lesson.failed:
            reply = await self._ask("pseudocode", "pseudocode", LessonText(evidence=evidence))
            said = None if reply is None else summary_of(reply)
            if said is None:
                self._notes.append("abstracted from the program itself: no pseudocode was written")
            else:
                summary, pseudocode = said.summary, said.pseudocode
        elif not lesson.failed:
            self._notes.append(f"the prompt style {self._style} writes no pseudocode")
        known = await self._known(f"{summary}\n{pseudocode}") if self._shows_known() else []
        reply = None
        for shown in (known, known[:2], []):
            text = LessonText(
                evidence=evidence,
                summary=summary,
                pseudocode=pseudocode,
                known=shown[:KNOWN_IN_FULL],
                named=[one.name for one in shown[KNOWN_IN_FULL:]],
            )
            if shown and await self._is_long(text):
                continue
            reply = await self._ask("pitfall" if lesson.failed else "abstract", "abstract", text)
            break
        named = None if reply is None else proposed_of(reply, used_in=spec.problem.id, pitfall=lesson.failed)
        if named is None:
            self._notes.append("the reply of the role abstract names no concepts")
        contents = spelled_as_stated(named or [], self._context.view.statement)
        provenance = Provenance(
            source="job",
            job_id=spec.id,
            trajectory=lesson.trajectory,
            model=self._who.profile.name,
            evidence=evidence[:400],
            note="from a failure" if lesson.failed else "",
        )
        opening = opening_of(self._context.view)
        return [Proposal(with_opening(content, opening), provenance, lesson.strength) for content in contents]

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

    async def _ask(self, template: str, key: str, text: LessonText) -> str | None:
        """Return the reply to a prompt, without thinking; None where the prompt is too long, or thinking never ended.

        Raises:
            NothingLeftError: a cap, or this phase's share of one, allows no reply.
            ProviderError: the endpoint failed.
        """
        profile = self._who.profile
        messages = self._messages(template, text)
        prompt_tokens = await self._who.model.count_prompt_tokens(messages)
        most = profile.reply_tokens
        if self._most is not None:
            most = min(most, self._most - self.tokens - prompt_tokens)
            if most < FLOOR_TOKENS:
                raise NothingLeftError(f"the memory's share, {self._most} tokens, allows no further call")
        request = ChatRequest(
            messages=messages,
            sampling=Sampling(temperature=0.0, max_tokens=most, seed=derived_seed(self._context.seed, PHASE, key)),
        )
        try:
            reply = await self._context.calls.generate(
                f"{PHASE}/{key}", PHASE, request, floor=FLOOR_TOKENS, role="abstract"
            )
        except PromptTooLong as error:
            self._notes.append(error.message)
            return None
        if isinstance(reply, Refused):
            raise NothingLeftError(reply.reason.value)
        self.tokens += prompt_tokens + reply.tokens
        return spoken(reply.text, profile.thinking)
