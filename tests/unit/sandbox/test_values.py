"""Plain values between a candidate's process and the judge."""

from __future__ import annotations

import collections
import contextlib
import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.sandbox.harness import solvent_values
from solvent.sandbox.harness.solvent_values import NotPlainError, decode, encode

keys = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.fractions()
plain = st.recursive(
    keys | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False) | st.decimals(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(keys, max_size=4)
        | st.frozensets(keys, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.sampled_from([-3, -1, 1, 2]))
    ),
    max_leaves=12,
)


@given(plain)
def test_values_keep_their_content_and_type(value: Any) -> None:
    again = decode(json.loads(json.dumps(encode(value))))
    assert again == value
    assert type(again) is type(value)


def test_nan_and_infinities() -> None:
    assert math.isnan(decode(json.loads(json.dumps(encode(math.nan)))))
    assert decode(encode([math.inf, -math.inf])) == [math.inf, -math.inf]


def test_subclasses_count_as_their_base() -> None:
    class Sneaky(int):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = int.__hash__

    assert type(decode(encode(Sneaky(3)))) is int
    assert decode(encode(collections.Counter("aab"))) == {"a": 2, "b": 1}
    assert list(decode(encode(x for x in (1, 2)))) == [1, 2]
    assert list(decode(encode({"a": 1}.keys()))) == ["a"]


@pytest.mark.parametrize("value", [object(), print, int, [lambda: 1], {"a": object()}])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(NotPlainError):
        encode(value)


def test_endless_and_bottomless_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvent_values, "MAX_ITEMS", 1000)
    nested: list[Any] = []
    nested.append(nested)
    with pytest.raises(NotPlainError, match="100 levels"):
        encode(nested)
    with pytest.raises(NotPlainError, match="million"):
        encode(iter(int, 1))


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda x: st.dictionaries(st.text(), x, max_size=2), max_leaves=5
    )
)
def test_forged_answers_are_refused_and_never_crash(data: Any) -> None:
    with contextlib.suppress(ValueError):
        decode(data)


def test_rare_types() -> None:
    for value in (Decimal("1.10"), Fraction(1, 3), b"\x00\xff", bytearray(b"x"), collections.deque([1])):
        assert decode(json.loads(json.dumps(encode(value)))) == value
