"""One program on tests with input and expected output: plain, with files, with the problem's checker, in passes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from solvent.errors import ConfigError, SandboxError, SandboxUnavailable
from solvent.problems.checkers import compare
from solvent.problems.problem import Checker, IoTest, Problem, Verdict
from solvent.sandbox import feedback
from solvent.sandbox.base import Build, Program, RunLimits, RunResult, RunStatus, Sandbox
from solvent.sandbox.feedback import Checked
from solvent.sandbox.grouping import Outcome
from solvent.sandbox.interactor import Side, Talk, decide, talk
from solvent.sandbox.judgement import BY_STATUS, TestResult, how_it_ended, result_of, run_limits
from solvent.sandbox.languages import find_language
from solvent.sandbox.setters import SettersPrograms, called, encode, program_of
from solvent.sandbox.validator import OutputChecker
from solvent.sandbox.validator_call import ValidatorCall

_THREAD_BYTES = 256 << 10
"""Outputs from this size on are compared in a thread, so that other jobs go on."""
_ACCEPTING = {"icpc": frozenset({42}), "testlib": frozenset({0, 7, *range(16, 117)})}
_TESTLIB_OUTPUT_BYTES = 64 << 20


_THREADS_WALL = 3.0
"""For run times with threads of their own: the supervisor sees only the first thread wait for a core."""


def _limits_for(problem: Problem, build: Build) -> RunLimits:
    limits = run_limits(problem.limits)
    if find_language(build.language).processes == 1:
        return limits
    return limits.model_copy(update={"wall_time_s": _THREADS_WALL * limits.wall_time_s})


@dataclass(frozen=True, slots=True)
class _Pass:
    """One run of the program, and what was made of it."""

    verdict: Verdict
    message: str
    run: RunResult
    checked: Checked | None = None
    transcript: str | None = None


class IoTests:
    """Runs tests of one program.

    Args:
        sandbox: a started sandbox.
        problem: gives limits, checkers and interactor.
        program: as it was built.
        build: of it.
        programs: the problem's own programs.
        job: who asks.
    """

    def __init__(
        self, sandbox: Sandbox, problem: Problem, program: Program, build: Build, programs: SettersPrograms, job: str
    ) -> None:
        self._sandbox = sandbox
        self._problem = problem
        self._build = build
        self._programs = programs
        self._job = job
        self._limits = _limits_for(problem, build)
        self._checker = OutputChecker(problem, programs, program)
        self._groups = {group.name: group for group in problem.groups}
        self._checkers: dict[str, Checker] = {}

    async def run(self, test: IoTest) -> tuple[TestResult, Outcome]:
        """Return the result of one test; IE where the sandbox or the problem's own programs failed.

        Raises:
            SandboxUnavailable: no sandbox can run here.
        """
        passes: list[_Pass] = []
        given, state = encode(test.stdin), dict[str, bytes]()
        try:
            while True:
                done = await (self._talk if self._problem.interactor else self._once)(test, given, state)
                passes.append(done)
                if done.verdict is not Verdict.AC or done.checked is None or done.checked.next_input is None:
                    break
                if len(passes) == self._problem.passes:
                    message = f"the output validator asks for more than {self._problem.passes} passes"
                    passes[-1] = replace(done, verdict=Verdict.IE, message=message)
                    break
                given, state = done.checked.next_input, dict(done.checked.state)
        except SandboxUnavailable:
            raise
        except (SandboxError, ConfigError) as error:
            last = passes[-1].run if passes else RunResult(status=RunStatus.FAULT)
            passes.append(_Pass(Verdict.IE, error.message, last))
        return self._result(test, passes)

    def _result(self, test: IoTest, passes: list[_Pass]) -> tuple[TestResult, Outcome]:
        last = passes[-1]
        if len(passes) == 1 and last.checked is None:
            result = result_of(test.name, last.verdict, last.message, last.run, group=test.group)
            return result, Outcome(last.verdict)
        checked = last.checked or Checked(last.verdict)
        message = last.message
        if self._problem.passes > 1 and message:
            message = f"pass {len(passes)}: {message}"
        slowest = max(done.run.cpu_s for done in passes)
        transcripts = [done.transcript for done in passes if done.transcript is not None]
        result = result_of(
            test.name,
            last.verdict,
            message,
            last.run,
            stdout="\n---\n".join(transcripts) if transcripts else None,
            group=test.group,
            cpu_s=slowest,
            other_cpu_s=sum(done.run.cpu_s for done in passes) - slowest,
            checker_cpu_s=sum(done.checked.cpu_s for done in passes if done.checked),
            judge_message=checked.judge_message,
            team_message=checked.team_message,
        )
        if last.verdict is not checked.verdict:
            return result, Outcome(last.verdict)
        return result, Outcome(last.verdict, checked.score, checked.share)

    def _checker_of(self, test: IoTest) -> Checker:
        if test.checker is not None:
            return self._problem.checker_for(test)
        checker = self._checkers.get(test.group)
        if checker is None:
            checker = self._checkers[test.group] = self._problem.checker_for(test)
        return checker

    def _best(self, test: IoTest) -> float:
        if test.points is not None:
            return test.points
        group = self._groups.get(test.group)
        return group.accept_score if group else 1.0

    def _given_files(self, test: IoTest, given: bytes) -> dict[str, bytes]:
        files = {name: encode(text) for name, text in test.files.items()}
        if self._problem.input_file:
            files[self._problem.input_file] = given
        return files

    async def _once(self, test: IoTest, given: bytes, state: Mapping[str, bytes]) -> _Pass:
        """Run the program, then look at what it printed."""
        problem = self._problem
        run = await self._sandbox.run(
            self._build,
            limits=self._limits,
            stdin=b"" if problem.input_file else given,
            arguments=test.arguments,
            files=self._given_files(test, given) if test.files or problem.input_file else None,
            keep={problem.output_file: problem.limits.file_size_mb << 20} if problem.output_file else None,
            job=self._job,
        )
        if run.status is not RunStatus.OK:
            return _Pass(BY_STATUS[run.status], how_it_ended(run), run)
        output = run.stdout
        if problem.output_file:
            kept = run.files.get(problem.output_file)
            if kept is None:
                return _Pass(Verdict.WA, f"it wrote no file {problem.output_file!r}", run)
            if len(kept) > self._limits.output_bytes:
                return _Pass(Verdict.OLE, "it wrote more than the output limit", run)
            output = kept
            run = run.model_copy(update={"stdout": kept, "files": {}})
        return await self._compared(test, given, output, run, state)

    async def _compared(
        self, test: IoTest, given: bytes, output: bytes, run: RunResult, state: Mapping[str, bytes]
    ) -> _Pass:
        checker = self._checker_of(test)
        if checker.type == "custom":
            checked = await self._checker.check(checker, test, given, output, best=self._best(test), state=state)
            return _Pass(checked.verdict, checked.message, run, checked)
        if output == encode(test.expected):
            return _Pass(Verdict.AC, "", run)
        text = output.decode("utf-8", errors="surrogateescape")
        if len(output) + len(test.expected) < _THREAD_BYTES:
            compared = compare(checker, test.expected, text)
        else:
            compared = await asyncio.to_thread(compare, checker, test.expected, text)
        verdict = Verdict.AC if compared.accepted else Verdict.WA
        shared = None if compared.share is None else Checked(verdict, compared.reason, share=compared.share)
        return _Pass(verdict, compared.reason, run, shared)

    async def _talk(self, test: IoTest, given: bytes, state: Mapping[str, bytes]) -> _Pass:
        """Let the program talk with the interactor."""
        interactor = self._problem.interactor
        assert interactor is not None, "asked only for interactive problems"
        solution = Side(self._build, self._limits, arguments=test.arguments, files=self._given_files(test, given))
        limits = self._programs.run_limits
        wall_s = limits.wall_time_s + self._limits.wall_time_s
        limits = limits.model_copy(update={"wall_time_s": wall_s})
        if interactor.style == "icpc":
            own = self._checker_of(test)
            flags = own.arguments if own.type == "custom" and own.style == "icpc" else interactor.arguments
            call = await ValidatorCall.prepare(
                self._problem, self._programs, interactor.program, interactor.files, flags, "interactor"
            )
            side = Side(call.build, limits, call.arguments, call.files(test, given, state), call.keep)
            ended = await self._converse(solution, side, "icpc")
            checked = call.checked(ended.interactor, test)
        else:
            build = await self._programs.build(program_of(interactor.program, interactor.files), "interactor")
            files = {"input": given, "answer": encode(test.expected)}
            arguments = called(interactor.call, ("input", "output", "answer"), interactor.arguments)
            side = Side(build, limits, arguments, files, {"output": _TESTLIB_OUTPUT_BYTES})
            ended = await self._converse(solution, side, "testlib")
            checked = feedback.from_testlib(ended.interactor, scoring=self._problem.scoring, what="interactor")
        verdict, message = decide(ended, checked)
        done = _Pass(verdict, message, ended.solution, checked, ended.transcript)
        checker = self._checker_of(test)
        if verdict is not Verdict.AC or interactor.style == "icpc" or checker.type != "custom":
            return done
        output = ended.interactor.files.get("output", b"")
        after = await self._checker.check(checker, test, given, output, best=self._best(test), state={})
        after = replace(after, cpu_s=after.cpu_s + checked.cpu_s)
        return _Pass(after.verdict, after.message, ended.solution, after, ended.transcript)

    async def _converse(self, solution: Side, interactor: Side, style: str) -> Talk:
        return await talk(self._sandbox, solution, interactor, accepting=_ACCEPTING[style], job=self._job)
