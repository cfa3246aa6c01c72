"""How outputs and values are compared with the expected ones. Pure, and linear in the length of the texts.

Tokens follow the default output validator of the ICPC problem package format
(https://icpc.io/problem-package-format/spec/2025-09.html#default-output-validator-specification): white space is the
six ASCII characters, letter case means ASCII letters, and with a tolerance every expected token that is a number is
compared as one.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest

from pydantic import JsonValue

from solvent.problems.problem import Checker

SHOWN_CHARACTERS = 40
LONGEST_NUMBER = 400
"""Longer tokens are compared as text: no double needs so many digits."""

_NUMBER = re.compile(rb"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_INTEGER = re.compile(rb"[+-]?[0-9]++")
_SPACE = b" \t\n\r\v\f"
_PIECE = re.compile(b"[" + _SPACE + b"]++|[^" + _SPACE + b"]++")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether an output is accepted and, if not, where it first differs (one short line for a person)."""

    accepted: bool
    reason: str = ""


ACCEPTED = CheckResult(accepted=True)


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
    wanted, got = _bytes(expected), _bytes(actual)
    if checker.type == "exact":
        return _compare_exact(wanted, got)
    if checker.type == "tokens":
        unit = "piece" if checker.space_sensitive else "token"
        return _compare_tokens(checker, _split(checker, wanted), _split(checker, got), unit)
    wanted_lines, got_lines = _lines(checker, wanted), _lines(checker, got)
    if checker.type == "lines":
        return _compare_lines(checker, wanted_lines, got_lines)
    return _compare_unordered(checker, wanted_lines, got_lines)


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


def show(value: object) -> str:
    """Return `value` as Python would print it, cut to a length that fits a line."""
    if isinstance(value, bytes):
        cut = value[: 4 * SHOWN_CHARACTERS].decode("utf-8", errors="replace")
        text = repr(cut[:SHOWN_CHARACTERS])
        return f"{text}..." if len(value) > len(cut[:SHOWN_CHARACTERS].encode("utf-8", "replace")) else text
    if isinstance(value, str):
        text = repr(value[:SHOWN_CHARACTERS])
        return f"{text}..." if len(value) > SHOWN_CHARACTERS else text
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # more digits than Python prints; nested too deep
        return f"a {type(value).__name__} too large to show"
    return f"{text[:SHOWN_CHARACTERS]}..." if len(text) > SHOWN_CHARACTERS else text


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogatepass")


def _split(checker: Checker, text: bytes) -> list[bytes]:
    """Return the tokens, and with `space_sensitive` also the white space between them; lower case where it is free."""
    if not checker.case_sensitive:
        text = text.lower()
    return _PIECE.findall(text) if checker.space_sensitive else text.split()


def _lines(checker: Checker, text: bytes) -> list[bytes]:
    if not checker.case_sensitive:
        text = text.lower()
    if checker.space_sensitive:
        return text.split(b"\n")
    lines = [line.rstrip(_SPACE) for line in text.split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _has_tolerance(checker: Checker) -> bool:
    return checker.absolute_tolerance is not None or checker.relative_tolerance is not None


def _number(token: bytes) -> int | float | None:
    if len(token) > LONGEST_NUMBER or _NUMBER.fullmatch(token) is None:
        return None
    if _INTEGER.fullmatch(token):
        return int(token)
    value = float(token)
    return value if math.isfinite(value) else None


def _within(wanted: float, got: float, absolute: float | None, relative: float | None) -> bool:
    try:
        difference = abs(wanted - got)
        if absolute is not None and difference <= absolute:
            return True
        return relative is not None and difference <= relative * abs(wanted)
    except OverflowError:  # an integer beyond the range of a double
        return wanted == got


def _tokens_equal(checker: Checker, wanted: bytes, got: bytes) -> bool:
    if wanted == got:
        return True
    if not _has_tolerance(checker) or (value := _number(wanted)) is None or (other := _number(got)) is None:
        return False
    return _within(value, other, checker.absolute_tolerance, checker.relative_tolerance)


def _compare_tokens(checker: Checker, wanted: list[bytes], got: list[bytes], unit: str) -> CheckResult:
    if wanted == got:
        return ACCEPTED
    for index, (one, other) in enumerate(zip(wanted, got, strict=False), start=1):
        if not _tokens_equal(checker, one, other):
            return _differs(unit, index, one, other)
    if len(wanted) == len(got):
        return ACCEPTED
    index = min(len(wanted), len(got))
    if len(got) > len(wanted):
        return CheckResult(accepted=False, reason=f"{unit} {index + 1}: expected the end, got {show(got[index])}")
    end = f"but the output ends after {index} of {len(wanted)}"
    return CheckResult(accepted=False, reason=f"{unit} {index + 1}: expected {show(wanted[index])}, {end}")


def _compare_lines(checker: Checker, wanted: list[bytes], got: list[bytes]) -> CheckResult:
    for index, (one, other) in enumerate(zip_longest(wanted, got), start=1):
        if one == other:
            continue
        if one is None:
            return CheckResult(accepted=False, reason=f"line {index}: expected the end, got {show(other)}")
        if other is None:
            return CheckResult(accepted=False, reason=f"line {index}: expected {show(one)}, but the output ends")
        if not _line_equal(checker, one, other):
            return _differs("line", index, one, other)
    return ACCEPTED


def _line_equal(checker: Checker, wanted: bytes, got: bytes) -> bool:
    if not _has_tolerance(checker):
        return wanted == got
    return _compare_tokens(checker, _split(checker, wanted), _split(checker, got), "token").accepted


def _compare_unordered(checker: Checker, wanted: list[bytes], got: list[bytes]) -> CheckResult:
    missing, extra = Counter(wanted), Counter(got)
    missing, extra = missing - extra, extra - missing
    if _has_tolerance(checker) and missing.total() == extra.total():
        pairs = list(
            zip(sorted(missing.elements(), key=_sort_key), sorted(extra.elements(), key=_sort_key), strict=True)
        )
        missing = Counter(one for one, other in pairs if not _line_equal(checker, one, other))
        extra = Counter(other for one, other in pairs if not _line_equal(checker, one, other))
    if missing:
        return CheckResult(accepted=False, reason=f"the line {show(next(iter(missing)))} is missing, in any order")
    if extra:
        return CheckResult(accepted=False, reason=f"the line {show(next(iter(extra)))} is not expected, in any order")
    return ACCEPTED


def _sort_key(line: bytes) -> list[tuple[bool, float, bytes]]:
    key = []
    for token in line.split():
        number = _number(token)
        # As a double: an integer of 400 digits is none, and sorts as text.
        try:
            value = float(number) if number is not None else None
        except OverflowError:
            value = None
        key.append((False, 0.0, token) if value is None else (True, value, b""))
    return key


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


def _differs(unit: str, index: int, wanted: bytes, got: bytes) -> CheckResult:
    return CheckResult(accepted=False, reason=f"{unit} {index}: expected {show(wanted)}, got {show(got)}")


def _scalars_equal(wanted: object, got: object, absolute: float | None, relative: float | None) -> bool:
    if isinstance(wanted, bool) or isinstance(got, bool):
        return wanted is got
    if wanted == got:
        return True
    if isinstance(wanted, int | float) and isinstance(got, int | float):
        return _within(wanted, got, absolute, relative)
    return False


def _value_differs(path: str, what: str) -> CheckResult:
    place = f"value{path}"
    if len(place) > 2 * SHOWN_CHARACTERS:
        place = f"{place[: 2 * SHOWN_CHARACTERS]}..."
    return CheckResult(accepted=False, reason=f"{place}: {what}")
