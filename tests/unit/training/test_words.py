"""Word problems: the reasoning is right, ends in the answer, and stays small; old wordings are still there."""

from __future__ import annotations

import contextlib
import io
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.training.families.sample import split_of
from solvent.training.families.situations import PLANS, Event
from solvent.training.families.stories import SITUATIONS
from solvent.training.families.stories_own import OWN
from solvent.training.families.words import WORDS

EQUATION = re.compile(r"(\d+) (\+|-|\*|//|%) (\d+) = (\d+)")
DRAWS = (st.integers(1, 8), st.integers(0, 10**6))
OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}


def run(program: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(program, {})
    return printed.getvalue().strip()


@settings(max_examples=150, deadline=None)
@given(*DRAWS)
def test_the_reasoning_is_right_and_ends_in_the_answer(depth: int, seed: int) -> None:
    sample = WORDS.draw(random.Random(seed), depth, 0, "train")
    assert run(sample.program) == sample.answer
    left = EQUATION.sub("", sample.reasoning)
    assert not re.search(r"[+*/%=]", left), "something looks like an equation but is none"
    for a, sign, b, result in EQUATION.findall(sample.reasoning):
        assert OPERATIONS[sign](int(a), int(b)) == int(result)
    assert re.findall(r"\d+", sample.reasoning)[-1] == sample.answer


@settings(max_examples=100, deadline=None)
@given(*DRAWS)
def test_numbers_stay_small_and_lines_short(depth: int, seed: int) -> None:
    sample = WORDS.draw(random.Random(seed), depth, 0, "train")
    assert all(0 < int(number) < 1000 for number in re.findall(r"\d+", sample.reasoning))
    assert all(len(line) < 80 for line in sample.reasoning.split("\n"))
    assert len(sample.reasoning.split("\n")) <= depth + 1
    steps = [line for line in sample.program.split("\n") if not re.fullmatch(r"print\([ab]\)", line)]
    assert len(sample.plan) == len(steps)


@settings(max_examples=60, deadline=None)
@given(*DRAWS)
def test_every_number_of_the_program_is_told(depth: int, seed: int) -> None:
    sample = WORDS.draw(random.Random(seed), depth, 0, "train")
    told = f"{sample.statement} two three four five six seven eight nine"
    spelled = {"2", "3", "4", "5", "6", "7", "8", "9", "10", "20", "60"}
    """Numbers that a telling may spell out: small ones, parts and percentages, and the minutes of an hour."""
    for number in re.findall(r"\d+", sample.program):
        assert number in spelled or re.search(rf"\b{number}\b", told)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name or "own")
def test_what_is_undone_is_as_before(situation: object) -> None:
    assert situation in SITUATIONS
    for event in getattr(situation, "events"):  # noqa: B009 - the parameter's type is for pytest's ids only
        for k, m, start in ((7, 3, 60), (5, 2, 90)):
            if event.undo:
                values = {"v": start * m}
                for line in (event.code, event.undo):
                    exec(line.format(v="v", k=k, m=m, j=4), {}, values)
                assert values["v"] == start * m, event.name


def all_events() -> list[Event]:
    return [e for s in SITUATIONS for e in (*s.starts, *s.events, *s.introductions, *s.endings)]


def test_every_step_has_a_plan_and_its_tellings_name_its_numbers() -> None:
    for event in all_events():
        assert event.plan_line
        assert not event.undo or event.undo in PLANS
        for mark in "kjm":
            for telling in event.tellings:
                assert (f"{{{mark}}}" in event.code) == (f"{{{mark}}}" in telling), (event.name, telling)


def test_names_of_events_are_different_within_a_situation() -> None:
    for situation in SITUATIONS:
        names = [e.name for e in (*situation.events, *situation.introductions, *situation.endings)]
        assert len(names) == len(set(names))


def test_the_wordings_of_the_first_version_are_still_drawn() -> None:
    tellings = {telling for event in (*OWN.events, *OWN.introductions, *OWN.endings) for telling in event.tellings}
    assert {
        "{p} buys {k} more {items}.",
        "{p} gives {k} {items} to each of {m} friends.",
        "{p} makes {m} equal piles of {items} and keeps one pile.",
        "{q} has {m} times as many {items} as {p}.",
        "How many {items} do they have in total?",
    } <= tellings


def test_all_situations_are_drawn_and_stories_repeat_with_their_seed() -> None:
    drawn = [WORDS.draw(random.Random(seed), 3, 0, "held-out") for seed in range(150)]
    assert drawn[:20] == [WORDS.draw(random.Random(seed), 3, 0, "held-out") for seed in range(20)]
    assert {s.name for s in SITUATIONS} - {""} <= {sample.composition[0] for sample in drawn}
    assert all(split_of("word", sample.composition) == "held-out" for sample in drawn)
    assert any("backwards" in sample.composition for sample in drawn)


def test_a_story_has_no_input() -> None:
    assert not WORDS.accepts("")
    assert not WORDS.accepts("12")
