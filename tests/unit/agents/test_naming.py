"""Names that a model misspelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.naming import spelled_as_stated
from solvent.memory.concept import ConceptKind, Content

STATEMENT = "Read a list. Apply the Viper change, then the Nauwick shift, then the Nadir shift. Vital sums count."


def concept(name: str, summary: str = "negate every number") -> Content:
    return Content(name=name, kind=ConceptKind.ROUTINE, summary=summary)


def names(*given: str) -> list[str]:
    return [content.name for content in spelled_as_stated([concept(name) for name in given], STATEMENT)]


@pytest.mark.parametrize(
    ("said", "put_right"),
    [
        ("Velvet change", "Viper change"),
        ("Viper change", "Viper change"),
        ("viper change", "viper change"),
        ("Velvet Change", "Viper change"),
        ("Nabor shift", "Nabor shift"),  # two that it could be
        ("Amber change", "Amber change"),
        ("Velvet shift", "Velvet shift"),
        ("Sums shift", "Sums shift"),  # the statement has the word without a capital
        ("Read list", "Read list"),  # any sentence begins with one
        ("Very velvet change", "Very velvet change"),
        ("Velvet", "Velvet"),
        ("prefix sums", "prefix sums"),
        ("Sliding window", "Sliding window"),
    ],
)
def test_a_name_is_put_right_where_there_is_one_that_it_can_be(said: str, put_right: str) -> None:
    assert names(said) == [put_right]


@pytest.mark.parametrize("said", ["Viper shift", "Nadir change", "Nauwick sums"])
def test_a_name_that_mixes_names_is_left_out(said: str) -> None:
    assert names(said, "Nadir shift") == ["Nadir shift"]


def test_what_else_is_said_stays() -> None:
    [found] = spelled_as_stated([concept("Velvet change", "swap two")], STATEMENT)
    assert (found.name, found.summary) == ("Viper change", "swap two")


def test_two_spellings_of_one_name_are_one_concept() -> None:
    found = spelled_as_stated([concept("Velvet change", "first"), concept("Viper change", "second")], STATEMENT)
    assert [(content.name, content.summary) for content in found] == [("Viper change", "first")]


@given(st.lists(st.from_regex(r"[A-Za-z][a-z]{0,5}( [a-z]{1,5}){0,2}", fullmatch=True)), st.text())
def test_a_name_that_is_changed_is_in_the_statement_then(said: list[str], statement: str) -> None:
    given = [concept(name) for name in dict.fromkeys(said)]
    for content in spelled_as_stated(given, statement):
        assert content in given or content.name.split()[0] in statement


@given(st.lists(st.sampled_from(["Viper change", "Velvet change", "Nauwick shift", "Ames cut", "sums"]), max_size=5))
def test_doing_it_again_changes_nothing(said: list[str]) -> None:
    once = spelled_as_stated([concept(name) for name in said], STATEMENT)
    assert spelled_as_stated(once, STATEMENT) == once
