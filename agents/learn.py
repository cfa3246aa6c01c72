"""From a job that ended to the concepts that it teaches (after ArcMemo, arXiv 2509.04439): summarise, abstract, write.

Only what the evidence verified teaches: programs that pass the public tests, or that enough independent trajectories
agree with. Hidden tests and gold answers play no part: the grade is never looked at, and prompts show the public view.

Every step is a call of the job with a key of its own, and the write is made once: a run that is gone through again pays
nothing twice and writes nothing twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solvent.agents.budget import Refused
from solvent.agents.concept_replies import cut, proposed_of, said_same, summary_of
from solvent.agents.events import LearnedEvent
from solvent.agents.extract import spoken
from solvent.agents.job import JobResult, JobStatus, Outcome
from solvent.agents.learned import PHASE, Learned, LearnedStatus
from solvent.agents.naming import spelled_as_stated
from solvent.agents.prompts import LessonText, fence_of
from solvent.agents.recalled import LIVE
from solvent.agents.trajectory_state import derived_seed
from solvent.errors import (
    DataError,
    MemoryUnavailable,
    PromptTooLong,
    ProviderError,
    ProviderUnavailable,
    StoreError,
)
from solvent.memory.concept import Content, Provenance
from solvent.memory.merging import fitting
from solvent.memory.proposals import Proposal
from solvent.memory.screening import screen
from solvent.memory.writer import WriteReport, WriteRules, write_proposals
from solvent.models.base import ChatRequest, Message, Sampling
from solvent.problems.problem import ProblemKind, Verdict

if TYPE_CHECKING:
    from solvent.agents.job_parts import PreparedJob
    from solvent.memory.store import ConceptStore
    from solvent.problems.view import PublicProblem

KNOWN = 12
"""Concepts near to a solution that the model is shown before it names new ones."""
KNOWN_IN_FULL = 6
PROMPT_SHARE = 0.6
"""Of the model's context that a prompt may take; known concepts are left out beyond that."""
FLOOR_TOKENS = 16
"""Fewest completion tokens that are worth a call."""
QUERY_CHARACTERS = 8000


@dataclass(frozen=True)
class LearnRules:
    """How jobs learn."""

    share: float = 0.15
    """Of the job's cap of tokens, where it has one, that writing may take."""
    pitfalls: bool = False
    """Jobs that ended unsolved write what to avoid, too."""
    familiar_trajectories: int = 0
    """A job that had concepts and was solved within so many trajectories taught nothing new, and writes nothing."""
    write: WriteRules = field(default_factory=WriteRules)


@dataclass(frozen=True)
class Learner:
    """The memory that jobs write to, and how."""

    store: ConceptStore
    rules: LearnRules = field(default_factory=LearnRules)


@dataclass(frozen=True)
class Lesson:
    """A solution, or a failure, that something may be learned from: all that is known of it, and no grade."""

    program: str
    language: str
    trajectory: str
    evidence: str
    strength: int
    """See `Proposal.strength`."""
    failed: bool = False


def lesson_of(result: JobResult, rules: LearnRules) -> Lesson | str:
    """Return what a result teaches, or why nothing. Pure; the grade is not read."""
    if result.status is not JobStatus.COMPLETED:
        return f"the job ended as {result.status.value}"
    answer, evidence = result.answer, result.evidence
    program = None if answer is None else answer.program if answer.language is None else answer.text
    passed = sum(case.verdict is Verdict.AC for case in evidence.public_tests)
    failing = [case for case in evidence.public_tests if case.verdict is not Verdict.AC]
    if result.outcome is Outcome.SOLVED:
        if answer is None or program is None:
            return "the answer has no program"
        if failing:
            return "the answer does not pass the public tests"
        if passed:
            said = f"it passes {passed} of {passed} public tests"
        elif evidence.agreement > 1:
            said = f"{evidence.agreement} of {evidence.votes} independent attempts agree"
        else:
            return "no evidence verifies the answer"
        had = result.memory is not None and result.memory.chosen and not result.memory.held_out
        if had and result.usage.trajectories <= rules.familiar_trajectories:
            return "it was solved at once with what the memory has"
        if evidence.repairs:
            said += f" after {evidence.repairs} repairs"
        return Lesson(program, answer.language or "python", answer.trajectory, said, passed or evidence.agreement)
    if result.outcome is not Outcome.UNSOLVED or not rules.pitfalls:
        return "the job was not solved"
    if answer is None or program is None or not failing:
        return "the job was not solved, and no public test says why"
    said = "; ".join(f"{case.name}: {case.verdict.value}" for case in failing[:3])
    return Lesson(program, answer.language or "python", answer.trajectory, f"fails ({said})", 0, failed=True)


def opening_of(view: PublicProblem) -> str:
    """Return what a problem's concepts are found by beside what they say: how its statement begins, on one line. Pure.

    Of kind `grid`, where statements say nothing, words for what its pairs show.
    """
    if view.kind is ProblemKind.GRID:
        from solvent.problems.grid_features import grid_words

        return cut(grid_words(view), 400)
    return cut(view.statement, 400)


def _with_opening(content: Content, opening: str) -> Content:
    """Return a content that knows how the statement of its problem begins, unless that may not be kept."""
    try:
        known = fitting({**content.model_dump(), "statements": [opening] if opening else []})
        screen(known)
    except DataError:
        return content
    return known


class _BudgetEndError(Exception):
    """Nothing more may be spent on this."""


async def learn_from(job: PreparedJob, result: JobResult) -> Learned:
    """Write what a job that ended teaches into its project's memory; the grade of its result is ignored.

    Doing it again, after a crash at any point, comes to the same end and spends nothing again. What the calls took is
    counted on the job's ledger.

    Raises:
        MemoryUnavailable: the index or the embedder does not answer; another try may succeed.
        StoreError: a database does not answer; as before.
        ProviderUnavailable: the model's endpoint is away; as before.
    """
    learner = job.deps.learner
    if learner is None:
        return Learned(status=LearnedStatus.NOT_WRITTEN, note="no memory is open here")
    lesson = lesson_of(result, learner.rules)
    if isinstance(lesson, str):
        return Learned(status=LearnedStatus.NOTHING, note=lesson)
    writing = _Writing(job, learner, lesson)
    refusal = writing.refusal()
    if refusal is not None:
        return Learned(status=LearnedStatus.NOT_WRITTEN, note=refusal)
    try:
        return writing.learned(await writing.write())
    except _BudgetEndError as end:
        return Learned(status=LearnedStatus.NOT_WRITTEN, tokens=writing.tokens, note=f"budget: {end}")
    except ProviderError as error:
        if isinstance(error, ProviderUnavailable):
            raise
        note = f"the role abstract failed: {error.message}"
        return Learned(status=LearnedStatus.NOT_WRITTEN, tokens=writing.tokens, note=note)


async def learn_now(job: PreparedJob, result: JobResult, *, left_s: float | None = None) -> Learned:
    """Learn once, where nobody tries again: what does not answer is told, not raised; see `learn_from`.

    Args:
        job: that ended.
        result: how.
        left_s: seconds until its deadline.
    """
    try:
        async with asyncio.timeout(left_s):
            return await learn_from(job, result)
    except TimeoutError:
        return Learned(status=LearnedStatus.NOT_WRITTEN, note="budget: deadline")
    except (MemoryUnavailable, StoreError, ProviderUnavailable) as error:
        return Learned(status=LearnedStatus.NOT_WRITTEN, note=error.message)


async def with_learned(job: PreparedJob, result: JobResult, *, left_s: float | None = None) -> JobResult:
    """Return a result with what its job taught, which is written now, and with what that took; reports it too.

    A job whose policy is not `live` has its result as it is.
    """
    if job.spec.memory != LIVE:
        return result
    learned = await learn_now(job, result, left_s=left_s)
    job.report(LearnedEvent, learned=learned)
    usage = await job.deps.ledger.usage(job.spec.id)
    return result.model_copy(update={"learned": learned, "usage": usage})


def awaiting(job: PreparedJob, result: JobResult) -> JobResult:
    """Return the result of a job of policy `live` with what is to be written by another worker, or why nothing is."""
    learner = job.deps.learner
    if job.spec.memory != LIVE or learner is None:
        return result
    lesson = lesson_of(result, learner.rules)
    if isinstance(lesson, str):
        learned = Learned(status=LearnedStatus.NOTHING, note=lesson)
    else:
        learned = Learned(status=LearnedStatus.PENDING)
    return result.model_copy(update={"learned": learned})


class _Writing:
    """The calls of one job's learning. All are played by the role `abstract`."""

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
        return [Proposal(_with_opening(content, opening), provenance, lesson.strength) for content in contents]

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
        except _BudgetEndError as end:
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
            lesson=LessonText(
                evidence=text.evidence,
                summary=text.summary,
                pseudocode=text.pseudocode,
                known=text.known,
                named=text.named,
                fence=fence_of(*fenced),
            ),
        )

    async def _is_long(self, text: LessonText) -> bool:
        messages = self._messages("pitfall" if self._lesson.failed else "abstract", text)
        tokens = await self._who.model.count_prompt_tokens(messages)
        return tokens > PROMPT_SHARE * self._who.model.info.context_tokens

    async def _ask(self, template: str, key: str, text: LessonText) -> str | None:
        """Return the reply to a prompt, without thinking; None where the prompt is too long, or thinking never ended.

        Raises:
            _BudgetEndError: a cap, or this phase's share of one, allows no reply.
            ProviderError: the endpoint failed.
        """
        profile = self._who.profile
        messages = self._messages(template, text)
        prompt_tokens = await self._who.model.count_prompt_tokens(messages)
        most = profile.reply_tokens
        if self._most is not None:
            most = min(most, self._most - self.tokens - prompt_tokens)
            if most < FLOOR_TOKENS:
                raise _BudgetEndError(f"the memory's share, {self._most} tokens, allows no further call")
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
            raise _BudgetEndError(reply.reason.value)
        self.tokens += prompt_tokens + reply.tokens
        return spoken(reply.text, profile.thinking)
