"""The harness of function tests as a plain process. Solutions here are harmless."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from solvent.problems.problem import CallTest, CodeTest, FunctionSpec, Problem, ProblemKind
from solvent.sandbox.functions import complete_function, harness_program, request, verdicts

PROBLEM = Problem(id="p", kind=ProblemKind.FUNCTION, statement="s", function=FunctionSpec(name="double"))


def run(folder: Path, solution: str, *tests: CallTest | CodeTest, magic: str | None = None) -> list[str]:
    program = harness_program(complete_function(PROBLEM, solution))
    files = {**program.files, "main.py": program.source}
    if magic is not None:
        files["harness.txt"] = magic + files["harness.txt"][len(magic) :]
    for name, text in files.items():
        (folder / name).write_text(text)
    stdin, token = request(PROBLEM, *tests)
    done = subprocess.run([sys.executable, "main.py"], cwd=folder, input=stdin, capture_output=True, check=True)
    return [found[0].value if found else "none" for found in verdicts(PROBLEM.checker, tests, token, done.stdout)]


CALLS = [CallTest(name=str(n), arguments=([n],), expected=[2 * n]) for n in range(4)]
RIGHT = "def double(xs): return [2 * x for x in xs]"


@pytest.mark.parametrize("magic", [None, "00000000"], ids=["compiled", "another version's"])
def test_several_tests_in_one_run(tmp_path: Path, magic: str | None) -> None:
    codes = [CodeTest(name="c", code="assert double([2]) == [4]"), CodeTest(name="d", code="assert double([1]) == [1]")]
    assert run(tmp_path, RIGHT, *CALLS, *codes, magic=magic) == ["AC"] * 5 + ["WA"]


def test_each_test_finds_the_module_as_it_was_loaded(tmp_path: Path) -> None:
    solution = "seen = []\ndef double(xs):\n    seen.append(1)\n    return len(seen)"
    assert run(tmp_path, solution, *[CallTest(name="t", expected=1, arguments=(0,))] * 3) == ["AC"] * 3
    code = "assert double(0) == 1\nassert double(0) == 2\nassert seen == []"
    assert run(tmp_path, solution, *[CodeTest(name="t", code=code)] * 2) == ["AC"] * 2


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)", "os.kill(os.getpid(), 9)", "os.kill(os.getppid(), 9)"])
def test_what_ends_its_process_ends_no_other_test(tmp_path: Path, end: str) -> None:
    solution = f"import os, sys\ndef double(xs):\n    if xs == [1]: {end}\n    return [2 * x for x in xs]"
    found = run(tmp_path, solution, *CALLS)
    assert found[0] == "AC"
    assert found[1] == "RE"
    # Those after it are answered, or left to runs of their own.
    assert set(found[2:]) <= {"AC", "none"}


def test_a_solution_that_does_not_parse(tmp_path: Path) -> None:
    assert run(tmp_path, "def double(xs): return (", *CALLS) == ["CE"] * 4
    assert run(tmp_path, "x = 1\0", *CALLS) == ["CE"] * 4


def test_a_solution_that_does_not_load(tmp_path: Path) -> None:
    assert run(tmp_path, "import no_such_module", *CALLS) == ["RE"] * 4
    assert run(tmp_path, "import os; os._exit(0)", *CALLS) == ["RE"] + ["none"] * 3
