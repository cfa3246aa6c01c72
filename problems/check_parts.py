"""What the comparisons are made of: tokens, lines, numbers, and how a difference is said.

Numbers follow the grammar of floating-point numbers of the ICPC problem package format: ASCII digits, a point, an
exponent; no `nan`, `inf`, `0x`, `_` or digits of other scripts, which are compared as text.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from solvent.problems.problem import Checker

SHOWN_CHARACTERS = 40
LONGEST_NUMBER = 400
"""Longer tokens are compared as text: no double needs so many digits."""

_NUMBER = re.compile(rb"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_INTEGER = re.compile(rb"[+-]?[0-9]++")
SPACE = b" \t\n\r\v\f"
_PIECE = re.compile(b"[" + SPACE + b"]++|[^" + SPACE + b"]++")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether an output is accepted and, if not, where it first differs (one short line for a person)."""

    accepted: bool
    reason: str = ""
    share: float | None = None
    """Part of the test's points that it earns, 0 to 1; None: all if accepted, else nothing."""


ACCEPTED = CheckResult(accepted=True)


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


def to_bytes(text: str) -> bytes:
    """Return the UTF-8 bytes, and of lone surrogates theirs."""
    return text.encode("utf-8", errors="surrogatepass")


def split_tokens(checker: Checker, text: bytes) -> list[bytes]:
    """Return the tokens, and with `space_sensitive` also the white space between them; lower case where it is free."""
    if not checker.case_sensitive:
        text = text.lower()
    return _PIECE.findall(text) if checker.space_sensitive else text.split()


def split_lines(checker: Checker, text: bytes) -> list[bytes]:
    """Return the lines without space at their ends and empty ones at the end, unless space matters."""
    if not checker.case_sensitive:
        text = text.lower()
    if checker.space_sensitive:
        return text.split(b"\n")
    lines = [line.rstrip(SPACE) for line in text.split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def has_tolerance(checker: Checker) -> bool:
    """Return whether numbers are compared as numbers."""
    return checker.absolute_tolerance is not None or checker.relative_tolerance is not None


def to_number(token: bytes) -> int | float | None:
    """Return the value of a token that is a number, else None; integers exactly."""
    if len(token) > LONGEST_NUMBER or _NUMBER.fullmatch(token) is None:
        return None
    if _INTEGER.fullmatch(token):
        return int(token)
    value = float(token)
    return value if math.isfinite(value) else None


def within(wanted: float, got: float, absolute: float | None, relative: float | None) -> bool:
    """Return whether either error fits; a tolerance of None accepts nothing."""
    try:
        difference = abs(wanted - got)
        if absolute is not None and difference <= absolute:
            return True
        return relative is not None and difference <= relative * abs(wanted)
    except OverflowError:  # an integer beyond the range of a double
        return wanted == got


def tokens_equal(checker: Checker, wanted: bytes, got: bytes) -> bool:
    """Return whether two tokens are equal, as texts or as numbers."""
    if wanted == got:
        return True
    if not has_tolerance(checker) or (value := to_number(wanted)) is None or (other := to_number(got)) is None:
        return False
    return within(value, other, checker.absolute_tolerance, checker.relative_tolerance)


def compare_tokens(checker: Checker, wanted: list[bytes], got: list[bytes], unit: str) -> CheckResult:
    """Compare two lists of tokens one by one; `unit` is what a token is called."""
    if wanted == got:
        return ACCEPTED
    for index, (one, other) in enumerate(zip(wanted, got, strict=False), start=1):
        if not tokens_equal(checker, one, other):
            return differs(unit, index, one, other)
    if len(wanted) == len(got):
        return ACCEPTED
    index = min(len(wanted), len(got))
    if len(got) > len(wanted):
        return CheckResult(accepted=False, reason=f"{unit} {index + 1}: expected the end, got {show(got[index])}")
    end = f"but the output ends after {index} of {len(wanted)}"
    return CheckResult(accepted=False, reason=f"{unit} {index + 1}: expected {show(wanted[index])}, {end}")


def line_equal(checker: Checker, wanted: bytes, got: bytes) -> bool:
    """Return whether two lines are equal; with a tolerance their tokens are compared."""
    if not has_tolerance(checker):
        return wanted == got
    return compare_tokens(checker, split_tokens(checker, wanted), split_tokens(checker, got), "token").accepted


def differs(unit: str, index: int, wanted: bytes, got: bytes) -> CheckResult:
    """Return the result that names the first difference."""
    return CheckResult(accepted=False, reason=f"{unit} {index}: expected {show(wanted)}, got {show(got)}")
