"""Comparisons where order does not matter, and the one that counts right lines. Pure."""

from __future__ import annotations

from collections import Counter

from solvent.problems.check_parts import (
    ACCEPTED,
    SPACE,
    CheckResult,
    has_tolerance,
    line_equal,
    show,
    to_number,
    tokens_equal,
)
from solvent.problems.problem import Checker


def compare_unordered(checker: Checker, wanted: list[bytes], got: list[bytes], unit: str = "line") -> CheckResult:
    """Compare two lists of lines (or tokens) without regard to their order.

    With a tolerance those that differ are paired after sorting, so numbers that nearly tie may be paired wrongly.
    """
    equal = line_equal if unit == "line" else tokens_equal
    missing, extra = Counter(wanted), Counter(got)
    missing, extra = missing - extra, extra - missing
    if has_tolerance(checker) and missing.total() == extra.total():
        pairs = list(
            zip(sorted(missing.elements(), key=_sort_key), sorted(extra.elements(), key=_sort_key), strict=True)
        )
        missing = Counter(one for one, other in pairs if not equal(checker, one, other))
        extra = Counter(other for one, other in pairs if not equal(checker, one, other))
    if missing:
        return CheckResult(accepted=False, reason=f"the {unit} {show(next(iter(missing)))} is missing, in any order")
    if extra:
        return CheckResult(accepted=False, reason=f"the {unit} {show(next(iter(extra)))} is not expected, in any order")
    return ACCEPTED


def _sort_key(line: bytes) -> list[tuple[bool, float, bytes]]:
    key = []
    for token in line.split():
        number = to_number(token)
        # As a double: an integer of 400 digits is none, and sorts as text.
        try:
            value = float(number) if number is not None else None
        except OverflowError:
            value = None
        key.append((False, 0.0, token) if value is None else (True, value, b""))
    return key


def compare_characters(checker: Checker, wanted: bytes, got: bytes) -> CheckResult:
    """Compare how often each byte occurs, white space left out (the DMOJ judge's `easy`)."""
    if not checker.case_sensitive:
        wanted, got = wanted.lower(), got.lower()
    one, other = (Counter(text.translate(None, SPACE)) for text in (wanted, got))
    for value, count in one.items():
        if other[value] != count:
            what = show(bytes([value]))
            return CheckResult(accepted=False, reason=f"the character {what}: expected {count}, got {other[value]}")
    extra = next((value for value in other if value not in one), None)
    if extra is None:
        return ACCEPTED
    return CheckResult(accepted=False, reason=f"the character {show(bytes([extra]))} is not expected")


def compare_line_count(checker: Checker, wanted: list[bytes], got: list[bytes]) -> CheckResult:
    """Compare line by line and give the share of right lines (the DMOJ judge's `linecount`).

    An output with more lines than are expected earns nothing.
    """
    if len(got) > len(wanted):
        reason = f"line {len(wanted) + 1}: expected the end, got {show(got[len(wanted)])}"
        return CheckResult(accepted=False, reason=reason, share=0.0)
    right = sum(line_equal(checker, one, other) for one, other in zip(wanted, got, strict=False))
    if right == len(wanted):
        return ACCEPTED
    return CheckResult(accepted=False, reason=f"{right} of {len(wanted)} lines are right", share=right / len(wanted))
