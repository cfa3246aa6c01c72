"""Word problems about things that people own."""

from __future__ import annotations

from solvent.training.families.situations import BOXES, GOALS, PEOPLE, Event, Situation

_OWN = (
    Event(
        "gain",
        "{v} = {v} + {k}",
        (
            "{p} buys {k} more {items}.",
            "{p} finds {k} {items}.",
            "{p} gets {k} {items} from a neighbour.",
            "A friend gives {p} {k} {items}.",
            "{p} wins {k} {items} in a game.",
            "{k} more {items} come as a present for {p}.",
        ),
        undo="{v} = {v} - {k}",
    ),
    Event(
        "lose",
        "{v} = {v} - {k}",
        (
            "{p} loses {k} {items}.",
            "{p} gives away {k} {items}.",
            "{p} sells {k} of the {items}.",
            "{p} throws {k} old {items} away.",
            "{k} of the {items} of {p} are stolen.",
            "A dog runs off with {k} {items} of {p}.",
        ),
        undo="{v} = {v} + {k}",
    ),
    Event(
        "gain_groups",
        "{v} = {v} + {m} * {k}",
        (
            "{p} buys {m} bags with {k} {items} each.",
            "{m} friends give {p} {k} {items} each.",
            "{p} gets {k} {items} a day for {m} days.",
            "{p} opens {m} packets and finds {k} {items} in each.",
        ),
        range(2, 13),
        "{v} = {v} - {m} * {k}",
    ),
    Event(
        "lose_groups",
        "{v} = {v} - {m} * {k}",
        (
            "{p} gives {k} {items} to each of {m} friends.",
            "{p} fills {m} boxes with {k} {items} each and sells them.",
            "{p} uses up {k} {items} a day for {m} days.",
        ),
        range(2, 13),
        "{v} = {v} + {m} * {k}",
    ),
    Event(
        "times",
        "{v} = {v} * {m}",
        (
            "{p} plays and ends with {m} times as many {items}.",
            "{p} makes the number of {items} {m} times as large.",
        ),
        undo="{v} = {v} // {m}",
    ),
    Event(
        "double",
        "{v} = {v} * 2",
        (
            "{p} doubles the number of {items}.",
            "{p} gets as many {items} again.",
            "{p} now collects twice as many {items}.",
        ),
        undo="{v} = {v} // 2",
    ),
    Event(
        "half",
        "{v} = {v} // 2",
        (
            "{p} gives away half of the {items}.",
            "{p} keeps only half of the {items}.",
            "{p} loses 50% of the {items}.",
        ),
        undo="{v} = {v} * 2",
    ),
    Event(
        "share",
        "{v} = {v} // {m}",
        (
            "{p} shares the {items} equally among {m} people and keeps one share.",
            "{p} makes {m} equal piles of {items} and keeps one pile.",
        ),
        undo="{v} = {v} * {m}",
    ),
    Event(
        "give_other",
        "{v}, {o} = {v} - {k}, {o} + {k}",
        (
            "{p} gives {k} {items} to {q}.",
            "{q} takes {k} {items} from {p}.",
            "{q} gets {k} of the {items} of {p}.",
            "{p} loses {k} {items} to {q} in a bet.",
        ),
        range(2, 16),
        needs_other=True,
    ),
    Event(
        "give_half",
        "{v}, {o} = {v} // 2, {o} + {v} // 2",
        ("{p} gives half of the {items} to {q}.", "{q} gets half of the {items} that {p} has."),
        needs_other=True,
    ),
    Event(
        "as_many",
        "{v} = {v} + {o}",
        ("{p} buys as many {items} as {q} has.", "{p} finds exactly as many {items} as {q} has."),
        needs_other=True,
    ),
    Event(
        "lose_part",
        "{v} = {v} - {v} // {d}",
        ("{p} gives away {part} of the {items}.", "{p} sells {part} of the {items}.", "{p} loses {part} of them."),
    ),
    Event(
        "lose_percent",
        "{v} = {v} - {v} // {d}",
        ("{p} loses {percent}% of the {items}.", "{p} sells {percent} percent of the {items}."),
        parts=(4, 5, 10),
    ),
    Event(
        "gain_percent",
        "{v} = {v} + {v} // {d}",
        ("The number of {items} of {p} grows by {percent}%.", "{p} gets {percent} percent more {items}."),
        parts=(2, 4, 5, 10),
    ),
    Event(
        "leftover",
        "{v} = {v} % {k}",
        (
            "{p} packs the {items} in full boxes of {k}, sells these and keeps the rest.",
            "{p} ties the {items} in bundles of {k}, gives the bundles away and keeps what is left over.",
        ),
        BOXES,
    ),
    Event(
        "gain_lose",
        "{v} = {v} + {k} - {j}",
        ("{p} finds {k} {items} but loses {j}.", "{p} buys {k} {items}, of which {j} break."),
        range(10, 41),
        amounts=range(2, 10),
        undo="{v} = {v} - {k} + {j}",
    ),
)
_OWN_OTHER = (
    Event(
        "other_more",
        "{o} = {v} + {k}",
        (
            "{q} has {k} more {items} than {p}.",
            "{q} has {k} {items} more than {p} has.",
            "{p} has {k} fewer {items} than {q}.",
        ),
    ),
    Event(
        "other_fewer",
        "{o} = {v} - {k}",
        (
            "{q} has {k} fewer {items} than {p}.",
            "{q} has {k} {items} less than {p} has.",
            "{p} has {k} more {items} than {q}.",
        ),
    ),
    Event("other_times", "{o} = {v} * {m}", ("{q} has {m} times as many {items} as {p}.",)),
    Event(
        "other_part",
        "{o} = {v} // {m}",
        ("{p} has {m} times as many {items} as {q}.", "{p} has {m} times the number of {items} that {q} has."),
    ),
    Event("other_own", "{o} = {k}", ("{q} has {k} {items}.", "{q} has {k} {items} as well."), range(3, 61)),
)
_OWN_ENDINGS = (
    Event(
        "together",
        "a + b",
        (
            "How many {items} do {p} and {q} have together?",
            "How many {items} do they have in total?",
            "They put all their {items} in one box. How many are in it?",
        ),
        needs_other=True,
    ),
    Event(
        "price",
        "{v} * {k}",
        (
            "Each of the {items} costs {k} dollars. How many dollars are those of {p} worth?",
            "{p} sells all the {items} for {k} dollars each. How many dollars does {p} get?",
        ),
        range(2, 13),
    ),
    Event(
        "difference",
        "{v} - {o}",
        (
            "How many more {items} than {q} does {p} have?",
            "How many {items} must {q} get to have as many as {p}?",
            "How many fewer {items} does {q} have than {p}?",
        ),
        needs_other=True,
    ),
    Event(
        "equalise",
        "({v} - {o}) // 2",
        ("How many {items} must {p} give to {q} so that both have equally many?",),
        needs_other=True,
    ),
    Event(
        "share_both",
        "(a + b) // {m}",
        ("They share all their {items} equally among {m} children. How many does each child get?",),
        needs_other=True,
    ),
    Event(
        "boxes",
        "{v} // {k}",
        (
            "{p} packs the {items} in boxes of {k}. How many boxes are full?",
            "A bag holds {k} {items}. How many bags can {p} fill?",
        ),
        BOXES,
        rounds=True,
    ),
    Event(
        "rest",
        "{v} % {k}",
        (
            "{p} packs the {items} in full boxes of {k}. How many {items} are left over?",
            "{p} shares the {items} equally among {k} children. How many are left over?",
        ),
        BOXES,
    ),
    Event(
        "each",
        "{v} // {m}",
        (
            "{p} shares the {items} equally among {m} friends. How many does each friend get?",
            "{p} puts the {items} in {m} equal rows. How many are in a row?",
        ),
    ),
    Event(
        "missing",
        "{k} - {v}",
        (
            "{p} wants to have {k} {items}. How many are missing?",
            "How many {items} does {p} still need to have {k}?",
        ),
        GOALS,
    ),
)

OWN = Situation(
    "",
    starts=(
        Event(
            "start",
            "{v} = {k}",
            ("{p} has {k} {items}.", "{p} starts with {k} {items}.", "In a box of {p} are {k} {items}."),
            range(3, 61),
            counts=False,
        ),
    ),
    events=_OWN,
    introductions=_OWN_OTHER,
    endings=_OWN_ENDINGS,
    questions=(
        "How many {items} does {p} have?",
        "How many {items} does {p} have now?",
        "How many {items} does {p} have in the end?",
        "What is the number of {items} that {p} has now?",
    ),
    items=(
        "apples",
        "stamps",
        "coins",
        "shells",
        "books",
        "cards",
        "marbles",
        "pens",
        "nuts",
        "stickers",
        "eggs",
        "beads",
    ),
    actors=PEOPLE,
    asides=(
        "The shop closes in {k} minutes.",
        "{q} is {k} years old.",
        "It is {k} degrees outside.",
        "The walk home takes {k} minutes.",
        "{p} lives in house number {k}.",
        "The bus came {k} minutes late.",
    ),
    openings=("It is market day.", "The children play after school.", "It is raining, so everybody stays at home."),
    first=("{p} has some {items}.", "{p} starts with an unknown number of {items}."),
    now=("Now {p} has {k} {items}.", "In the end {p} has {k} {items}.", "At last {p} has {k} {items}."),
    asked_first=("How many {items} did {p} have at first?", "How many {items} were there at the start?"),
    weight=5.0,
)
