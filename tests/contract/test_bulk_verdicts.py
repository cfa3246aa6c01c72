"""Bulk verdicts for the training room agree with the judge, and no program disturbs another."""

from __future__ import annotations

import pytest

from solvent.problems.problem import ProblemKind, Verdict
from solvent.sandbox.base import Program, Sandbox
from solvent.sandbox.judge import judge
from solvent.training.bulk import Candidate, judge_all
from solvent.training.families import generate

pytestmark = [pytest.mark.bubblewrap, pytest.mark.usefixtures("require_bubblewrap")]

ODD = (
    "import sys\nsys.exit(3)",
    "print(open('/etc/passwd').read() * 100)",
    "while True: pass",
    "def broken(:",
    "import os\nos._exit(0)",
    "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "print('x' * 10**7)",
    "",
    "null = chr(0)\nprint(null)",
)
ODD_AFTER = (
    "print('loaded')",
    "def {name}(*a): return 1 // 0",
    "def {name}(*a): raise SystemExit(0)",
    "{name} = 5",
    "right = {name}\ndef {name}(*a): print(a); return tuple(right(*a)) if a else None",
    "class Odd:\n    def __repr__(self): return '['\ndef {name}(*a): return Odd()",
    "import sys\ndef {name}(*a): sys.stdout.write('5'); return a",
    "def {name}(*a):\n    while True: pass",
)


async def test_right_wrong_and_odd_programs_get_the_judges_verdict(local_sandbox: Sandbox) -> None:
    families = ("list", "number", "string", "list-rules", "grid")
    problems = [problem for family in families for problem in generate("held-out", family, 2, 3, 1)]
    function = next(problem for problem in problems if problem.kind is ProblemKind.FUNCTION)
    candidates = [
        Candidate(problem, other.solutions[0].source) for problem in problems for other in (problem, problems[0])
    ]
    printing = next(problem for problem in problems if problem.kind is ProblemKind.STDIO)
    candidates += [Candidate(printing, source) for source in ODD]
    answer = printing.solutions[0].source
    candidates += [Candidate(printing, f"{answer}\nraise SystemExit{code}") for code in ("", "(0)", "(1)", "('no')")]
    assert function.function is not None
    right = function.solutions[0].source
    candidates += [
        Candidate(function, f"{right}\n{source.format(name=function.function.name)}") for source in ODD_AFTER
    ]
    candidates += [Candidate(function, source.format(name=function.function.name)) for source in ODD]
    verdicts = await judge_all(local_sandbox, candidates)
    assert len(verdicts) == len(candidates)
    for candidate, verdict in zip(candidates, verdicts, strict=True):
        program = Program(language="python", source=candidate.source)
        tests = (*candidate.problem.public_tests, *candidate.problem.hidden_tests)
        judgement = await judge(local_sandbox, candidate.problem, program, tests, stop_on_failure=True)
        assert (verdict.public and verdict.hidden) == (judgement.verdict is Verdict.AC), candidate.source
    right_ones = [candidate.source for candidate, v in zip(candidates, verdicts, strict=True) if v.public and v.hidden]
    assert set(right_ones) >= {problem.solutions[0].source for problem in problems}
    assert {f"{answer}\nraise SystemExit{code}" for code in ("", "(0)")} <= set(right_ones)
