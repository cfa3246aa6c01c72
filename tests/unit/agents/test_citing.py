"""Which concepts an answer cites."""

from __future__ import annotations

import pytest

from solvent.agents.citing import cited
from solvent.agents.recalled import ShownConcept

CONCEPT = ShownConcept(id="c", version=2, name="Prefix sums", text="add up once", notes=("itertools.accumulate(xs)",))


@pytest.mark.parametrize(
    ("program", "reply", "statement", "is_cited"),
    [
        ("def prefix_sums(xs): ...", "", "", True),
        ("prefixSums = 1", "", "", True),
        ("x = 1  # PREFIX-SUMS", "", "", True),
        ("", "I use prefix sums here.", "Sum ranges.", True),
        # Replies repeat statements.
        ("", "I use prefix sums here.", "Print the prefix sums.", False),
        ("prefix_sums = []", "", "Print the prefix sums.", True),
        ("import itertools\nitertools.accumulate(a)", "", "", True),
        ("import itertools\nitertools.accumulate(a)", "", "Use itertools.accumulate of Python.", False),
        ("my.itertools.accumulate_all(a)", "", "", False),
        ("sums = prefix", "a prefix; its sums", "", False),
        ("", "", "", False),
    ],
)
def test_a_name_or_code_of_the_concept_is_a_citation(program: str, reply: str, statement: str, is_cited: bool) -> None:
    found = cited([CONCEPT], program=program, reply=reply, statement=statement)
    assert found == (("c:2",) if is_cited else ())


def test_builtins_and_short_names_cite_nothing() -> None:
    common = ShownConcept(id="c", version=1, name="Map", text="call sorted(xs) and f(x)")
    assert cited([common], program="map(f, sorted(xs)); f(x)", reply="map", statement="") == ()
