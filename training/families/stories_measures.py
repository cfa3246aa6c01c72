"""Word problems about journeys and about rectangles."""

from __future__ import annotations

from solvent.training.families.situations import GOALS, Event, Situation

_SPEEDS = (4, 5, 6, 10, 12, 15, 20, 30, 40, 50, 60, 70, 80, 90)

TRAVEL = Situation(
    "travel",
    starts=(
        Event(
            "start",
            "{v} = {k}",
            ("{p} has gone {k} km.", "{p} is {k} km from the start.", "{p} stops after {k} km."),
            range(10, 121),
            counts=False,
        ),
        Event(
            "drive",
            "{v} = {m} * {k}",
            (
                "{p} goes {k} km an hour for {m} hours.",
                "{p} travels {m} hours at {k} km per hour.",
                "{p} is on the way for {m} hours with a speed of {k} km per hour.",
            ),
            _SPEEDS,
            shares=range(2, 8),
        ),
    ),
    events=(
        Event(
            "farther",
            "{v} = {v} + {k}",
            ("{p} goes {k} km farther.", "{p} goes on for another {k} km.", "After a stop {p} goes {k} more km."),
            undo="{v} = {v} - {k}",
        ),
        Event(
            "back",
            "{v} = {v} - {k}",
            ("{p} turns and goes {k} km back.", "{p} goes {k} km back towards the start."),
            undo="{v} = {v} + {k}",
        ),
        Event(
            "go_on",
            "{v} = {v} + {m} * {k}",
            ("{p} goes on for {m} hours at {k} km per hour.", "For {m} more hours {p} goes {k} km an hour."),
            _SPEEDS,
            undo="{v} = {v} - {m} * {k}",
        ),
        Event(
            "go_back",
            "{v} = {v} - {m} * {k}",
            (
                "{p} goes back towards the start for {m} hours at {k} km per hour.",
                "{p} turns and goes back for {m} hours at {k} km an hour.",
            ),
            _SPEEDS[:8],
            undo="{v} = {v} + {m} * {k}",
        ),
        Event(
            "half_back",
            "{v} = {v} // 2",
            ("{p} turns and goes half of the way back.", "{p} returns half of the way."),
            undo="{v} = {v} * 2",
        ),
        Event(
            "part_back",
            "{v} = {v} - {v} // {d}",
            ("{p} goes back {part} of the way.", "{p} turns and returns {part} of the way."),
        ),
        Event(
            "again",
            "{v} = {v} * 2",
            ("{p} goes the same distance again.", "{p} goes on until the distance from the start is doubled."),
            undo="{v} = {v} // 2",
        ),
        Event("times", "{v} = {v} * {m}", ("{p} goes on until the distance is {m} times as large.",)),
    ),
    introductions=(
        Event("other_more", "{o} = {v} + {k}", ("{q} has gone {k} km more than {p}.",)),
        Event("other_less", "{o} = {v} - {k}", ("{q} has gone {k} km less than {p}.",)),
        Event("other_times", "{o} = {v} * {m}", ("{q} has gone {m} times as far as {p}.",)),
        Event("other_own", "{o} = {k}", ("{q} has gone {k} km on the same road.",), range(10, 121)),
    ),
    endings=(
        Event(
            "hours",
            "{v} // {k}",
            (
                "How many hours does {p} need for the way back at {k} km per hour?",
                "{p} goes back at {k} km per hour. How many hours does it take?",
            ),
            _SPEEDS,
        ),
        Event("fuel", "{v} // {k}", ("{p} needs one litre for {k} km. How many litres is that?",), (5, 10, 12, 15, 20)),
        Event(
            "per_hour",
            "{v} // {m}",
            ("{p} goes straight back in {m} hours. How many km per hour is that?",),
            shares=(2, 3, 4, 5, 6),
        ),
        Event("missing", "{k} - {v}", ("The goal is {k} km from the start. How many km are left for {p}?",), GOALS),
        Event("together", "a + b", ("How many km are that for both together?",), needs_other=True),
        Event("difference", "{v} - {o}", ("How many km is {p} ahead of {q}?",), needs_other=True),
    ),
    questions=(
        "How many km from the start is {p} now?",
        "How far from the start is {p} in the end?",
        "How many km is {p} away from the start?",
    ),
    items=("km",),
    actors=("the train", "the bus", "the truck", "the boat", "the rider", "the car", "the van", "the runner"),
    asides=("There are {k} people on the road.", "It is {k} degrees outside.", "A ticket costs {k} dollars."),
    openings=("The road is straight.", "The trip begins early in the morning."),
    first=("{p} has already gone some km.", "{p} is some km from the start."),
    now=("Now {p} is {k} km from the start.", "In the end {p} is {k} km from the start."),
    asked_first=("How many km from the start was {p} at first?", "How far had {p} gone at first?"),
)

RECTANGLES = Situation(
    "rectangle",
    starts=(
        Event(
            "start",
            "{v} = {k}",
            (
                "The {p} of a {items} is {k} m.",
                "A {items} has a {p} of {k} m.",
                "The {p} of a rectangular {items} is {k} m.",
            ),
            range(3, 31),
            counts=False,
        ),
        Event(
            "both",
            "{v}, {o} = {k}, {j}",
            (
                "The {p} of a {items} is {k} m and its {q} is {j} m.",
                "A {items} has a {p} of {k} m and a {q} of {j} m.",
            ),
            range(3, 31),
            amounts=range(3, 31),
            counts=False,
        ),
    ),
    events=(
        Event("grow", "{v} = {v} + {k}", ("The {p} grows by {k} m.", "The {p} is made {k} m larger."), range(2, 16)),
        Event("cut", "{v} = {v} - {k}", ("The {p} is cut by {k} m.", "The {p} is made {k} m smaller."), range(2, 16)),
        Event("double", "{v} = {v} * 2", ("The {p} is doubled.", "The {p} is made twice as large.")),
        Event("half", "{v} = {v} // 2", ("The {p} is halved.", "Only half of the {p} is kept.")),
        Event("times", "{v} = {v} * {m}", ("The {p} becomes {m} times as large.",)),
        Event("percent", "{v} = {v} + {v} // {d}", ("The {p} grows by {percent}%.",), parts=(2, 4, 5, 10)),
    ),
    introductions=(
        Event("other_more", "{o} = {v} + {k}", ("The {q} is {k} m more than the {p}.",), range(2, 16)),
        Event("other_less", "{o} = {v} - {k}", ("The {q} is {k} m less than the {p}.",), range(2, 16)),
        Event("other_times", "{o} = {v} * {m}", ("The {q} is {m} times the {p}.",)),
        Event("other_part", "{o} = {v} // {m}", ("The {p} is {m} times the {q}.",)),
    ),
    endings=(
        Event(
            "perimeter",
            "2 * (a + b)",
            ("What is the perimeter in m?", "How many m of fence go round it?", "How long is the way round it in m?"),
            needs_other=True,
        ),
        Event(
            "area",
            "a * b",
            ("What is the area in square metres?", "How many square metres does the {items} have?"),
            needs_other=True,
        ),
        Event(
            "fence_price",
            "2 * (a + b) * {m}",
            ("A metre of fence costs {m} dollars. What does a fence round it cost?",),
            needs_other=True,
        ),
        Event(
            "seed_price",
            "a * b * {m}",
            ("A square metre of the {items} costs {m} dollars. What does all of it cost?",),
            needs_other=True,
        ),
    ),
    questions=("What is the {p} in m?", "How many m is the {p} now?"),
    items=("garden", "field", "room", "yard", "park", "roof"),
    actors=("width", "length"),
    asides=("{k} trees stand near it.",),
    depths=(1, 5),
    ending_share=0.8,
)
