"""Function tests on real sandboxes: programs that forge a success are never accepted, honest ones are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sandboxes import BACKENDS, make_sandbox

from solvent.problems.problem import CallTest, CodeTest, FunctionSpec, Limits, Problem, ProblemKind, Verdict
from solvent.sandbox.base import Program, Sandbox
from solvent.sandbox.judge import Judgement, judge
from tests.integration.forged_programs import FORGED, HONEST

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLS = Problem(
    id="double",
    kind=ProblemKind.FUNCTION,
    statement="Double each.",
    limits=Limits(cpu_time_s=1, wall_time_s=2, memory_mb=128, output_mb=1),
    function=FunctionSpec(name="double", starter_code="def double(xs):\n"),
    hidden_tests=(
        CallTest(name="a", arguments=([1, 2],), expected=[2, 4]),
        CallTest(name="b", keywords={"xs": [0]}, expected=[0]),
    ),
)
_CODE = """
import copy, random, unittest  # SECRET_OF_THE_TEST
def check(candidate):
    xs = [1, 2]
    ys = candidate(xs)
    assert ys == [2 * x for x in xs], "SECRET_OF_THE_TEST"
    for _ in range(3):
        try:
            assert sorted(candidate([3, 1])) == [2, 6]
        except AssertionError:
            raise
check(double)
"""
CODE = CALLS.model_copy(update={"hidden_tests": (CodeTest(name="t", code=_CODE),)})
LAX = CODE.model_copy(
    update={"hidden_tests": (CodeTest(name="t", code="try:\n    double([1])\nexcept:\n    pass\n" + _CODE),)}
)
"""Test code that catches everything once: a lost process must not look like one of its failing calls."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=BACKENDS)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    made = make_sandbox(request.param, request)
    await made.start()
    yield made
    await made.aclose()


async def judged(sandbox: Sandbox, source: str, problem: Problem) -> Judgement:
    program = Program(language="python", source=source)
    return await judge(sandbox, problem, program, problem.hidden_tests, stop_on_failure=True)


async def test_the_honest_program_is_accepted(sandbox: Sandbox) -> None:
    for problem in (CALLS, CODE, LAX):
        result = await judged(sandbox, HONEST, problem)
        assert result.verdict is Verdict.AC, result


@pytest.mark.parametrize("name", list(FORGED))
async def test_no_forged_success_is_accepted(sandbox: Sandbox, name: str) -> None:
    results = await asyncio.gather(*(judged(sandbox, FORGED[name], problem) for problem in (CALLS, CODE, LAX)))
    for result in results:
        assert result.verdict in (Verdict.WA, Verdict.RE, Verdict.TLE, Verdict.MLE, Verdict.OLE), (name, result)
    assert (await judged(sandbox, HONEST, CODE)).verdict is Verdict.AC


async def judged_code(sandbox: Sandbox, code: str, source: str, starter: str = "", name: str = "double") -> Judgement:
    problem = CODE.model_copy(
        update={
            "function": FunctionSpec(name=name, starter_code=starter),
            "hidden_tests": (CodeTest(name="t", code=code),),
        }
    )
    return await judged(sandbox, source, problem)


STACK = """
class Stack:
    limit = 3
    def __init__(self, *items): self.items = [*items]
    def push(self, item): self.items.append(item)
    def __len__(self): return len(self.items)
    def __eq__(self, other): return isinstance(other, Stack) and self.items == other.items
    def __iter__(self): return iter(self.items)
    def __add__(self, other): return Stack(*self.items, *other.items)
    def __contains__(self, item): return item in self.items
    def __lt__(self, other): return len(self.items) < len(other.items)
    def __getitem__(self, index): return self.items[index]
    @classmethod
    def of(cls, *items): return cls(*items)
"""
NODE = """class Node:
    def __init__(self, value, after=None):
        self.value = value
        self.after = after


"""


@pytest.mark.parametrize(
    ("code", "source", "starter", "name", "verdict"),
    [
        pytest.param(
            "s = Stack(1)\ns.push(2)\nassert len(s) == 2 and isinstance(s, Stack) and list(s) == [1, 2]\n"
            "assert s == Stack.of(1, 2) and s != Stack(1) and s + s == Stack(1, 2, 1, 2) and 2 in s and s[0] == 1\n"
            "assert Stack.limit == 3 and s.items == [1, 2] and Stack(1) < s and s != [1, 2]",
            STACK, "", "Stack", Verdict.AC, id="a class of the solution",
        ),
        pytest.param(
            "assert Money(3).value == 3\nassert double(3) == 6",
            "class Money:\n    def __init__(self, value): self.value = value\n"
            "    def __eq__(self, other): return True\ndef double(x): return Money(x)",
            "", "double", Verdict.WA, id="its objects never equal plain values",
        ),
        pytest.param(
            "head = None\nfor i in range(2000): head = Node(i, head)\nhead = double(head)\nfound = []\n"
            "while head: found.append(head.value); head = head.after\n"
            "assert found == [2 * i for i in reversed(range(2000))]",
            "    first = node\n    while node: node.value, node = 2 * node.value, node.after\n    return first",
            NODE + "def double(node):\n", "double", Verdict.AC, id="objects of the problem's own class",
        ),
        pytest.param(
            "assert Money(3).value == 3\nassert abs(double(3) - 6) < 1e-9",
            "class Money:\n    def __init__(self, value): self.value = value\n"
            "    def __sub__(self, other): return 0.0\ndef double(x): return Money(x)",
            "", "double", Verdict.WA, id="nor do they compute with plain values",
        ),
        pytest.param(
            "assert abs(double(3) - 6) < 1e-9",
            "class double:\n    def __init__(self, x): pass\n    def __sub__(self, other): return 0.0",
            "", "double", Verdict.RE, id="a class in place of a function",
        ),
        pytest.param(
            "assert Money(3).value == 3\nassert 6 in double(3)",
            "class Money:\n    def __init__(self, value): self.value = value\n"
            "class Any(Money):\n    def __contains__(self, x): return True\ndef double(x): return Any(x)",
            "", "double", Verdict.RE, id="an object of a class that the test does not know",
        ),
        pytest.param(
            "assert Money(3).value == 3\nassert double(Node(1)).equals(Node(2))",
            "class Money:\n    def __init__(self, value): self.value = value\n"
            "class Yes:\n    def __init__(self, *x): pass\n"
            "def double(node):\n    node.equals = Yes\n    return node",
            NODE.replace("\n\n\n", "\n    def equals(self, other): return self.value == other.value\n\n\n")
            + "def double(node):\n", "double", Verdict.RE, id="an object that brings its own methods",
        ),
        pytest.param(
            "class Pair:\n    pass\nassert double(Pair()) == 1", "def double(x): return 1", "", "double", Verdict.IE,
            id="objects of the test's class cannot be passed",
        ),
        pytest.param(
            "tree = Node(1, Node(2))\nassert double(tree) == Node(2, Node(4)) and tree.value == 1",
            "class Node:\n    def __init__(self, value, after=None): self.value, self.after = value, after\n"
            "    def __eq__(self, other): return True\ndef double(node): return Node(9)",
            NODE.replace("\n\n\n", "\n    def __eq__(self, other):\n"
            "        return other is not None and (self.value, self.after) == (other.value, other.after)\n\n\n")
            + "def double(node):\n", "double", Verdict.WA, id="the problem's class decides about equality",
        ),
        pytest.param(
            "try:\n    double(1)\n    assert False\nexcept Odd as error:\n    assert error.args == ('odd', 3)",
            "class Odd(ValueError): pass\ndef double(x): raise Odd('odd', 3)",
            "", "double", Verdict.AC, id="an exception class of the solution",
        ),
        pytest.param(
            "seen = []\ndef each(x):\n    seen.append(x)\n    if x > 1: raise KeyError(x)\n    return x\n"
            "assert double(each) == [0, 1, 'KeyError'] and seen == [0, 1, 2]",
            "def double(f):\n    out = []\n    for x in range(3):\n        try: out.append(f(x))\n"
            "        except KeyError as e: out.append(type(e).__name__)\n    return out",
            "", "double", Verdict.AC, id="functions of the test are called back",
        ),
        pytest.param(
            "import asyncio\nassert asyncio.run(double(3)) == 6", "async def double(x): return 2 * x",
            "", "double", Verdict.AC, id="a coroutine function",
        ),
        pytest.param(
            "assert double(3) == 6 and Solution().double(2) == 4",
            "class Solution:\n    def double(self, x):\n        return 2 * x",
            "class Solution:\n    def double(self, x: int) -> int:\n", "double", Verdict.AC, id="a method of Solution",
        ),
        pytest.param(
            "xs = [3, 1, 2]\nassert double(xs) == sorted(xs)", "def double(xs):\n    xs.clear()\n    return xs",
            "", "double", Verdict.WA, id="changed arguments do not change what the test expects",
        ),
        pytest.param(
            "xs = [1, 1, 2]\nassert double(xs) == 2 and xs[:2] == [1, 2]",
            "def double(xs):\n    xs[:] = sorted(set(xs))\n    return len(xs)",
            "", "double", Verdict.AC, id="changed arguments that the test looks at",
        ),
        pytest.param(
            "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(double(2), 5)",
            "def double(x): return 2 * x", "", "double", Verdict.WA, id="tests that nothing calls are run",
        ),
        pytest.param(
            "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(double(2), 4)\n"
            "if __name__ == '__main__':\n    unittest.main()",
            "def double(x): return 2 * x", "", "double", Verdict.AC, id="unittest.main",
        ),
        pytest.param("assert double(1 << 9) == 1 << 50_000", "def double(x): return 1 << 50_000", "", "double",
                     Verdict.AC, id="a huge number"),
        pytest.param("assert double(1)", "def double(x):\n  return (", "", "double", Verdict.CE, id="no Python"),
    ],
)  # fmt: skip
async def test_what_test_code_may_do(
    sandbox: Sandbox, code: str, source: str, starter: str, name: str, verdict: Verdict
) -> None:
    result = await judged_code(sandbox, code, source, starter, name)
    assert result.verdict is verdict, result


async def test_tests_that_share_a_run_get_the_verdicts_of_their_own(sandbox: Sandbox) -> None:
    source = """
import os, sys, time
def double(x):
    print(f"call of {x}", file=sys.stderr)
    if x == 1: return 0
    if x == 2: raise ValueError(x)
    if x == 3: os._exit(0)
    if x == 4:
        while True: pass
    if x == 5: data = bytearray(1 << 29)
    if x == 6: os.kill(0, 9)
    return 2 * x
"""
    wanted = ["AC", "WA", "RE", "RE", "TLE", "MLE", "RE", "AC", "AC"]
    tests = tuple(CallTest(name=str(n), arguments=(n,), expected=2 * n) for n in range(9))
    for order in (tests, tuple(reversed(tests))):
        problem = CALLS.model_copy(update={"hidden_tests": order})
        result = await judge(sandbox, problem, Program(language="python", source=source), order)
        found = {test.name: test for test in result.tests}
        assert [found[str(n)].verdict.value for n in range(9)] == wanted
        assert [found[str(n)].stderr for n in (0, 1, 7, 8)] == [f"call of {n}\n" for n in (0, 1, 7, 8)]
