"""The one door through which every model call and sandbox run goes: reserve, do, store the text, commit, report.

A call has a key that is the same in every run of its job. A call that was committed is not made again: its result is
read from the artifact store. A call that was begun and never ended is made anew under the next attempt's id, and its
first attempt stays spent.

Safe provider errors are retried by the backends themselves (`solvent.models.retry`), not here as well.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import JsonValue

from solvent.agents.budget import Ask, Granted, Ledger, Refused, Settled, Unfinished
from solvent.agents.call_ends import CallEnds
from solvent.agents.events import CaseJudged, Emit, Event, TextGenerated
from solvent.agents.job import StopReason
from solvent.agents.judged import Judged, Printed, bounded, judged_from, printed_from, worst_case_cpu_s
from solvent.agents.learned import PHASE
from solvent.agents.written import Watch, Written
from solvent.artifacts import JSON, ArtifactStore, MissingArtifactError
from solvent.errors import PromptTooLong, ProviderUnavailable, SandboxError
from solvent.models.base import ChatRequest, FinishReason
from solvent.problems.problem import Problem, TestCase, Verdict
from solvent.sandbox.base import Program, Sandbox
from solvent.usage import Usage

if TYPE_CHECKING:
    from solvent.agents.roles import Cast, RoleModel
    from solvent.models.base import Role
    from solvent.sandbox.judge import TestResult

_log = logging.getLogger(__name__)
R = TypeVar("R", Judged, Printed)
FAULTS_BEFORE_ERROR = 2
"""Sandbox faults of one call in one process before the job fails."""
LOSSES_BEFORE_ERROR = 3
"""How often one call may lose its endpoint in one process before the job fails."""


@dataclass(frozen=True)
class Generated:
    """One sample and where its text lies."""

    text: str
    artifact: str
    finish_reason: FinishReason
    tokens: int = 0
    """Completion tokens that it counts for."""
    stop_text: str | None = None
    """See `Chunk`."""
    cut: bool = False
    """Whether its watch ended it; the finish reason is then `length`."""
    record: dict[str, Any] = field(default_factory=dict)
    """What its watch recorded."""
    prefix_logprob: float | None = None
    """See `Chunk`."""


def _generated(text: str, artifact: str, used: Usage, note: Mapping[str, JsonValue]) -> Generated:
    record, stop_text, likely = note.get("record"), note.get("stop_text"), note.get("prefix_logprob")
    return Generated(
        text,
        artifact,
        "length" if note.get("finish_reason") == "length" else "stop",
        used.completion_tokens,
        stop_text if isinstance(stop_text, str) else None,
        cut=note.get("cut") == "watch",
        record=record if isinstance(record, dict) else {},
        prefix_logprob=likely if isinstance(likely, float) else None,
    )


class Reporter:
    """Stamps events with the job and the time and hands them to the receiver."""

    def __init__(self, job_id: str, emit: Emit) -> None:
        self.job_id = job_id
        self._emit = emit
        self._start = time.monotonic()

    def __call__(self, event: type[Any], **fields: object) -> None:
        """Make an event of this class and hand it on."""
        made: Event = event(job_id=self.job_id, time_s=time.monotonic() - self._start, **fields)
        self._emit(made)


class Calls:
    """Model calls and sandbox runs of one job.

    Args:
        job_id: the job's scope in the ledger, opened before.
        cores: held while a program runs, where one is given; shared by all that computes in this process.
        most_searching: tokens that the job's trajectories may take together, where less than its cap, so that there is
            something left for what comes after them; calls at the same time may exceed it, the cap never.
    """

    def __init__(
        self,
        *,
        job_id: str,
        cast: Cast,
        sandbox: Sandbox,
        artifacts: ArtifactStore,
        ledger: Ledger,
        report: Reporter,
        cores: asyncio.Semaphore | None = None,
        most_searching: int | None = None,
    ) -> None:
        self._job_id = job_id
        self._most_searching = most_searching
        self._cast = cast
        self._sandbox = sandbox
        self._artifacts = artifacts
        self._ledger = ledger
        self._report = report
        self._cores = cores
        self._ends = CallEnds(job_id, ledger, artifacts, report)
        self._running: dict[str, asyncio.Task[Generated | Refused]] = {}
        self._text_came = asyncio.Event()

    async def start_trajectory(self, trajectory: str) -> Refused | None:
        """Count a trajectory; returns why it may not start, or None."""
        call = f"{trajectory}/start"
        answer = await self._ledger.reserve(self._job_id, call, Ask(fixed=Usage(trajectories=1)))
        if isinstance(answer, Refused):
            return answer
        if isinstance(answer, Granted):
            await self._ledger.commit(self._job_id, call, answer.reserved)
        return None

    async def was_made(self, key: str) -> bool:
        """Return whether a call was made under this key, now or before; it costs nothing."""
        call = f"{key}/0"
        answer = await self._ledger.reserve(self._job_id, call, Ask(fixed=Usage()))
        if isinstance(answer, Granted):
            await self._ledger.release(self._job_id, call)
        return not isinstance(answer, Granted | Refused)

    async def generate(
        self,
        key: str,
        trajectory: str,
        request: ChatRequest,
        *,
        floor: int,
        role: Role = "solve",
        watch: Callable[[], Watch] | None = None,
    ) -> Generated | Refused:
        """Generate one sample (n samples are n calls, each with its own seed and its own fate).

        A call that was begun under this key is waited for. `max_tokens` is cut to what the context and the caps allow;
        where that is under `floor`, the call is refused.

        Where the endpoint is lost meanwhile, the call is made again under the next attempt's id and a reservation of
        its own, up to `LOSSES_BEFORE_ERROR` times. What came of a sample that was lost or cancelled stays spent, with
        the margin that the model states; where the model states none, the whole reservation does. So it is with a
        sample that its `watch` ends (one is made for each attempt), which is a result all the same.

        Raises:
            PromptTooLong: the prompt leaves no room in the context.
            ProviderError: the endpoint failed. What it may have generated stays spent.
        """
        try:
            return await self.begin(key, trajectory, request, floor=floor, role=role, watch=watch)
        finally:
            self._running.pop(key, None)

    def begin(
        self,
        key: str,
        trajectory: str,
        request: ChatRequest,
        *,
        floor: int,
        role: Role = "solve",
        watch: Callable[[], Watch] | None = None,
    ) -> asyncio.Task[Generated | Refused]:
        """Begin a call that `generate` will be asked for, and return its task; its failure waits for `generate` too."""
        if key not in self._running:
            work = self._generate(key, trajectory, request, floor, self._cast.of(role), watch)
            self._running[key] = asyncio.create_task(work, name=f"generate {key}")
        return self._running[key]

    async def first_text(self, *, at_most_s: float) -> None:
        """Wait until a call that was begun writes its first text, until one ends, or until the time is over."""
        if not self._running:
            return
        waiting = asyncio.create_task(self._text_came.wait())
        await asyncio.wait({waiting, *self._running.values()}, timeout=at_most_s, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def aclose(self) -> None:
        """Cancel what was begun and never asked for."""
        left = list(self._running.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _generate(
        self,
        key: str,
        trajectory: str,
        request: ChatRequest,
        floor: int,
        who: RoleModel,
        watch: Callable[[], Watch] | None,
    ) -> Generated | Refused:
        def show(text: str) -> None:
            self._text_came.set()
            self._report(TextGenerated, trajectory=trajectory, text=text)

        prompt_tokens = await who.model.count_prompt_tokens(request.messages, request.prefix)
        info = who.model.info
        room = info.context_tokens - prompt_tokens
        if room < 1:
            raise PromptTooLong(
                f"{info.name}: a prompt of {prompt_tokens} tokens leaves no room in a context of {info.context_tokens}",
                remedy="use a model with a longer context, or shorten the problem",
            )
        wanted = min(request.sampling.max_tokens, room)
        prices = who.profile.prices
        ask = Ask(
            fixed=Usage(prompt_tokens=prompt_tokens, model_calls=1, cost=prices.cost(prompt_tokens, 0)),
            max_tokens=wanted,
            floor=floor,
            token_cost=prices.cost(0, 1),
        )
        losses = 0
        async for call, answer in self._attempts(key, ask, searching=trajectory != PHASE):
            if isinstance(answer, Refused):
                return answer
            if isinstance(answer, Settled):
                text = await self._kept(call, answer)
                if text is None or answer.artifact is None:
                    continue
                return _generated(text, answer.artifact, answer.used, answer.note)
            sampling = request.sampling.model_copy(update={"max_tokens": answer.max_tokens})
            sampling = who.profile.resolve(sampling)
            written = Written(None if watch is None else watch())
            async with self._ends.held(call):
                try:
                    asked = request.model_copy(
                        update={"sampling": sampling, "session": request.session or self._job_id}
                    )
                    await written.read(who.model, asked, show)
                except asyncio.CancelledError:
                    await self._ends.commit_part(call, answer, written, "cancelled", who)
                    raise
                except ProviderUnavailable as error:
                    if not error.may_have_generated or not error.lost:
                        raise
                    if error.received_tokens is None:
                        self._ledger.forfeit(self._job_id, call)
                    else:
                        await self._ends.commit_part(call, answer, written, "lost", who)
                    losses += 1
                    if losses == LOSSES_BEFORE_ERROR:
                        raise
                    continue
                usage = written.usage
                if usage is None:
                    used = written.used_at_most(answer, info.cut_margin_tokens, prices) or answer.reserved
                else:
                    used = Usage(
                        prompt_tokens=usage.prompt_tokens,
                        completion_tokens=usage.completion_tokens,
                        model_calls=1,
                        cost=prices.cost(usage.prompt_tokens, usage.completion_tokens),
                    )
                note = written.note()
                artifact = await self._ends.keep(call, used, written.text, note=note)
            return _generated(written.text, artifact, used, note)
        raise AssertionError("attempts do not end")

    async def _left_to_search(self, call: str, granted: Granted, floor: int) -> Granted | Refused:
        """Return what of a grant the trajectories may have; where that is under the floor, the call is given up."""
        if self._most_searching is None:
            return granted
        try:
            over = (await self._ledger.usage(self._job_id)).tokens - self._most_searching
        except BaseException:
            await self._ends.give_back(call)
            raise
        if over <= 0:
            return granted
        if granted.max_tokens - over >= floor:
            return replace(granted, max_tokens=granted.max_tokens - over)
        await self._ledger.release(self._job_id, call)
        return Refused(StopReason.CAP_TOKENS, self._job_id)

    async def once(self, key: str, work: Callable[[], Awaitable[str]]) -> str:
        """Return what `work` returns, or what it returned when it was first done for this key; it costs nothing.

        So what was decided by something that changes is the same when a run is gone through again.
        """
        async for call, answer in self._attempts(key, Ask(fixed=Usage())):
            if isinstance(answer, Settled) and answer.artifact is not None:
                return self._artifacts.get(answer.artifact)
            if not isinstance(answer, Granted):
                break
            async with self._ends.held(call):
                text = await work()
                await self._ends.keep(call, Usage(), text)
            return text
        # A cap that is reached refuses even what costs nothing, and the job is about to end.
        return await work()

    async def judge(
        self,
        key: str,
        trajectory: str,
        problem: Problem,
        program: Program,
        tests: Sequence[TestCase],
        probes: Sequence[TestCase] = (),
    ) -> Judged | Refused:
        """Judge a program on tests that a prompt may show, up to the first failure.

        With `probes` all tests are run, and then these calls, whose results are kept and judge nothing.

        Raises:
            SandboxError: the sandbox failed, more than once.
            ConfigError: the sandbox does not have the program's language.
        """
        from solvent.sandbox.judge import judge

        problem = bounded(problem, program.language)

        judging = {test.name for test in tests}

        def on_test(result: TestResult) -> None:
            if result.name in judging:
                self._report(
                    CaseJudged, trajectory=trajectory, test=result.name, verdict=result.verdict, cpu_s=result.cpu_s
                )

        async def run() -> tuple[Judged, float, str | None]:
            done = await judge(
                self._sandbox,
                problem,
                program,
                [*tests, *probes],
                stop_on_failure=not probes,
                on_test=on_test,
                job=self._job_id,
            )
            judged = judged_from(done, tests, len(probes))
            return judged, judged.cpu_s, judged.message if judged.verdict is Verdict.IE else None

        return await self._in_sandbox(key, worst_case_cpu_s(problem, len(tests) + len(probes)), Judged, run)

    async def run(self, key: str, problem: Problem, program: Program) -> Printed | Refused:
        """Run a program without input, and return what it printed: the answer of a math problem.

        Raises:
            SandboxError: the sandbox failed, more than once.
        """
        problem = bounded(problem, program.language)

        async def run() -> tuple[Printed, float, str | None]:
            printed = await printed_from(self._sandbox, problem, program, job=self._job_id)
            return printed, printed.cpu_s, printed.fault

        return await self._in_sandbox(key, worst_case_cpu_s(problem, 1), Printed, run)

    async def _in_sandbox(
        self, key: str, cpu_s: float, kind: type[R], run: Callable[[], Awaitable[tuple[R, float, str | None]]]
    ) -> R | Refused:
        faults = 0
        async for call, answer in self._attempts(key, Ask(fixed=Usage(sandbox_runs=1, sandbox_cpu_s=cpu_s))):
            if isinstance(answer, Refused):
                return answer
            if isinstance(answer, Settled):
                text = await self._kept(call, answer)
                if text is None:
                    continue
                return kind.model_validate_json(text)
            async with self._ends.held(call, self._cores):
                started = time.monotonic()
                try:
                    result, used_s, fault = await run()
                except asyncio.CancelledError:
                    # The program was killed: it cannot have used more than all cores for as long as it ran.
                    most_s = min(cpu_s, (time.monotonic() - started) * (os.cpu_count() or 1))
                    used = Usage(sandbox_runs=1, sandbox_cpu_s=most_s)
                    await self._ends.commit(call, used, {"cancelled": True})
                    raise
                used = Usage(sandbox_runs=1, sandbox_cpu_s=used_s)
                if fault is None:
                    await self._ends.keep(call, used, result.model_dump_json(), JSON)
                    return result
                await self._ends.commit(call, used, {"fault": fault})
            faults += 1
            if faults == FAULTS_BEFORE_ERROR:
                raise SandboxError(f"the sandbox failed {faults} times on {key}: {fault}")
        raise AssertionError("attempts do not end")

    async def _kept(self, call: str, answer: Settled) -> str | None:
        """Return the result of a call that was made before; None where there is none, and it has to be made again.

        One that was lost (a disk, a restored backup) is as spent as it was, and what is made anew is paid again.
        """
        if answer.artifact is None:
            return None
        try:
            return await asyncio.to_thread(self._artifacts.get, answer.artifact)
        except MissingArtifactError as error:
            _log.warning("call %s of job %s is made again: %s", call, self._job_id, error)
            return None

    async def _attempts(
        self, key: str, ask: Ask, *, searching: bool = False
    ) -> AsyncIterator[tuple[str, Granted | Refused | Settled]]:
        for attempt in count():
            call = f"{key}/{attempt}"
            answer = await self._ledger.reserve(self._job_id, call, ask)
            if searching and isinstance(answer, Granted):
                answer = await self._left_to_search(call, answer, ask.floor)
            if not isinstance(answer, Unfinished):
                yield call, answer
