"""Jobs for the cluster's tests, and the scripts that answer them where the model is a scripted one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solvent.agents.job import JobSpec
from solvent.problems.problem import IoTest, Problem, ProblemKind
from solvent.usage import Budget

Line = Mapping[str, Any]


def add_problem(number: int) -> Problem:
    """A program that the bundled model often writes: it adds `number`."""
    tests = [IoTest(name=f"{given}", stdin=f"{given}\n", expected=f"{given + number}\n") for given in (4, -12)]
    return Problem(
        id=f"add-{number}",
        kind=ProblemKind.STDIO,
        statement=f"Read an integer. Add {number}. Print it.",
        public_tests=tuple(tests[:1]),
        hidden_tests=tuple(tests[1:]),
        languages=("python",),
    )


def starter_specs(count: int, *, prefix: str = "job", seed: int = 0, **changes: Any) -> list[JobSpec]:
    """Small jobs for the bundled model: at most two attempts with short replies, judged on one public test."""
    return [
        JobSpec.model_validate(
            {
                "id": f"{prefix}-{number:04}",
                "problem": add_problem(1 + number % 97),
                "parameters": {"wave": 1, "max_trajectories": 2, "repairs": 0, "max_tokens": 48},
                "model": "starter-server",
                "seed": seed + number,
                "budget": Budget(tokens=2_000),
                **changes,
            }
        )
        for number in range(count)
    ]


def program(number: int, *, wrong: bool = False) -> str:
    """A reply with the program for a job of `scripted_specs`; a wrong one says in it whose first try it is."""
    mark, more = (f"{first_try(number)}\n", " - 1") if wrong else ("", "")
    return f"Here it is:\n```python\n{mark}print(int(input()) + {number}{more})\n```\n"


def first_try(number: int) -> str:
    """What the prompt of a repair has and no other."""
    return f"# the first try of <{number}>"


def scripted_specs(count: int, *, prefix: str = "job", **changes: Any) -> list[JobSpec]:
    """Jobs that go through every phase with the script of `scripted_lines`: a wrong program, then its repair."""
    return [
        JobSpec.model_validate(
            {
                "id": f"{prefix}-{number:04}",
                "problem": add_problem(number).model_copy(update={"statement": f"<{number}> Add {number}."}),
                "parameters": {"wave": 2, "max_trajectories": 3, "repairs": 2, "max_tokens": 60},
                "model": "scripted-server",
                "budget": Budget(tokens=5_000),
                **changes,
            }
        )
        for number in range(count)
    ]


def scripted_lines(count: int) -> list[Line]:
    """What answers `scripted_specs`: a prompt with the first try in it gets the right program, any other the wrong."""
    repairs = [{"contains": first_try(number), "texts": [program(number)]} for number in range(count)]
    firsts = [{"contains": f"<{number}> Add", "texts": [program(number, wrong=True)]} for number in range(count)]
    return [*repairs, *firsts]
