"""From what a model wrote to the module that is tested."""

from __future__ import annotations

import ast
import json

import pytest

from solvent.errors import DataError
from solvent.problems.problem import CallTest, Checker, CodeTest, FunctionSpec, Problem, ProblemKind, Verdict
from solvent.sandbox.functions import complete_function, request, verdict
from solvent.sandbox.harness.solvent_values import encode

STARTER = """import math
from typing import List


def helper(x):
    return x + 1


def solve(x: int) -> List[int]:
    \"\"\"Doc.\"\"\"
"""


def problem(starter: str = STARTER) -> Problem:
    return Problem(
        id="p", kind=ProblemKind.FUNCTION, statement="s", function=FunctionSpec(name="solve", starter_code=starter)
    )


def value_of(module: str, *arguments: object) -> object:
    namespace: dict[str, object] = {}
    exec(compile(module, "solution.py", "exec"), namespace)
    return namespace["solve"](*arguments)  # type: ignore[operator]  # checked by calling it


@pytest.mark.parametrize(
    "text",
    [
        "    return [helper(x)]\n",
        "return [helper(x)]",
        "    y = helper(x)\n    return [y]\n",
        "y = helper(x)\n    return [y]\n",
        "y = helper(x)\nreturn [y]\n",
        "def solve(x):\n    return [helper(x)]\n",
        "from __future__ import annotations\ndef solve(x: Unknown):\n    return [helper(x)]\n",
        "def other(x):\n    return [x + 1]\nsolve = other\n",
        STARTER + "    return [helper(x)]\n",
        "class Box:\n    pass\n\ndef solve(x) -> List[int]:\n    return [math.floor(helper(x))]\n",
    ],
)
def test_continuations_and_whole_modules(text: str) -> None:
    assert value_of(complete_function(problem(), text), 4) == [5]


def test_a_starter_without_a_body_gives_its_helpers_too() -> None:
    starter = "import math\ndef solve(x):\n"
    assert value_of(complete_function(problem(starter), "def solve(x):\n    return math.floor(x)"), 2.5) == 2


def test_text_that_is_no_python_stays_visible_for_the_compiler() -> None:
    module = complete_function(problem(), "Sure! Here is the code:")
    assert "Sure! Here is the code:" in module
    with pytest.raises(SyntaxError):
        ast.parse(module)


def test_a_problem_without_function() -> None:
    with pytest.raises(DataError):
        complete_function(Problem(id="p", kind=ProblemKind.STDIO, statement="s"), "x")


def test_no_expected_value_is_in_a_request() -> None:
    data, token = request(problem(), CallTest(name="t", arguments=(1,), expected="the secret"))
    assert b"secret" not in data
    assert json.loads(data)["token"] == token


def answered(value: object, expected: object, checker: Checker | None = None) -> Verdict:
    test = CallTest(name="t", expected=expected)  # type: ignore[arg-type]  # pydantic checks it
    stdout = json.dumps({"answer": {"message": [[encode(value)], []]}, "token": "k"}).encode()
    return verdict(checker or Checker(), test, "k", stdout)[0]


@pytest.mark.parametrize(
    ("value", "expected", "wanted"),
    [
        ((1, 2), [1, 2], Verdict.AC),
        ([1, 2], [2, 1], Verdict.WA),
        ({1: "a"}, {"1": "a"}, Verdict.AC),
        ({(1, 2): 3}, {"(1, 2)": 3}, Verdict.AC),
        (True, 1, Verdict.WA),
        (1, True, Verdict.WA),
        (1.0, 1, Verdict.AC),
        (0.1 + 0.2, 0.3, Verdict.WA),
        ("1", 1, Verdict.WA),
        (None, None, Verdict.AC),
        (float("nan"), None, Verdict.WA),
        ({3, 1}, [1, 3], Verdict.AC),
    ],
)
def test_values_are_compared_here(value: object, expected: object, wanted: Verdict) -> None:
    assert answered(value, expected) is wanted


def test_tolerance_and_order_come_from_the_checker() -> None:
    assert answered(0.1 + 0.2, 0.3, Checker(absolute_tolerance=1e-9)) is Verdict.AC
    assert answered([2, 1], [1, 2], Checker(type="unordered")) is Verdict.AC
    assert answered([2, 2], [1, 2], Checker(type="unordered")) is Verdict.WA


@pytest.mark.parametrize(
    "stdout",
    [
        b"",
        b"passed",
        b"{}",
        b"[1]",
        b'{"outcome": "passed"}',
        b'{"outcome": "passed", "token": "guess"}',
        b"\xff",
        b"{" * 9000,
    ],
)
def test_an_answer_without_the_token_is_none(stdout: bytes) -> None:
    assert verdict(Checker(), CodeTest(name="t", code=""), "k", stdout)[0] is Verdict.RE


def test_an_answer_without_a_value_is_not_none() -> None:
    stdout = json.dumps({"answer": {"outcome": "failed", "reason": "odd"}, "token": "k"}).encode()
    assert verdict(Checker(), CallTest(name="t", expected=None), "k", stdout)[0] is Verdict.RE


def test_a_forged_value_is_a_wrong_answer() -> None:
    stdout = json.dumps({"answer": {"message": [[{"nonsense": 1}], []]}, "token": "k"}).encode()
    assert verdict(Checker(), CallTest(name="t", expected=1), "k", stdout)[0] is Verdict.WA
