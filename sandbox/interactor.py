"""A solution and an interactor that talk, each in a box of its own; the service relays what they say.

Who ended first decides as in Kattis' problemtools: an interactor that rejects, or fails, before the solution has ended
is followed, whatever the solution does afterwards; else a solution that crashed or ran too long gets that verdict;
else the interactor's word holds. Neither side sees the end of the other's stream before the other has ended, so who
was first does not depend on who is scheduled when. Three differences: a solution that keeps on writing to an
interactor that has accepted and gone is stopped, as by SIGPIPE, and not counted as crashed; an interactor that fails
only because the solution broke off is no failure of the judge; and after a crash or flood the interactor gets a moment
to say what it had already decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from solvent.problems.problem import Verdict
from solvent.sandbox.base import Build, RunLimits, RunningProgram, RunResult, RunStatus, Sandbox
from solvent.sandbox.feedback import Checked
from solvent.sandbox.judgement import BY_STATUS, how_it_ended

LAST_WORD_S = 1.0
"""After a crash or flood of the solution, before the interactor is told that its input has ended."""
END_S = 2.0
"""For the interactor to end, once the verdict cannot change any more."""
PIPE_BYTES = 1 << 20
"""That a solution may have written when an interactor ends, without being stopped."""
SHOWN_BYTES = 4096

_BROKE = (RunStatus.EXIT, RunStatus.SIGNAL, RunStatus.OUTPUT, RunStatus.MEMORY)


@dataclass(frozen=True)
class Side:
    """A program of a talk and how it is started."""

    build: Build
    limits: RunLimits
    arguments: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    keep: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Talk:
    """How a talk ended."""

    solution: RunResult
    interactor: RunResult
    first: Literal["solution", "interactor"]
    """Who ended first; also an interactor that ends right after the solution broke off, before it hears of it."""
    stopped: bool
    """The solution was killed when the interactor had ended, so how it ended says nothing."""
    transcript: str
    """What was said, its first part: lines of the solution after `>`, of the interactor after `<`."""


class _Transcript:
    def __init__(self) -> None:
        self._parts: list[tuple[str, bytearray]] = []
        self._room = SHOWN_BYTES

    def add(self, mark: str, data: bytes) -> None:
        if self._room <= 0:
            return
        if not self._parts or self._parts[-1][0] != mark:
            self._parts.append((mark, bytearray()))
        self._parts[-1][1].extend(data[: self._room])
        self._room -= len(data)

    def text(self) -> str:
        lines = [
            f"{mark} {line}"
            for mark, data in self._parts
            for line in data.decode("utf-8", errors="replace").rstrip("\n").split("\n")
        ]
        return "\n".join([*lines, *(["[... cut]"] if self._room < 0 else [])])


async def talk(sandbox: Sandbox, solution: Side, interactor: Side, *, accepting: frozenset[int], job: str = "") -> Talk:
    """Let the two talk until both have ended.

    Args:
        sandbox: a started sandbox.
        solution: takes a slot.
        interactor: takes none; it mostly waits.
        accepting: exit codes with which the interactor accepts: after any other end of it the solution is stopped.
        job: who asks.

    Raises:
        SandboxError: one of them could not be started.
    """
    # The one that takes a slot comes first: else as many interactors as talks that wait would hold a box each.
    async with (
        sandbox.connect(
            solution.build,
            limits=solution.limits,
            arguments=solution.arguments,
            files=solution.files,
            keep=solution.keep,
            job=job,
        ) as program,
        sandbox.connect(
            interactor.build,
            limits=interactor.limits,
            arguments=interactor.arguments,
            files=interactor.files,
            keep=interactor.keep,
            job=job,
            slot=False,
        ) as judge,
    ):
        return await _Relay(program, judge, accepting).run()


class _Relay:
    def __init__(self, program: RunningProgram, judge: RunningProgram, accepting: frozenset[int]) -> None:
        self._program = program
        self._judge = judge
        self._accepting = accepting
        self._transcript = _Transcript()
        self._first: Literal["solution", "interactor"] = "solution"
        self._judge_ended = False
        self._stopped = False

    async def run(self) -> Talk:
        said = asyncio.create_task(self._from_program())
        heard = asyncio.create_task(self._from_judge())
        program_end = asyncio.create_task(self._program.result())
        judge_end = asyncio.create_task(self._judge.result())
        tasks = (said, heard, program_end, judge_end)
        try:
            await asyncio.wait({program_end, judge_end}, return_when=asyncio.FIRST_COMPLETED)
            if judge_end.done():
                self._first = "interactor"
                await self._after_judge(judge_end, heard, program_end)
            else:
                await self._after_program(program_end, said, judge_end)
            ran, judged = await program_end, await judge_end
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for result in ended:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result
        return Talk(ran, judged, self._first, self._stopped, self._transcript.text())

    async def _from_program(self) -> None:
        late = 0
        while data := await self._program.receive():
            self._transcript.add(">", data)
            if not self._judge_ended:
                await self._judge.send(data)
                continue
            late += len(data)
            if late > PIPE_BYTES:
                await self._stop()
                return

    async def _from_judge(self) -> None:
        while data := await self._judge.receive():
            self._transcript.add("<", data)
            await self._program.send(data)

    async def _stop(self) -> None:
        self._stopped = True
        await self._program.kill()

    async def _after_judge(
        self,
        judge_end: asyncio.Task[RunResult],
        heard: asyncio.Task[None],
        program_end: asyncio.Task[RunResult],
    ) -> None:
        self._judge_ended = True
        if judge_end.result().exit_code not in self._accepting:
            if not program_end.done():
                await self._stop()
            return
        # Its last words go out before the end of the stream does.
        await asyncio.wait({heard, program_end}, return_when=asyncio.FIRST_COMPLETED)
        await self._program.close_stdin()

    async def _after_program(
        self, program_end: asyncio.Task[RunResult], said: asyncio.Task[None], judge_end: asyncio.Task[RunResult]
    ) -> None:
        status = program_end.result().status
        if status in _BROKE:
            await asyncio.wait({judge_end}, timeout=LAST_WORD_S)
            if judge_end.done():
                self._first = "interactor"
                return
        ran_well = status is RunStatus.OK
        patience_s = None if ran_well else END_S
        await asyncio.wait({said, judge_end}, return_when=asyncio.FIRST_COMPLETED, timeout=patience_s)
        await self._judge.close_stdin()
        await asyncio.wait({judge_end}, timeout=patience_s)
        if not judge_end.done():
            await self._judge.kill()


def decide(talk: Talk, checked: Checked) -> tuple[Verdict, str]:
    """Return the verdict of a talk and its reason; pure.

    Args:
        talk: how it ended.
        checked: what the interactor came to (IE: it failed).
    """
    ran = talk.solution
    if RunStatus.FAULT in (ran.status, talk.interactor.status):
        return Verdict.IE, ran.fault or talk.interactor.fault or "the sandbox failed"
    if talk.first == "interactor" and not checked.accepted:
        return checked.verdict, checked.message
    if ran.status is not RunStatus.OK and not talk.stopped:
        return BY_STATUS[ran.status], how_it_ended(ran)
    return checked.verdict, checked.message
