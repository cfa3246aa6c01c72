"""What a model is asked to make concepts of a solution (ArcMemo, arXiv 2509.04439): summarise, abstract, compare."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from solvent.agents.branching import TOP, Branches
from solvent.agents.concept_replies import proposed_of, said_same, summary_of
from solvent.agents.extract import spoken
from solvent.agents.learned import PHASE
from solvent.agents.learning_calls import LearningCalls, NothingLeftError
from solvent.agents.lessons import Learner, Lesson, opening_of, with_opening
from solvent.agents.naming import spelled_as_stated
from solvent.agents.prompts import LessonText, fence_of
from solvent.agents.trajectory_state import derived_seed
from solvent.errors import PromptTooLong
from solvent.memory.concept import Content, Provenance
from solvent.memory.proposals import Proposal
from solvent.models.base import ChatRequest, Message, Sampling

if TYPE_CHECKING:
    from solvent.agents.job_parts import PreparedJob

KNOWN = 12
"""Concepts near to a solution that the model is shown before it names new ones."""
KNOWN_IN_FULL = 6
PROMPT_SHARE = 0.6
"""Of the model's context that a prompt may take; known concepts are left out beyond that."""
QUERY_CHARACTERS = 8000


class AbstractionCalls:
    """The calls of the role `abstract` of one job's learning.

    Args:
        job: whose.
        learner: writes what is learned; where near concepts are looked for.
        lesson: what the job teaches.
        compares: whether readings of the solution are compared.
    """

    def __init__(self, job: PreparedJob, learner: Learner, lesson: Lesson, *, compares: bool) -> None:
        self._job = job
        self._context = job.context
        self._store = learner.store
        self._lesson = lesson
        self.who = job.context.cast.of("abstract")
        self.style = self.who.profile.prompts
        self.template = "pitfall" if lesson.failed else "abstract"
        """By which the model is asked for concepts."""
        self.notes: list[str] = []
        """What a job's result tells about them."""
        cap = job.spec.budget.tokens
        self.calls = LearningCalls(self._context, None if cap is None else int(learner.rules.share * cap))
        able = {"logprobs", "prefix"} <= self.who.model.info.capabilities
        self.branches = learner.rules.readings - 1 if compares and able else 0
        """How many beginnings of other replies are asked for with the likeliest one."""
        self.beginnings: list[str] = []
        self._pseudocode: tuple[str, str] | None = None

    def has(self, template: str) -> bool:
        """Return whether the prompt style has a template."""
        return self._context.prompts.has(self.style, template)

    async def proposals(self, reading: int = 0) -> list[Proposal]:
        """Return what a reply of the model names: reading 0 is its likeliest one.

        Others are branches of it where readings are compared and the endpoint goes on with a beginning, else samples.

        Raises:
            NothingLeftError: a cap, or this phase's share of one, allows no reply.
            ProviderError: the endpoint failed.
        """
        lesson, spec = self._lesson, self._job.spec
        summary, pseudocode = await self._read()
        known = await self._known(f"{summary}\n{pseudocode}") if self.has("known") else []
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
            if self.branches:
                reply = await self._branch(key, text, reading)
            else:
                reply = await self._ask(self.template, key, text, sampled=reading > 0)
            break
        named = None if reply is None else proposed_of(reply, used_in=spec.problem.id, pitfall=lesson.failed)
        if named is None and not reading:
            self.notes.append("the reply of the role abstract names no concepts")
        contents = spelled_as_stated(named or [], self._context.view.statement)
        provenance = Provenance(
            source="job",
            job_id=spec.id,
            trajectory=lesson.trajectory,
            model=self.who.profile.name,
            evidence=lesson.evidence[:400],
            note="from a failure" if lesson.failed else "",
        )
        opening = opening_of(self._context.view)
        return [Proposal(with_opening(content, opening), provenance, lesson.strength) for content in contents]

    async def _branch(self, key: str, text: LessonText, reading: int) -> str | None:
        """Return the likeliest reply, whose branches are kept, or the likeliest that begins as one of these."""
        if reading:
            return await self._ask(self.template, key, text, prefix=self.beginnings[reading - 1])
        return await self._ask(self.template, key, text, branches=self.branches)

    async def _read(self) -> tuple[str, str]:
        """Return summary and pseudocode of the solution; empty where none are written."""
        if self._lesson.failed:
            return "", ""
        if self._pseudocode is None:
            self._pseudocode = "", ""
            if not self.has("pseudocode"):
                self.notes.append(f"the prompt style {self.style} writes no pseudocode")
                return self._pseudocode
            reply = await self._ask("pseudocode", "pseudocode", LessonText(evidence=self._lesson.evidence))
            said = None if reply is None else summary_of(reply)
            if said is None:
                self.notes.append("abstracted from the program itself: no pseudocode was written")
            else:
                self._pseudocode = said.summary, said.pseudocode
        return self._pseudocode

    async def _known(self, text: str) -> list[Content]:
        """Return concepts near to a solution, as they were when this was first asked for."""
        from solvent.agents.recall import query_of

        async def look() -> str:
            query = "\n".join([text, query_of(self._context.view)]).strip()[:QUERY_CHARACTERS]
            hits = await self._store.search(query, limit=KNOWN)
            return json.dumps([hit.concept.content.model_dump(mode="json", exclude_defaults=True) for hit in hits])

        return [Content.model_validate(one) for one in json.loads(await self._context.calls.once("memory/known", look))]

    async def same(self, one: Content, other: Content) -> bool:
        """Return whether the model says that two concepts are one; where it cannot be asked, they are two."""
        pair = sorted((one, other), key=lambda content: (content.name, content.digest))
        told = hashlib.sha256("\n".join(content.digest for content in pair).encode()).hexdigest()[:16]
        try:
            reply = await self._ask("same", f"same/{told}", LessonText(known=pair))
        except NothingLeftError as end:
            self.notes.append(f"not compared with {other.name}: budget: {end}")
            return False
        return reply is not None and said_same(reply) is True

    def _messages(self, template: str, text: LessonText) -> tuple[Message, ...]:
        lesson, context = self._lesson, self._context
        fenced = [lesson.program, text.summary, text.pseudocode, *(one.search_text for one in text.known), *text.named]
        return context.prompts.render(
            self.style,
            template,
            context.view,
            language=lesson.language,
            wants="program",
            program=lesson.program,
            lesson=replace(text, fence=fence_of(*fenced)),
        )

    async def _is_long(self, text: LessonText) -> bool:
        messages = self._messages(self.template, text)
        tokens = await self.who.model.count_prompt_tokens(messages)
        return tokens > PROMPT_SHARE * self.who.model.info.context_tokens

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
        profile = self.who.profile
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
            reply = await self.calls.generate(key, request, watch=watch)
        except PromptTooLong as error:
            self.notes.append(error.message)
            return None
        if branches:
            self.beginnings = list(reply.record.get("branches", ()))
        return spoken(prefix + reply.text, profile.thinking)
