from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.problems.answers import extract_answer, normalise, quick_verdict, simple_value
from solvent.problems.math_equivalence import MathWorker, Unknown, equivalent


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{\frac{1}{2}} holds", r"\frac{1}{2}"),
        (r"first \boxed{1}, then $\boxed{ 2 }$", "2"),
        (r"\boxed{f(\{1,2\})}", r"f(\{1,2\})"),
        (r"\boxed{3}, at last \boxed{4 and cut", "3"),
        (r"\boxed 7$", "7"),
        (r"\boxed{}", None),
        ("9 * 2 = 18\n#### 18\n", "18"),
        ("Thinking. The answer is 42. It is known.", "42"),
        ("**Answer:** 3.5", "3.5"),
        ("Final answer: x = 3", "x = 3"),
        ("The answer is 1. No, the answer is 2.", "2"),
        ("there are 5 apples", None),
        ("", None),
    ],
)
def test_extract_answer(text: str, answer: str | None) -> None:
    assert extract_answer(text) == answer


def test_the_last_number_is_taken_only_when_asked() -> None:
    assert extract_answer("first 3, then 1,234.5 apples", last_number=True) == "1,234.5"
    assert extract_answer("no numbers", last_number=True) is None


@given(st.text(alphabet=r"\boxed{}12 $#.answeri", max_size=80))
def test_extraction_takes_any_text(text: str) -> None:
    found = extract_answer(text, last_number=True)
    assert found is None or found.strip()


@pytest.mark.parametrize("text", ["\\boxed{" * 20000, "{" * 100000, "1," * 100000, "answer " * 30000, "9" * 200000])
def test_long_texts_do_not_hang(text: str) -> None:
    extract_answer(text, last_number=True)
    quick_verdict(text, text + "1")


@given(st.integers(-(10**9), 10**9))
def test_integers_are_decided_exactly(number: int) -> None:
    for form in (f"{number:,}", f"${number}$", f"\\boxed{{{number}}}", f"{number}.0", f" {number}. "):
        assert quick_verdict(str(number), form) is True
    assert quick_verdict(str(number), str(number + 1)) is False


@given(st.fractions(-1000, 1000, max_denominator=999))
def test_fractions_in_both_notations_have_the_same_value(number: Fraction) -> None:
    sign = "-" if number < 0 else ""
    top, bottom = abs(number.numerator), number.denominator
    assert simple_value(f"{sign}{top}/{bottom}") == number
    assert simple_value(f"{sign}\\frac{{{top}}}{{{bottom}}}") == number


@pytest.mark.parametrize(
    "text", ["", ".", "1/0", "1,23", "32, 349", "1_000", "\uff15", "nan", "12 thousand", "1e5", "x", "3 pi"]
)
def test_what_is_not_a_plain_number(text: str) -> None:
    assert simple_value(normalise(text)) is None


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("18", "$18", True),
        ("12", "12 apples", True),
        ("live", "evil", False),
        (r"\text{Monday}", "monday", True),
        ("A", "(A)", True),
        ("(C)", "B", False),
        ("", "", False),
        ("5", "  ", False),
        (r"x^2", r"x^3", None),
    ],
)
def test_quick_verdict(gold: str, answer: str, verdict: bool | None) -> None:
    assert quick_verdict(gold, answer) is verdict


@pytest.fixture(scope="module")
def worker() -> Iterator[MathWorker]:
    worker = MathWorker()
    yield worker
    worker.close()


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("x^2+2x+1", "(x+1)^2", True),
        (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}", True),
        ("x=5", "5", True),
        ("(1,2)", "(2,1)", False),
        (r"\{1,2\}", r"\{2,1\}", True),
        ("2", r"\sqrt{5}", False),
    ],
)
def test_algebra_decides_the_rest(gold: str, answer: str, verdict: bool) -> None:
    assert equivalent(gold, answer, timeout_s=60) is verdict


def test_a_hanging_question_is_killed_and_the_next_is_answered(worker: MathWorker) -> None:
    hanging = worker.equivalent("$2$", "$9^{9^{9^{9^9}}}$", timeout_s=0.5)
    assert isinstance(hanging, Unknown)
    assert not hanging
    assert worker.equivalent("$x+x$", "$2x$", timeout_s=60) is True


def test_a_worker_that_was_killed_is_replaced(worker: MathWorker) -> None:
    assert worker.equivalent("$x+x$", "$2x$", timeout_s=60) is True
    process = worker._process
    assert process is not None
    process.kill()
    process.wait()
    assert worker.equivalent("$x+x$", "$2x$", timeout_s=60) is True


def test_a_gold_that_is_not_mathematics_is_unknown(worker: MathWorker) -> None:
    assert isinstance(worker.equivalent("$$", "$1$", timeout_s=60), Unknown)


def test_importing_does_no_work() -> None:
    check = (
        "import sys, solvent.problems.math_equivalence as module;"
        "sys.exit('sympy' in sys.modules or module._shared._process is not None)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.shared_data
def test_agreement_with_the_pairs_of_math_verify(shared_data: Path) -> None:
    """Their tests cut answers out of long texts and set options per test; ours read final answers under one policy."""
    rows = [
        json.loads(line)
        for line in (shared_data / "math_equiv" / "equiv_pairs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    agreed: dict[str, int] = {}
    total: dict[str, int] = {}
    for row in rows:
        total[row["source"]] = total.get(row["source"], 0) + 1
        agreed[row["source"]] = agreed.get(row["source"], 0) + (
            equivalent(row["gold"], row["pred"], timeout_s=60) is row["equal"]
        )
    assert total == {"math-verify": 268}
    assert agreed["math-verify"] >= 259


@pytest.mark.shared_data
def test_every_gsm8k_gold_is_found_and_equals_itself_but_no_other_number(shared_data: Path) -> None:
    rows = [
        json.loads(line) for line in (shared_data / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len(rows) == 1319
    for row in rows:
        gold = extract_answer(row["answer"])
        assert gold is not None
        value = simple_value(normalise(gold))
        assert value is not None
        assert quick_verdict(gold, f"${gold}.00$") is True
        assert quick_verdict(gold, str(value + 1)) is False
