"""What is read from a model that names concepts, whatever it writes around them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.concept_replies import ProgramSummary, cut, proposed_of, said_same, summary_of
from solvent.memory.concept import ConceptKind, Parameter

TYPED = """
Two ideas are worth keeping.

concept: Sliding window
kind: routine
summary: move two ends over a list and keep what is between them
output: list of numbers
parameter: width (int): how many items
parameter: keep
cue: sums of neighbours are asked for
cue: the list is long
note: take out what leaves before adding what comes

**Concept:** Large answers
- **kind:** insight
- **situation:** the answer may be huge
- **suggestion:** take the remainder
  at every step

I hope that this helps: yes.
"""


def test_typed_concepts_and_insights_are_read() -> None:
    window, large = proposed_of(TYPED, used_in="p-1") or []
    assert (window.name, window.kind) == ("Sliding window", ConceptKind.ROUTINE)
    assert window.summary == "move two ends over a list and keep what is between them"
    assert window.output_type == "list of numbers"
    assert window.parameters == (
        Parameter(name="width", type="int", description="how many items"),
        Parameter(name="keep"),
    )
    assert window.cues == ("sums of neighbours are asked for", "the list is long")
    assert window.notes == ("take out what leaves before adding what comes",)
    assert window.used_in == ("p-1",)
    assert (large.kind, large.situation, large.suggestion) == (
        ConceptKind.INSIGHT,
        "the answer may be huge",
        "take the remainder at every step",
    )


def test_lists_may_stand_under_their_key_and_in_a_fence() -> None:
    cues, notes = "cues:\n- few values\n* many items", "notes:\n1. an array"
    reply = f"```\nname: Bins\nkind: structure\ndescription: counts by value\n{cues}\n\n{notes}\n```"
    (bins,) = proposed_of(reply, used_in="p") or []
    assert (bins.kind, bins.cues, bins.notes) == (ConceptKind.STRUCTURE, ("few values", "many items"), ("an array",))


def test_the_starter_models_lines_are_read() -> None:
    (rule,) = proposed_of("- Ember rule: add 3 to every number", used_in="p") or []
    assert (rule.name, rule.kind, rule.text) == ("Ember rule", ConceptKind.ROUTINE, "add 3 to every number")
    assert proposed_of("none", used_in="p") == []
    assert proposed_of("I see nothing", used_in="p") is None


def test_what_failures_teach_is_marked() -> None:
    reply = "concept: Greedy choice\nkind: routine\nsummary: taking the largest first misses ties"
    (avoid,) = proposed_of(reply, used_in="p", pitfall=True) or []
    assert (avoid.kind, avoid.pitfall, avoid.name) == (ConceptKind.INSIGHT, True, "Pitfall Greedy choice")
    assert avoid.text == "avoid: taking the largest first misses ties"


def test_a_block_without_text_or_a_name_twice_is_left_out() -> None:
    reply = "concept: A\nkind: routine\n\nconcept: B\nsummary: first\n\nconcept: B\nsummary: second"
    assert [(one.name, one.summary) for one in proposed_of(reply, used_in="p") or []] == [("B", "first")]


def test_summary_and_pseudocode_are_read() -> None:
    assert summary_of("**Summary:** adds numbers\npseudocode:\n```\nadd them\n```") == ProgramSummary(
        "adds numbers", "add them"
    )
    assert summary_of("Adds numbers.\npseudocode: go through them\nadd each") == ProgramSummary(
        "Adds numbers.", "go through them\nadd each"
    )
    assert summary_of(" \n") is None


def test_the_last_line_says_whether_two_are_the_same() -> None:
    assert said_same("They differ in words only.\n**same**") is True
    assert said_same("same words\nDifferent.") is False
    assert said_same("same or different") is None
    assert said_same("") is None


_KEYED = st.lists(
    st.tuples(
        st.sampled_from(["concept", "kind", "summary", "cue", "note", "parameter", "situation", "suggestion", "x", ""]),
        st.sampled_from([": ", ":", " - ", "", "\n- ", "**: "]),
        st.one_of(st.text(max_size=40), st.text("ab:`*- (", max_size=900)),
    ),
    max_size=14,
).map(lambda parts: "\n".join(f"{key}{mark}{text}" for key, mark, text in parts))


@given(text=st.one_of(st.text(), _KEYED), used_in=st.text(max_size=300), pitfall=st.booleans())
def test_whatever_is_written_gives_concepts_within_their_limits_or_none(
    text: str, used_in: str, *, pitfall: bool
) -> None:
    found = proposed_of(text, used_in=used_in, pitfall=pitfall)
    summary_of(text)
    said_same(text)
    for content in found or []:
        assert content.text
        assert content.pitfall == pitfall
        assert len({one.name for one in found or []}) == len(found or []) <= 5


@given(text=st.text(max_size=200), most=st.integers(1, 60))
def test_a_cut_text_is_one_short_line(text: str, most: int) -> None:
    assert len(cut(text, most)) <= most
    assert "\n" not in cut(text, most)
