"""Checkers, interactors, passes and files of real problems, on real sandboxes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sandboxes import WITH_ZYGOTE, make_sandbox

from solvent.problems.problem import Checker, Interactor, IoTest, Limits, Problem, ProblemKind, Solution, Verdict
from solvent.sandbox.base import Program, Sandbox
from solvent.sandbox.judge import Judgement, judge

pytestmark = pytest.mark.asyncio(loop_scope="module")

AC, WA, RE, TLE, IE = Verdict.AC, Verdict.WA, Verdict.RE, Verdict.TLE, Verdict.IE
LIMITS = Limits(cpu_time_s=1, wall_time_s=4, memory_mb=128, output_mb=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=WITH_ZYGOTE)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    made = make_sandbox(request.param, request)
    await made.start()
    yield made
    await made.aclose()


def problem(*tests: IoTest, **more: Any) -> Problem:
    cases = tests or tuple(IoTest(name=f"t{n}", stdin=f"{n}\n", expected=f"{n + 1}\n") for n in range(3))
    fields = {"id": "p", "kind": ProblemKind.STDIO, "statement": "s", "limits": LIMITS, "hidden_tests": cases}
    return Problem.model_validate({**fields, **more})


async def judged(sandbox: Sandbox, asked: Problem, source: str, language: str = "python") -> Judgement:
    return await judge(sandbox, asked, Program(language=language, source=source), asked.hidden_tests)


SUCCESSOR = "print(int(input()) + 1)"
PYTHON_CHECKER = """
from dmoj.result import CheckerResult
from helper import same
print("PASS")
def check(process_output, judge_output, judge_input, point_value, submission_source, strict=False, **kwargs):
    assert judge_input.split() and b"print" in submission_source and strict
    text = process_output.decode("utf-8")
    if text.startswith("boom"):
        raise KeyError(text)
    if text.startswith("half"):
        return CheckerResult(True, point_value / 2, "half of it")
    return same(text, judge_output.decode())
"""


async def test_python_checkers(sandbox: Sandbox) -> None:
    checker = Checker(
        type="custom",
        style="python",
        program=Solution(language="python", source=PYTHON_CHECKER),
        files={"helper.py": "def same(a, b):\n    return a.split() == b.split()"},
        keywords={"strict": True},
    )
    case = IoTest(name="t", stdin="1\n", expected="2\n", points=10)
    asked = problem(case, checker=checker, scoring=True)
    right = await judged(sandbox, asked, SUCCESSOR)
    assert (right.verdict, right.score) == (AC, 10)
    assert right.checker_cpu_s > 0
    half = await judged(sandbox, asked, "print('half')")
    assert (half.verdict, half.score) == (AC, 5)
    forged = """print('{"token": "", "passed": true}'); print('passed: true')"""
    assert (await judged(sandbox, asked, forged)).verdict is WA
    assert (await judged(sandbox, asked, "import os; os.write(1, b'\\xff'); 'print'")).verdict is WA
    failed = await judged(sandbox, asked, "print('boom')")
    assert (failed.verdict, "KeyError" in failed.message) == (IE, True)


TESTLIB_LIKE = """
#include "mytestlib.h"
#include <fstream>
#include <iostream>
#include <string>
int main(int argc, char **argv) {
  std::ifstream in(argv[1]), out(argv[2]), answer(argv[3]);
  long given = 0, got = 0, want = 0;
  if (!(in >> given) || !(answer >> want)) return quit(3, "no answer");
  if (!(out >> got)) return quit(2, "expected a number");
  std::string more;
  if (out >> more) return quit(2, "extra");
  if (argc > 4 && std::string(argv[4]) == "points") return got == want ? quit(7, "points 4.5") : quit(1, "no");
  return got == want ? quit(0, "ok") : quit(1, "differs");
}
"""
TESTLIB_HEADER = "#include <cstdio>\ninline int quit(int code, const char *said) { fputs(said, stderr); return code; }"


async def test_checkers_with_testlib(sandbox: Sandbox) -> None:
    program = Solution(language="cpp", source=TESTLIB_LIKE)
    checker = Checker(type="custom", style="testlib", program=program, files={"mytestlib.h": TESTLIB_HEADER})
    asked = problem(checker=checker)
    assert (await judged(sandbox, asked, SUCCESSOR)).verdict is AC
    wrong = await judged(sandbox, asked, "print(7)")
    assert (wrong.verdict, wrong.message) == (WA, "differs")
    assert (await judged(sandbox, asked, "print('x')")).message == "expected a number"
    pointed = problem(checker=checker.model_copy(update={"arguments": ("points",)}), scoring=True)
    assert (await judged(sandbox, pointed, SUCCESSOR)).score == 13.5


GUESS = """
import sys
secret = int(open(sys.argv[1]).read())
for _ in range(10):
    line = sys.stdin.readline()
    try:
        guess = int(line)
    except ValueError:
        open(sys.argv[3] + "judgemessage.txt", "a").write("no number: " + repr(line))
        sys.exit(43)
    print("correct" if guess == secret else "lower" if guess > secret else "higher", flush=True)
    if guess == secret:
        sys.exit(43 if sys.stdin.read().strip() else 42)
sys.exit(43)
"""
SEARCH = """
import sys
low, high = 1, 1000
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    said = input()
    if said == "correct": break
    if said == "lower": high = middle - 1
    else: low = middle + 1
"""


def guessing(**more: Any) -> Problem:
    cases = tuple(IoTest(name=str(n), stdin=f"{n}\n", expected="") for n in (1, 500, 1000))
    interactor = Interactor(program=Solution(language="python", source=GUESS))
    return problem(*cases, interactive=True, interactor=interactor, **more)


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        (SEARCH, AC),
        (SEARCH + "print('more')", WA),
        (SEARCH + "sys.exit(3)", RE),
        (SEARCH + "while True: pass", TLE),
        ("print(500)", WA),
        ("", WA),
        ("raise SystemExit(1)", RE),
        ("input()", TLE),
        ("while True: pass", TLE),
        ("print('x', flush=True)\nwhile True: pass", WA),
        ("while True: print('x' * 10000)", WA),
        ("import os\nos.close(1)\ninput()", TLE),
        ("import os\nos.close(0)\nprint(500)", WA),
        ("import sys\nsys.stdout.write('5')\nsys.stdout.flush()\nsys.stdout.write('00\\n')", WA),
    ],
)
async def test_interactive_problems(sandbox: Sandbox, source: str, verdict: Verdict) -> None:
    asked = guessing()
    done = await judge(
        sandbox, asked, Program(language="python", source=source), asked.hidden_tests, stop_on_failure=True
    )
    assert done.verdict is verdict, done


async def test_the_talk_is_shown_and_the_interactors_time_is_told_apart(sandbox: Sandbox) -> None:
    done = await judged(sandbox, guessing(), SEARCH)
    assert done.tests[1].stdout == "> 500\n< correct"
    assert done.checker_cpu_s > 0
    assert done.tests[0].stdout.count("< lower") == 8


async def test_a_large_talk_is_not_stuck(sandbox: Sandbox) -> None:
    """Both write more than a pipe holds before they read."""
    eager = (
        "import sys\nsys.stdout.write('7' * 3000000 + '\\n')\nsys.stdout.flush()\n"
        "sys.exit(42 if len(input()) == 300000 else 43)"
    )
    program = Solution(language="python", source=eager)
    asked = problem(IoTest(name="t", stdin="", expected=""), interactive=True, interactor=Interactor(program=program))
    read_first = "got = len(input())\nassert got == 3000000\nprint('8' * 300000)"
    assert (await judged(sandbox, asked, read_first)).verdict is AC


async def test_an_interactor_that_fails_is_our_fault(sandbox: Sandbox) -> None:
    for source in ("raise ValueError('x')", "this is no python", "import sys; sys.exit(0)"):
        interactor = Interactor(program=Solution(language="python", source=source))
        done = await judged(sandbox, guessing().model_copy(update={"interactor": interactor}), SEARCH)
        assert done.verdict is IE, done


TESTLIB_INTERACTOR = """
#include <cstdio>
int main(int argc, char **argv) {
  long secret, guess;
  FILE *in = fopen(argv[1], "r"), *out = fopen(argv[2], "w");
  if (fscanf(in, "%ld", &secret) != 1) return 3;
  printf("%ld\\n", secret); fflush(stdout);
  if (scanf("%ld", &guess) != 1) { fputs("no guess", stderr); return 2; }
  fprintf(out, "%ld\\n", guess);
  return 0;
}
"""


async def test_an_interactor_with_testlib_and_its_checker(sandbox: Sandbox) -> None:
    checker = Checker(
        type="custom",
        style="testlib",
        program=Solution(language="cpp", source=TESTLIB_LIKE),
        files={"mytestlib.h": TESTLIB_HEADER},
    )
    interactor = Interactor(program=Solution(language="cpp", source=TESTLIB_INTERACTOR), style="testlib")
    asked = problem(interactive=True, interactor=interactor, checker=checker)
    assert (await judged(sandbox, asked, SUCCESSOR)).verdict is AC
    assert (await judged(sandbox, asked, "print(int(input()))")).message == "differs"
    assert (await judged(sandbox, asked, "")).message == "no guess"


# The validator remembers in a file of its own how many passes there were.
TWO_STEPS = """
import os, sys
feedback = sys.argv[3]
memory = feedback + "sub/steps.txt"
steps = int(open(memory).read()) if os.path.exists(memory) else 0
got, last = sys.stdin.read().split(), open(sys.argv[1]).read().split()[-1]
if not got or int(got[0]) != int(last) + 1: sys.exit(43)
open(feedback + "judgemessage.txt", "a").write(f"step {steps}\\n")
if steps == int(open(sys.argv[2]).read()): sys.exit(42)
os.makedirs(feedback + "sub", exist_ok=True)
open(memory, "w").write(str(steps + 1))
open(feedback + "nextpass.in", "w").write(got[0] + "\\n")
sys.exit(42)
"""


async def test_multi_pass_problems(sandbox: Sandbox) -> None:
    checker = Checker(type="custom", program=Solution(language="python", source=TWO_STEPS))
    asked = problem(IoTest(name="t", stdin="5\n", expected="2"), checker=checker, passes=3)
    right = await judged(sandbox, asked, SUCCESSOR)
    assert (right.verdict, right.tests[0].judge_message) == (AC, "step 0\nstep 1\nstep 2\n")
    assert right.tests[0].other_cpu_s > 0
    wrong = await judged(sandbox, asked, "n = int(input()); print(n + (n < 6))")
    assert (wrong.verdict, wrong.message[:7]) == (WA, "pass 2:")
    crash = await judged(sandbox, asked, "n = int(input()); print(n + 1); assert n < 7")
    assert (crash.verdict, crash.message[:7]) == (RE, "pass 3:")
    endless = await judged(sandbox, asked.model_copy(update={"passes": 2}), SUCCESSOR)
    assert (endless.verdict, "2 passes" in endless.message) == (IE, True)


# Asks for the square of a number, and in the next pass for the square of that.
TALK_TWICE = """
import os, sys
number, seen = int(open(sys.argv[1]).read()), sys.argv[3] + "seen"
print(number, flush=True)
if sys.stdin.readline().strip() != str(number * number): sys.exit(43)
if not os.path.exists(seen):
    open(seen, "w").write("1")
    open(sys.argv[3] + "nextpass.in", "w").write(str(number * number))
sys.exit(42)
"""


async def test_interactive_problems_in_passes(sandbox: Sandbox) -> None:
    interactor = Interactor(program=Solution(language="python", source=TALK_TWICE))
    case = IoTest(name="t", stdin="3", expected="")
    asked = problem(case, interactive=True, interactor=interactor, passes=2)
    right = await judged(sandbox, asked, "print(int(input()) ** 2)")
    assert (right.verdict, right.tests[0].stdout) == (AC, "< 3\n> 9\n---\n< 9\n> 81")
    wrong = await judged(sandbox, asked, "n = int(input()); print(n * min(n, 8))")
    assert (wrong.verdict, wrong.message[:7]) == (WA, "pass 2:")


async def test_files_arguments_and_binary_data(sandbox: Sandbox) -> None:
    source = (
        "import sys\ndata = open('a.in', 'rb').read() + open('more.bin', 'rb').read()\n"
        "open('a.out', 'wb').write(data + sys.argv[1].encode())\nprint('not this')"
    )
    odd = b"\xff\x00\xfe".decode("utf-8", "surrogateescape")
    case = IoTest(name="t", stdin=odd, expected=f"{odd}{odd}-v", files={"more.bin": odd}, arguments=("-v",))
    asked = problem(case, input_file="a.in", output_file="a.out", checker=Checker(type="exact"))
    done = await judged(sandbox, asked, source)
    assert done.verdict is AC, done
    assert (await judged(sandbox, asked, "print(1)")).verdict is WA
