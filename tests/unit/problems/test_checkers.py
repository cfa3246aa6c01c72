from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.problems.checkers import compare, compare_values
from solvent.problems.problem import Checker

TOKENS = Checker()
FLOATS = Checker(absolute_tolerance=1e-6, relative_tolerance=1e-6)
TEXT = st.text(alphabet="aB1 \n\t.-é\u00a0", max_size=60)
TOKEN = st.text(alphabet="abcXYZ019.-+é", min_size=1, max_size=8)
SPACE = st.text(alphabet=" \n\t\r\v\f", min_size=1, max_size=3)


@pytest.mark.parametrize(
    ("checker", "expected", "actual"),
    [
        (TOKENS, "1 2\n3\n", "  1\n2 3"),
        (TOKENS, "Yes", "YES"),
        (TOKENS, "", "\n \n"),
        (FLOATS, "0.5", ".5"),
        (FLOATS, "3", "3.0000001"),
        (FLOATS, "1e3", "1000"),
        (FLOATS, "1000000", "1000000.9"),
        (FLOATS, "1000000000000000000", "1000000000001000000"),
        (FLOATS, "nan", "NaN"),
        (FLOATS, "0", "-0.0"),
        (Checker(type="lines"), "a b  \nc\n\n", "a b\nC"),
        (Checker(type="lines", absolute_tolerance=0.1), "x 1.0\ny 2", "x   1.05\ny 2.0"),
        (Checker(type="unordered"), "b\na\na\n", "a\nb\na"),
        (Checker(type="unordered", absolute_tolerance=0.01), "2.0 x\n10.0 y", "10.001 y\n1.999 x"),
        (Checker(type="exact"), "a\r\n", "a\r\n"),
        (Checker(space_sensitive=True), "A  b\n", "a  B\n"),
    ],
)
def test_accepts(checker: Checker, expected: str, actual: str) -> None:
    result = compare(checker, expected, actual)
    assert result.accepted, result.reason


@pytest.mark.parametrize(
    ("checker", "expected", "actual", "reason"),
    [
        (TOKENS, "1 2 5", "1 2 7", "token 3: expected '5', got '7'"),
        (TOKENS, "1 2", "1", "token 2: expected '2', but the output ends after 1 of 2"),
        (TOKENS, "1", "1 2", "token 2: expected the end, got '2'"),
        (TOKENS, "1.0", "1.00", "token 1: expected '1.0', got '1.00'"),
        (TOKENS, "a b", "a\u00a0b", "token 1: expected 'a', got 'a\\xa0b'"),
        (TOKENS, "é", "É", "token 1: expected 'é', got 'É'"),
        (Checker(case_sensitive=True), "Yes", "yes", "token 1: expected 'Yes', got 'yes'"),
        (Checker(space_sensitive=True), "a b", "a  b", "piece 2: expected ' ', got '  '"),
        (FLOATS, "0.5", "nan", "token 1: expected '0.5', got 'nan'"),
        (FLOATS, "1", "inf", "token 1: expected '1', got 'inf'"),
        (FLOATS, "1000", "1_000", "token 1: expected '1000', got '1_000'"),
        (FLOATS, "5", "\uff15", "token 1: expected '5', got '\uff15'"),
        (FLOATS, "5", "0x5", "token 1: expected '5', got '0x5'"),
        (FLOATS, "1", "1e999", "token 1: expected '1', got '1e999'"),
        (FLOATS, "1e999", "1e998", "token 1: expected '1e999', got '1e998'"),
        (Checker(absolute_tolerance=0.5), "10000000000000000001", "10000000000000000000", "token 1"),
        (Checker(type="lines"), "a b", "a  b", "line 1: expected 'a b', got 'a  b'"),
        (Checker(type="lines"), "a\nb", "a", "line 2: expected 'b', but the output ends"),
        (Checker(type="lines"), "a", "a\n\nb", "line 2: expected the end, got ''"),
        (Checker(type="lines", space_sensitive=True), "a", "a ", "line 1: expected 'a', got 'a '"),
        (Checker(type="unordered"), "a\na\nb", "a\nb\nb", "the line 'a' is missing, in any order"),
        (Checker(type="unordered"), "a", "a\nb", "the line 'b' is not expected, in any order"),
        (Checker(type="exact"), "a\nb", "a\nc", "byte 3 (line 2): expected 'b', got 'c'"),
        (Checker(type="exact"), "a\n", "a", "byte 2 (line 1): expected '\\n', got the end"),
    ],
)
def test_rejects_and_says_where(checker: Checker, expected: str, actual: str, reason: str) -> None:
    result = compare(checker, expected, actual)
    assert not result.accepted
    assert result.reason.startswith(reason)


def test_a_long_token_is_cut_in_the_reason() -> None:
    assert len(compare(TOKENS, "x" * 10**6, "y" * 10**6).reason) < 150


def test_a_custom_checker_is_refused() -> None:
    with pytest.raises(ValueError, match="sandbox"):
        compare(Checker(type="custom"), "a", "a")


@given(st.lists(TOKEN, max_size=12), st.lists(TOKEN, max_size=12))
def test_tokens_are_accepted_exactly_when_equal_but_for_ascii_case(wanted: list[str], got: list[str]) -> None:
    same = [_lower(token) for token in wanted] == [_lower(token) for token in got]
    assert compare(TOKENS, " ".join(wanted), "\n".join(got)).accepted == same


def _lower(text: str) -> str:
    return "".join(character.lower() if character.isascii() else character for character in text)


@given(st.lists(st.tuples(SPACE, TOKEN), max_size=12), SPACE)
def test_white_space_never_matters_to_tokens(pieces: list[tuple[str, str]], end: str) -> None:
    wanted = " ".join(token for _, token in pieces)
    got = "".join(space + token for space, token in pieces) + end
    assert compare(TOKENS, wanted, got).accepted


@given(TEXT, TEXT)
def test_stricter_checkers_never_accept_what_looser_ones_reject(expected: str, actual: str) -> None:
    accepted = [
        compare(checker, expected, actual).accepted
        for checker in (
            Checker(type="exact"),
            Checker(space_sensitive=True, case_sensitive=True),
            Checker(type="lines", case_sensitive=True),
            Checker(type="lines"),
            Checker(type="unordered"),
        )
    ]
    assert accepted == sorted(accepted)
    assert not accepted[3] or compare(TOKENS, expected, actual).accepted


@given(TEXT, TEXT, st.sampled_from(["tokens", "lines", "exact", "unordered"]), st.booleans(), st.booleans())
def test_a_rejection_has_a_one_line_reason_and_equal_texts_are_accepted(
    expected: str, actual: str, kind: str, case_sensitive: bool, space_sensitive: bool
) -> None:
    checker = Checker.model_validate(
        {"type": kind, "case_sensitive": case_sensitive, "space_sensitive": space_sensitive}
    )
    assert compare(checker, expected, expected).accepted
    result = compare(checker, expected, actual)
    assert result.accepted or (result.reason and "\n" not in result.reason)
    assert compare(checker, actual, expected).accepted == result.accepted


@given(st.floats(-1e12, 1e12), st.floats(-1e-3, 1e-3), st.floats(1e-9, 1e-3))
def test_tolerance_is_absolute_or_relative(value: float, error: float, tolerance: float) -> None:
    wanted, got = float(f"{value:.12e}"), float(f"{value + error:.12e}")
    fits = abs(wanted - got) <= tolerance or abs(wanted - got) <= tolerance * abs(wanted)
    checker = Checker(absolute_tolerance=tolerance, relative_tolerance=tolerance)
    assert compare(checker, f"{value:.12e}", f"{value + error:.12e}").accepted == fits
    assert compare(Checker(absolute_tolerance=tolerance), f"{value:.12e}", f"{value + error:.12e}").accepted == (
        abs(wanted - got) <= tolerance
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_equals_itself(value: object) -> None:
    assert compare_values(value, value).accepted  # type: ignore[arg-type]  # generated JSON


@pytest.mark.parametrize(
    ("expected", "actual", "reason"),
    [
        (1, True, "value: expected 1, got True"),
        (False, 0, "value: expected False, got 0"),
        ([1, [2, 3]], [1, [2, 4]], "value[1][1]: expected 3, got 4"),
        ([1], [1, 2], "value: expected 1 items, got 2: [1, 2]"),
        ({"a": 1}, {"a": 2}, "value['a']: expected 1, got 2"),
        ({"a": 1}, {}, "value: expected {'a': 1}, got {}: the key 'a' is missing"),
        ({}, {"a": 1}, "value: expected {}, got {'a': 1}: it has a key too many"),
        ("1", 1, "value: expected '1', got 1"),
        (float("nan"), float("nan"), "value: expected nan, got nan"),
        (0.1, 0.2, "value: expected 0.1, got 0.2"),
        (None, [], "value: expected None, got []"),
    ],
)
def test_values_that_differ(expected: object, actual: object, reason: str) -> None:
    result = compare_values(expected, actual)  # type: ignore[arg-type]  # JSON
    assert not result.accepted
    assert result.reason == reason


def test_an_integer_too_long_to_print_is_named() -> None:
    assert compare_values(10**5000, 0).reason == "value: expected a int too large to show, got 0"


def test_values_that_are_equal() -> None:
    assert compare_values(1, 1.0).accepted
    assert compare_values([1, 2], (1, 2)).accepted  # type: ignore[arg-type]  # what a program may return
    assert compare_values(0.3, 0.1 + 0.2, absolute_tolerance=1e-9).accepted
    assert compare_values([100], [100.5], relative_tolerance=0.01).accepted
    assert compare_values(float("inf"), float("inf"), absolute_tolerance=1.0).accepted
    assert not compare_values(10**400, 1.5, absolute_tolerance=1.0).accepted


def test_deeply_nested_values_do_not_overflow() -> None:
    deep: object = 1
    other: object = 2
    for _ in range(20_000):
        deep, other = [deep], [other]
    assert not compare_values(deep, other).accepted  # type: ignore[arg-type]  # JSON
