"""How outputs and values are compared with the expected ones. Pure, and linear in the length of the texts.

Tokens follow the default output validator of the ICPC problem package format
(https://icpc.io/problem-package-format/spec/2025-09.html#default-output-validator-specification): white space is the
six ASCII characters, letter case means ASCII letters, and with a tolerance every expected token that is a number is
compared as one. The other types are those of the DMOJ judge and of testlib's standard checkers.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from pydantic import JsonValue

from solvent.problems.check_parts import (
    ACCEPTED,
    SHOWN_CHARACTERS,
    SPACE,
    CheckResult,
    compare_tokens,
    differs,
    line_equal,
    show,
    split_lines,
    split_tokens,
    to_bytes,
    within,
)
from solvent.problems.check_unordered import compare_characters, compare_line_count, compare_unordered
from solvent.problems.problem import Checker

__all__ = ["ACCEPTED", "CheckResult", "compare", "compare_values", "show"]

_LINE_END = re.compile(rb"[\r\n]")


def compare(checker: Checker, expected: str, actual: str) -> CheckResult:
    """Compare a program's output with the expected one.

    `case_sensitive`, `space_sensitive` and the tolerances act on `tokens`, `lines` and `unordered`; `exact` ignores
    them. `lines` and `unordered` pass over spaces at the end of a line and empty lines at the end, unless
    `space_sensitive`; with a tolerance the tokens of a line are compared one by one. `unordered` with a tolerance
    pairs the lines after sorting them, so lines whose numbers nearly tie may be paired wrongly.

    Raises:
        ValueError: the checker is `custom`: only the judge can run it, in a sandbox.
    """
    if checker.type == "custom":
        raise ValueError("a custom checker is a program: the judge runs it in a sandbox")
    if expected == actual:
        return ACCEPTED
    wanted, got = to_bytes(expected), to_bytes(actual)
    if checker.type == "exact":
        return _compare_exact(wanted, got)
    if checker.type == "tokens":
        unit = "piece" if checker.space_sensitive else "token"
        return compare_tokens(checker, split_tokens(checker, wanted), split_tokens(checker, got), unit)
    if checker.type == "line_tokens":
        return _compare_line_tokens(checker, wanted, got)
    if checker.type == "characters":
        return compare_characters(checker, wanted, got)
    if checker.type == "unordered_tokens":
        return compare_unordered(checker, split_tokens(checker, wanted), split_tokens(checker, got), "token")
    if checker.type in {"line_count", "unordered_line_tokens"}:
        wanted_lines, got_lines = _normal_lines(checker, wanted), _normal_lines(checker, got)
        if checker.type == "line_count":
            return compare_line_count(checker, wanted_lines, got_lines)
        return compare_unordered(checker, wanted_lines, got_lines)
    wanted_lines, got_lines = split_lines(checker, wanted), split_lines(checker, got)
    if checker.type == "lines":
        return _compare_lines(checker, wanted_lines, got_lines)
    return compare_unordered(checker, wanted_lines, got_lines)


def compare_values(
    expected: JsonValue,
    actual: JsonValue,
    absolute_tolerance: float | None = None,
    relative_tolerance: float | None = None,
) -> CheckResult:
    """Compare the value that a function returned with the expected one.

    Values are equal as in Python, with three exceptions: true and false are never numbers (`True` is not `1`), a tuple
    equals the list of its items, and with a tolerance numbers may differ by it. `1` equals `1.0`. NaN equals nothing.
    """
    pending: list[tuple[str, object, object]] = [("", expected, actual)]
    while pending:
        path, wanted, got = pending.pop()
        if isinstance(wanted, dict) and isinstance(got, dict):
            if wanted.keys() != got.keys():
                odd = next((key for key in wanted if key not in got), None)
                what = f"the key {show(odd)} is missing" if odd is not None else "it has a key too many"
                return _value_differs(path, f"expected {show(wanted)}, got {show(got)}: {what}")
            pending.extend((f"{path}[{show(key)}]", wanted[key], got[key]) for key in reversed(wanted))
        elif isinstance(wanted, list | tuple) and isinstance(got, list | tuple):
            if len(wanted) != len(got):
                return _value_differs(path, f"expected {len(wanted)} items, got {len(got)}: {show(got)}")
            pairs = list(enumerate(zip(wanted, got, strict=True)))
            pending.extend((f"{path}[{index}]", one, other) for index, (one, other) in reversed(pairs))
        elif not _scalars_equal(wanted, got, absolute_tolerance, relative_tolerance):
            return _value_differs(path, f"expected {show(wanted)}, got {show(got)}")
    return ACCEPTED


def _compare_lines(checker: Checker, wanted: list[bytes], got: list[bytes]) -> CheckResult:
    for index, (one, other) in enumerate(zip_longest(wanted, got), start=1):
        if one == other:
            continue
        if one is None:
            return CheckResult(accepted=False, reason=f"line {index}: expected the end, got {show(other)}")
        if other is None:
            return CheckResult(accepted=False, reason=f"line {index}: expected {show(one)}, but the output ends")
        if not line_equal(checker, one, other):
            return differs("line", index, one, other)
    return ACCEPTED


def _compare_line_tokens(checker: Checker, wanted: bytes, got: bytes) -> CheckResult:
    wanted_lines, got_lines = _lines_with_tokens(wanted), _lines_with_tokens(got)
    for index, (one, other) in enumerate(zip(wanted_lines, got_lines, strict=False), start=1):
        result = compare_tokens(checker, split_tokens(checker, one), split_tokens(checker, other), "token")
        if not result.accepted:
            return CheckResult(accepted=False, reason=f"line {index} (of those with text), {result.reason}")
    if len(wanted_lines) == len(got_lines):
        return ACCEPTED
    index = min(len(wanted_lines), len(got_lines))
    if len(got_lines) > len(wanted_lines):
        return CheckResult(accepted=False, reason=f"line {index + 1}: expected the end, got {show(got_lines[index])}")
    return CheckResult(
        accepted=False, reason=f"line {index + 1}: expected {show(wanted_lines[index])}, but the output ends"
    )


def _normal_lines(checker: Checker, text: bytes) -> list[bytes]:
    """Return the lines that have tokens: the tokens with one space between, or (`line_count`) without space around."""
    if not checker.case_sensitive:
        text = text.lower()
    lines = _lines_with_tokens(text)
    return [line.strip(SPACE) if checker.type == "line_count" else b" ".join(line.split()) for line in lines]


def _lines_with_tokens(text: bytes) -> list[bytes]:
    return [line for line in _LINE_END.split(text) if line.strip(SPACE)]


def _compare_exact(wanted: bytes, got: bytes) -> CheckResult:
    length = min(len(wanted), len(got))
    block = 4096
    start = next((at for at in range(0, length, block) if wanted[at : at + block] != got[at : at + block]), length)
    at = next((index for index in range(start, length) if wanted[index] != got[index]), length)
    line = wanted.count(b"\n", 0, at) + 1
    one, other = wanted[at : at + SHOWN_CHARACTERS + 1], got[at : at + SHOWN_CHARACTERS + 1]
    return CheckResult(
        accepted=False,
        reason=f"byte {at + 1} (line {line}): expected {show(one) if one else 'the end'}, "
        f"got {show(other) if other else 'the end'}",
    )


def _scalars_equal(wanted: object, got: object, absolute: float | None, relative: float | None) -> bool:
    if isinstance(wanted, bool) or isinstance(got, bool):
        return wanted is got
    if wanted == got:
        return True
    if isinstance(wanted, int | float) and isinstance(got, int | float):
        return within(wanted, got, absolute, relative)
    return False


def _value_differs(path: str, what: str) -> CheckResult:
    place = f"value{path}"
    if len(place) > 2 * SHOWN_CHARACTERS:
        place = f"{place[: 2 * SHOWN_CHARACTERS]}..."
    return CheckResult(accepted=False, reason=f"{place}: {what}")
