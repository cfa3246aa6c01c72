"""A problem's own checkers, each run in a box: ICPC output validators, checkers with testlib, Python checkers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from solvent.errors import SandboxError
from solvent.problems.problem import Checker, IoTest, Problem, Solution
from solvent.sandbox import feedback
from solvent.sandbox.base import Program
from solvent.sandbox.feedback import Checked
from solvent.sandbox.setters import SettersPrograms, called, encode, program_of
from solvent.sandbox.validator_call import ValidatorCall

_DRIVER = Path(__file__).resolve().parent / "checkers" / "python_driver.py"
_MODULE = "problem_checker"
_ANSWER = "solvent_data/answer.json"


@cache
def _driver() -> str:
    return _DRIVER.read_text(encoding="utf-8")


class OutputChecker:
    """Asks the problem's checker about outputs.

    Args:
        problem: whose.
        programs: builds and limits.
        submission: whose outputs are checked; Python checkers may read its source.
    """

    def __init__(self, problem: Problem, programs: SettersPrograms, submission: Program) -> None:
        self._problem = problem
        self._programs = programs
        self._submission = submission

    async def check(
        self, checker: Checker, test: IoTest, given: bytes, output: bytes, *, best: float, state: Mapping[str, bytes]
    ) -> Checked:
        """Return what a custom checker says of an output.

        Args:
            checker: a custom one.
            test: that was run.
            given: the input of this pass.
            output: of the program.
            best: points of the test.
            state: files of the feedback directory after the pass before this one.

        Raises:
            SandboxError: the checker cannot be run.
            ConfigError: its language is not there.
        """
        if checker.program is None:
            raise SandboxError("the problem's checker is its own program, but that program is missing")
        match checker.style:
            case "testlib":
                return await self._testlib(checker, checker.program, test, given, output)
            case "python":
                return await self._python(checker, checker.program, test, given, output, best)
            case _:
                return await self._validator(checker, checker.program, test, given, output, state)

    async def _validator(
        self,
        checker: Checker,
        program: Solution,
        test: IoTest,
        given: bytes,
        output: bytes,
        state: Mapping[str, bytes],
    ) -> Checked:
        call = await ValidatorCall.prepare(
            self._problem, self._programs, program, checker.files, checker.arguments, "output validator"
        )
        run = await self._programs.sandbox.run(
            call.build,
            limits=self._programs.run_limits,
            stdin=output,
            arguments=call.arguments,
            files=call.files(test, given, state),
            keep=call.keep,
            job=self._programs.job,
        )
        return call.checked(run, test)

    async def _testlib(self, checker: Checker, program: Solution, test: IoTest, given: bytes, output: bytes) -> Checked:
        build = await self._programs.build(program_of(program, checker.files), "checker")
        run = await self._programs.sandbox.run(
            build,
            limits=self._programs.run_limits,
            arguments=called(checker.call, ("input", "output", "answer"), checker.arguments),
            files={"input": given, "output": output, "answer": encode(test.expected)},
            job=self._programs.job,
        )
        return feedback.from_testlib(run, scoring=self._problem.scoring)

    async def _python(
        self, checker: Checker, program: Solution, test: IoTest, given: bytes, output: bytes, best: float
    ) -> Checked:
        module = program.file_name.removesuffix(".py") or _MODULE
        files = {**program.files, **checker.files, f"{module}.py": program.source}
        driver = Program(language="python", source=_driver(), files=files)
        build = await self._programs.build(driver, "checker")
        token = secrets.token_hex(16)
        keywords = {
            "point_value": best,
            "case_position": 0,
            "batch": 0,
            "submission_language": self._submission.language,
            "binary_data": False,
            "execution_time": 0.0,
            "problem_id": self._problem.id,
            **checker.keywords,
        }
        request = {"token": token, "module": module, "keywords": keywords}
        run = await self._programs.sandbox.run(
            build,
            limits=self._programs.run_limits,
            files={
                "solvent_data/request.json": json.dumps(request).encode(),
                "solvent_data/input": given,
                "solvent_data/output": output,
                "solvent_data/answer": encode(test.expected),
                "solvent_data/source": encode(self._submission.source),
            },
            keep={_ANSWER: 64 << 10},
            job=self._programs.job,
        )
        answer = run.files.get(_ANSWER)
        return feedback.from_python(run, answer, token, scoring=self._problem.scoring)
