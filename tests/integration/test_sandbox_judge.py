"""The judge on real sandboxes: every verdict, validators, function tests, and programs that try to forge a success."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sandboxes import WITH_ZYGOTE, make_sandbox

from solvent.errors import ConfigError
from solvent.problems.problem import (
    CallTest,
    Checker,
    CodeTest,
    FunctionSpec,
    IoTest,
    Limits,
    Problem,
    ProblemKind,
    Solution,
    Verdict,
)
from solvent.sandbox.base import Program, Sandbox
from solvent.sandbox.judge import Judgement, TestResult, judge

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = Limits(cpu_time_s=1, wall_time_s=5, memory_mb=64, output_mb=1)
SUM = Problem(
    id="sum",
    kind=ProblemKind.STDIO,
    statement="Add.",
    limits=LIMITS,
    hidden_tests=tuple(IoTest(name=f"t{n}", stdin=f"{n} 2\n", expected=f"{n + 2}\n") for n in range(3)),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=WITH_ZYGOTE)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    made = make_sandbox(request.param, request)
    await made.start()
    yield made
    await made.aclose()


async def judged(sandbox: Sandbox, source: str, problem: Problem = SUM, language: str = "python") -> Judgement:
    return await judge(sandbox, problem, Program(language=language, source=source), problem.hidden_tests)


ADD = "a, b = map(int, input().split())\n"


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        (ADD + "print(a + b)", Verdict.AC),
        (ADD + "print(a - b)", Verdict.WA),
        (ADD + "print(a + b if a < 2 else 0)", Verdict.WA),
        (ADD + "raise ValueError(a)", Verdict.RE),
        (ADD + "print(a + b); raise SystemExit(1)", Verdict.RE),
        ("while True: pass", Verdict.TLE),
        ("x = bytearray(1 << 28)", Verdict.MLE),
        ("while True: print('x' * 9999)", Verdict.OLE),
        ("print(", Verdict.CE),
    ],
)
async def test_verdicts(sandbox: Sandbox, source: str, verdict: Verdict) -> None:
    result = await judged(sandbox, source)
    assert result.verdict is verdict, result
    assert (result.message == "") is (verdict is Verdict.AC)
    assert len(result.tests) == (0 if verdict is Verdict.CE else 3)


async def test_stops_at_the_first_failure_and_tells_each_test(sandbox: Sandbox) -> None:
    told: list[TestResult] = []
    program = Program(language="python", source=ADD + "print(a + b if a != 1 else 0)")
    result = await judge(sandbox, SUM, program, SUM.hidden_tests, stop_on_failure=True, on_test=told.append)
    assert [(test.name, test.verdict) for test in result.tests] == [("t0", Verdict.AC), ("t1", Verdict.WA)]
    assert tuple(told) == result.tests
    assert "'3'" in result.message
    assert result.tests[1].stdout == "0\n"


async def test_problems_that_cannot_be_judged_say_so(sandbox: Sandbox) -> None:
    interactive = SUM.model_copy(update={"interactive": True})
    for problem, reason in ((interactive, "interactive"), (SUM.model_copy(update={"hidden_tests": ()}), "no tests")):
        result = await judged(sandbox, "print(1)", problem)
        assert result.verdict is Verdict.IE
        assert reason in result.message


async def test_an_unknown_language_is_an_error_of_the_call(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigError):
        await judged(sandbox, "x", language="cobol")


PYTHON_VALIDATOR = """
import os, sys
given, answer, feedback = sys.argv[1:4]
assert os.path.isdir(feedback)
open(os.path.join(feedback, "judgemessage.txt"), "w").write("seen")
got = sys.stdin.read().split()
if sys.argv[4:] == ["crash"]: raise RuntimeError("broken validator")
sys.exit(42 if got and int(got[0]) % 2 == int(open(answer).read()) % 2 and open(given).read() else 43)
"""
CPP_VALIDATOR = """
#include "parity.h"
#include <fstream>
#include <iostream>
int main(int, char **argv) {
  long got, want;
  std::ifstream(argv[2]) >> want;
  if (!(std::cin >> got)) return 43;
  std::cerr << "parity of " << got;
  return same_parity(got, want) ? 42 : 43;
}
"""
PARITY = "inline bool same_parity(long a, long b) { return (a - b) % 2 == 0; }"


@pytest.mark.parametrize(
    "checker",
    [
        Checker(type="custom", program=Solution(language="python", source=PYTHON_VALIDATOR)),
        Checker(type="custom", program=Solution(language="cpp", source=CPP_VALIDATOR), files={"parity.h": PARITY}),
    ],
    ids=["python", "cpp"],
)
async def test_output_validators(sandbox: Sandbox, checker: Checker) -> None:
    problem = SUM.model_copy(update={"checker": checker})
    assert (await judged(sandbox, ADD + "print(a + b + 2)", problem)).verdict is Verdict.AC
    wrong = await judged(sandbox, ADD + "print(a + b + (a == 1))", problem)
    assert [test.verdict for test in wrong.tests] == [Verdict.AC, Verdict.WA, Verdict.AC]
    assert (await judged(sandbox, "print('x' * (1 << 22))", problem)).verdict is Verdict.OLE


async def test_a_failing_validator_is_our_fault(sandbox: Sandbox) -> None:
    for checker in (
        Checker(type="custom", program=Solution(language="python", source=PYTHON_VALIDATOR), arguments=("crash",)),
        Checker(type="custom", program=Solution(language="python", source="this is no python")),
        Checker(type="custom"),
    ):
        result = await judged(sandbox, ADD + "print(a + b)", SUM.model_copy(update={"checker": checker}))
        assert result.verdict is Verdict.IE
        assert "validator" in result.message or "checker" in result.message


CALLS = Problem(
    id="double",
    kind=ProblemKind.FUNCTION,
    statement="Double each.",
    limits=LIMITS,
    function=FunctionSpec(name="double", starter_code="def double(xs):\n"),
    hidden_tests=(
        CallTest(name="a", arguments=([1, 2],), expected=[2, 4]),
        CallTest(name="b", keywords={"xs": []}, expected=[]),
    ),
)
CODE = CALLS.model_copy(
    update={
        "hidden_tests": (
            CodeTest(
                name="c", code="def check(f):\n    assert f([1, 2]) == [2, 4]\n    assert f([]) == []\ncheck(double)"
            ),
        )
    }
)
RIGHT = "def double(xs):\n    print('noise')\n    return [2 * x for x in xs]"


@pytest.mark.parametrize("problem", [CALLS, CODE], ids=["call", "code"])
@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        (RIGHT, Verdict.AC),
        ("    return [x + x for x in xs]", Verdict.AC),
        ("def double(xs):\n    return xs", Verdict.WA),
        ("def double(xs):\n    pass", Verdict.WA),
        ("def double(xs):\n    return xs[5]", Verdict.RE),
        ("def double(xs): return (", Verdict.CE),
        ("import nowhere\ndef double(xs): return xs", Verdict.RE),
        ("def double(xs):\n    while True: pass", Verdict.TLE),
        ("import sys\nsys.exit(0)\ndef double(xs): pass", Verdict.RE),
        ("import os\nos._exit(0)\ndef double(xs): pass", Verdict.RE),
        ("def double(xs):\n    import sys; sys.exit(0)", Verdict.RE),
        ("def double(xs):\n    import os; os._exit(0)", Verdict.RE),
        ("import os\ndef double(xs):\n    print('passed'); os.write(1, b'passed'); os._exit(0)", Verdict.RE),
        ("def double(xs):\n    raise AssertionError('candidate')", Verdict.RE),
        ("class Yes:\n    def __eq__(self, other): return True\ndef double(xs): return Yes()", Verdict.RE),
        ("class Yes(list):\n    def __eq__(self, other): return True\ndef double(xs): return Yes()", Verdict.WA),
        (
            "import builtins\nbuiltins.AssertionError = KeyError\nbuiltins.list = tuple\ndef double(xs): return 1",
            Verdict.WA,
        ),
        ("import atexit, os\natexit.register(os._exit, 0)\ndef double(xs): return 1", Verdict.WA),
        (
            "import os, threading, time\nthreading.Timer(0.01, os._exit, (0,)).start()\ndef double(xs): time.sleep(1)",
            Verdict.RE,
        ),
    ],
)
async def test_function_tests_cannot_be_forged(
    sandbox: Sandbox, problem: Problem, source: str, verdict: Verdict
) -> None:
    result = await judged(sandbox, source, problem)
    assert result.verdict is verdict, result


ATTACKS_ON_THE_TEST = {
    "kill the testing process": """
os.kill(os.getppid(), signal.SIGKILL)
""",
    "read its memory": """
open(f"/proc/{os.getppid()}/mem", "rb")
""",
    "read its input": """
open(f"/proc/{os.getppid()}/fd/0").read()
""",
    "write its answer": """
os.write(os.open(f"/proc/{os.getppid()}/fd/1", os.O_WRONLY), b"passed")
""",
    "plant modules": """
for name in ("random", "string", "decimal"):
    pathlib.Path(name + ".py").write_text("import os; os._exit(0)")
raise OSError
""",
    "find the test in files": """
files = [*pathlib.Path(".").iterdir(), *pathlib.Path("/tmp").iterdir(), pathlib.Path("/proc/self/cmdline")]
if not any(word in file.read_text() for file in files): raise OSError
""",
}


@pytest.mark.parametrize("attack", list(ATTACKS_ON_THE_TEST))
async def test_the_candidate_reaches_neither_the_test_nor_its_process(sandbox: Sandbox, attack: str) -> None:
    code = "import random, string, decimal\nassert double([1]) == 'zebra', 'not the answer'"
    problem = CODE.model_copy(update={"hidden_tests": (CodeTest(name="secret", code=code),)})
    source = f"""
import os, pathlib, signal
def double(xs):
    word = "".join(map(chr, (122, 101, 98, 114, 97)))
    try:
        exec({ATTACKS_ON_THE_TEST[attack]!r})
    except OSError:
        return "refused"
    return word
"""
    assert (await judged(sandbox, source, problem)).verdict in (Verdict.WA, Verdict.RE)


async def test_code_tests_see_helpers_changed_arguments_and_classes(sandbox: Sandbox) -> None:
    starter = "def twice(x):\n    return 2 * x\n\n\ndef double(xs):\n"
    function = FunctionSpec(name="double", starter_code=starter)
    tests = {
        "xs = [1, 2]\nassert double(xs) is None and xs == [2, 4]": "    xs[:] = [twice(x) for x in xs]",
        # The helper is the problem's, whatever the candidate makes of it.
        "assert twice(4) == 8 and candidate(1) == 8": "def twice(x):\n    return 0\ndef double(x):\n    return 8",
        "try:\n    assert double(1) == 0\nexcept ValueError as e:\n    assert str(e) == 'n'": "raise ValueError('n')",
        "assert double(Pair(1)) == 1": "class Pair:\n    def __init__(self, a): self.a = a\ndef double(p): return p.a",
        "assert double(lambda x: x + 1) == 3": "    return xs(2)",
        "assert set(double('ab')) == {'a', 'b'} and LIMIT == 5": "LIMIT = 5\ndef double(s): return (c for c in s)",
    }
    for code, source in tests.items():
        problem = CODE.model_copy(update={"function": function, "hidden_tests": (CodeTest(name="t", code=code),)})
        assert (await judged(sandbox, source, problem)).verdict is Verdict.AC, code


def humaneval(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.parametrize("body", ["canonical", "pass"])
async def test_humaneval(sandbox: Sandbox, shared_data: Path, body: str) -> None:
    """All 164 canonical solutions are accepted, and all 164 with `pass` as their body rejected."""

    async def one(row: dict[str, str]) -> tuple[str, Judgement]:
        entry = row["entry_point"]
        problem = Problem(
            id=row["task_id"],
            kind=ProblemKind.FUNCTION,
            statement=row["prompt"],
            function=FunctionSpec(name=entry, starter_code=row["prompt"]),
            hidden_tests=(CodeTest(name="check", code=f"{row['test']}\ncheck({entry})"),),
        )
        source = row["prompt"] + (row["canonical_solution"] if body == "canonical" else "    pass\n")
        return row["task_id"], await judged(sandbox, source, problem)

    results = await asyncio.gather(*(one(row) for row in humaneval(shared_data / "humaneval" / "humaneval.jsonl")))
    assert len(results) == 164
    verdicts = Counter(result.verdict for _, result in results)
    odd = [(task, result) for task, result in results if (result.verdict is Verdict.AC) is not (body == "canonical")]
    assert not odd, odd[:3]
    assert verdicts[Verdict.IE] == 0


async def test_cancelling_a_judgement_frees_its_slot(sandbox: Sandbox) -> None:
    for _ in range(sandbox.slots + 1):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await judged(sandbox, "import time; time.sleep(60)")
    assert (await judged(sandbox, ADD + "print(a + b)")).verdict is Verdict.AC


async def test_slots_are_the_usable_cores(sandbox: Sandbox) -> None:
    assert sandbox.slots == len(os.sched_getaffinity(0))
