"""Traces and outputs of programs of our own: what each line made of its variables, and an end for endless ones."""

from __future__ import annotations

import sys
import threading

import pytest

from solvent.training.tracing import TRACE_LINES, VALUE_CHARACTERS, Runnable

DOUBLE = "xs = list(map(int, input().split()))\nxs = [x * 2 for x in xs]\nprint(*xs)"


def test_every_line_leaves_the_value_that_it_assigned_or_printed() -> None:
    found = Runnable(DOUBLE).observe("1 2", trace=True)
    assert found.output == "2 4\n"
    assert found.trace == ("[1, 2]", "[2, 4]", "2 4")


def test_a_loop_leaves_a_value_for_each_round_and_a_function_its_result() -> None:
    program = "def add(xs, k):\n    t = 0\n    for x in xs:\n        if x > k:\n            t += x\n    return t"
    found = Runnable(program, "add").observe("[5, 1, 7], 2", trace=True)
    assert found.output == "12"
    assert found.trace == ("0", "5", "12", "12")


def test_changes_in_place_and_of_several_variables_are_seen() -> None:
    found = Runnable("a, b = 3, 4\nxs = []\nxs.append(a)\nd = {}\nd[b] = xs\nprint(d)").observe("", trace=True)
    assert found.trace == ("3, 4", "[]", "[3]", "{}", "{4: [3]}", "{4: [3]}")


def test_an_error_is_the_last_line_of_its_traceback() -> None:
    found = Runnable("n = int(input())\nprint(1 // n)").observe("0", trace=True)
    assert found.output is None
    assert found.error == "ZeroDivisionError: integer division or modulo by zero"
    assert found.trace == ("0", found.error)
    assert Runnable("print(").observe("").error.startswith("SyntaxError: ")
    assert Runnable("import sys\nsys.exit(3)").observe("").error == "SystemExit: 3"


def test_a_program_that_ends_itself_without_an_error_has_its_output() -> None:
    found = Runnable("import sys\nprint(5)\nsys.exit()\nprint(6)").observe("", trace=True)
    assert (found.output, found.error) == ("5\n", "")
    assert found.trace[0] == "5"
    assert Runnable("def f(): raise SystemExit(0)", "f").observe("").output is None


def test_a_long_trace_keeps_its_end_and_a_long_value_is_cut() -> None:
    found = Runnable("n = 0\nfor i in range(50):\n    n += 1\ns = 'x' * 99\nprint(n)").observe("", trace=True)
    assert len(found.trace) == TRACE_LINES
    assert found.trace[0] == "0"
    assert found.trace[-1] == "50"
    (value, _) = Runnable("s = 'x' * 99\nprint(1)").observe("", trace=True).trace
    assert len(value) == VALUE_CHARACTERS


@pytest.mark.parametrize(
    "endless", ["while True: pass", "while True: print(1)", "while True:\n    try: 1 // 0\n    except Exception: pass"]
)
def test_an_endless_program_is_ended(endless: str) -> None:
    assert Runnable(endless).observe("", limit_s=0.2).output is None


def test_a_huge_range_is_refused_where_nothing_could_end_a_sum_over_it() -> None:
    assert Runnable("print(sum(range(10 ** 15)))").observe("", limit_s=0.2).error == "ValueError: the range is too long"


def test_the_process_is_as_it_was() -> None:
    before = sys.stdin, sys.stdout, sys.gettrace()
    Runnable("import sys\nsys.stdin = None\nsys.stdout = None\nboom").observe("1", trace=True)
    assert (sys.stdin, sys.stdout, sys.gettrace()) == before


def test_a_limit_that_cannot_be_kept_is_refused() -> None:
    caught: list[BaseException] = []

    def run() -> None:
        try:
            Runnable(DOUBLE).observe("1", limit_s=1)
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(caught) == 1
