from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.problems.checkers import compare
from solvent.problems.problem import Checker

UNORDERED = Checker(type="unordered_tokens")
LINE_TOKENS = Checker(type="line_tokens", case_sensitive=True)
UNORDERED_LINES = Checker(type="unordered_line_tokens", case_sensitive=True)
CHARACTERS = Checker(type="characters")
LINE_COUNT = Checker(type="line_count", case_sensitive=True)
TOKENS = st.lists(st.text(alphabet="abc019", min_size=1, max_size=4), max_size=12)
LINES = st.lists(st.text(alphabet="ab 1", max_size=6).filter(str.strip), max_size=8)
ANY = st.text(alphabet="aB1 \n\r\t.e-é", max_size=40)


@pytest.mark.parametrize(
    ("checker", "expected", "actual"),
    [
        (LINE_TOKENS, "a b\n\n c\n", "a   b \r\n\r\nc"),
        (LINE_TOKENS, "", "\n \n"),
        (LINE_TOKENS.model_copy(update={"absolute_tolerance": 0.1}), "x 1.0\n\ny 2", "x 1.05\ny 2.0"),
        (UNORDERED, "1 2\n3", "3 2 1"),
        (UNORDERED, "a A", "A a"),
        (Checker(type="unordered_tokens", absolute_tolerance=0.01), "1.0 20.0 3.5", "3.499 1.005 20"),
        (UNORDERED_LINES, "a b\nc\n", "c\n\na    b"),
        (CHARACTERS, "Ab c", "c\nBA"),
        (LINE_COUNT, " a\nb\n", "a \n\nb"),
    ],
)
def test_accepts(checker: Checker, expected: str, actual: str) -> None:
    result = compare(checker, expected, actual)
    assert result.accepted, result.reason
    assert result.share is None


@pytest.mark.parametrize(
    ("checker", "expected", "actual", "reason"),
    [
        (LINE_TOKENS, "a b\nc", "a\nb c", "line 1 (of those with text), token 2: expected 'b', but the output ends"),
        (LINE_TOKENS, "a", "A", "line 1 (of those with text), token 1"),
        (LINE_TOKENS, "a\nb", "a", "line 2: expected 'b', but the output ends"),
        (LINE_TOKENS, "a", "a\nb", "line 2: expected the end, got 'b'"),
        (UNORDERED, "1 1 2", "1 2 2", "the token '1' is missing, in any order"),
        (UNORDERED, "1", "1 1", "the token '1' is not expected, in any order"),
        (UNORDERED_LINES, "a b", "b a", "the line 'a b' is missing, in any order"),
        (CHARACTERS, "aab", "abb", "the character 'a': expected 2, got 1"),
        (CHARACTERS, "a", "ab", "the character 'b' is not expected"),
    ],
)
def test_rejects_and_says_where(checker: Checker, expected: str, actual: str, reason: str) -> None:
    result = compare(checker, expected, actual)
    assert not result.accepted
    assert result.reason.startswith(reason)


@pytest.mark.parametrize(
    ("expected", "actual", "share"), [("a\nb\nc\nd", "a\nx\nc", 0.5), ("a", "b", 0.0), ("a", "a\nb", 0.0)]
)
def test_line_count_gives_the_share_of_right_lines(expected: str, actual: str, share: float) -> None:
    result = compare(LINE_COUNT, expected, actual)
    assert (result.accepted, result.share) == (False, share)


@given(TOKENS, st.randoms(use_true_random=False))
def test_order_of_tokens_does_not_matter_but_each_of_them_does(tokens: list[str], random: object) -> None:
    shuffled = list(tokens)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert compare(UNORDERED, " ".join(tokens), "\n".join(shuffled)).accepted
    assert not compare(UNORDERED, " ".join(tokens), " ".join([*shuffled, "z"])).accepted
    if tokens:
        assert not compare(UNORDERED, " ".join(tokens), " ".join(shuffled[1:])).accepted


@given(LINES, st.integers(0, 7))
def test_line_count_counts(lines: list[str], wrong: int) -> None:
    actual = [line + "!" if index < wrong else line for index, line in enumerate(lines)]
    result = compare(LINE_COUNT, "\n".join(lines), "\n".join(actual))
    right = max(0, len(lines) - wrong)
    assert result.accepted == (right == len(lines))
    if not result.accepted:
        assert result.share == right / len(lines)


@given(ANY, ANY, st.sampled_from([UNORDERED, LINE_TOKENS, UNORDERED_LINES, CHARACTERS, LINE_COUNT]))
def test_every_text_equals_itself_and_a_refusal_has_a_reason(one: str, other: str, checker: Checker) -> None:
    assert compare(checker, one, one).accepted
    result = compare(checker, one, other)
    assert result.accepted or result.reason
    if checker.type != "line_count":
        assert compare(checker, other, one).accepted == result.accepted


@given(
    st.floats(allow_nan=False, allow_infinity=False, width=32), st.sampled_from(["nan", "inf", "1_0", "0x1", "\uff11"])
)
def test_a_number_never_equals_what_is_no_number(value: float, odd: str) -> None:
    checker = Checker(type="line_tokens", absolute_tolerance=1e300, relative_tolerance=1e9)
    assert not compare(checker, repr(value), odd).accepted
    assert compare(checker, odd, odd).accepted
