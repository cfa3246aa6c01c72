"""Word problems about time and about ages."""

from __future__ import annotations

from solvent.training.families.situations import GOALS, PEOPLE, Event, Situation

TIME = Situation(
    "time",
    starts=(
        Event(
            "start",
            "{v} = {k}",
            ("{p} reads for {k} minutes.", "{p} cooks for {k} minutes.", "{p} practises for {k} minutes."),
            range(5, 61),
            counts=False,
        ),
        Event(
            "rounds",
            "{v} = {m} * {k}",
            ("{p} runs {m} rounds of {k} minutes each.", "{p} has {m} lessons of {k} minutes."),
            (5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 45),
        ),
    ),
    events=(
        Event(
            "then",
            "{v} = {v} + {k}",
            ("Then {p} walks for {k} minutes.", "After that {p} swims for {k} minutes.", "{p} then rests {k} minutes."),
            (*range(5, 31), 40, 45, 50, 60),
            undo="{v} = {v} - {k}",
        ),
        Event(
            "then_rounds",
            "{v} = {v} + {m} * {k}",
            ("Then {p} does {m} exercises of {k} minutes each.", "{p} sings {m} songs, each {k} minutes long."),
            (3, 4, 5, 6, 8, 10, 12, 15, 20),
            undo="{v} = {v} - {m} * {k}",
        ),
        Event(
            "as_long",
            "{v} = {v} * 2",
            ("Then {p} helps at home for as long as all that took.", "Then {p} does the whole thing a second time."),
        ),
        Event(
            "hour",
            "{v} = {v} + 60",
            ("Then {p} sleeps for an hour.", "After that {p} plays for one hour."),
            plan="add 60",
            undo="{v} = {v} - 60",
        ),
        Event(
            "saved",
            "{v} = {v} - {k}",
            ("Taking a lift saves {p} {k} of these minutes.", "{p} leaves out {k} minutes of it."),
            range(2, 16),
            undo="{v} = {v} + {k}",
        ),
    ),
    introductions=(
        Event("other_more", "{o} = {v} + {k}", ("{q} is busy for {k} minutes longer than {p}.",)),
        Event("other_less", "{o} = {v} - {k}", ("{q} is busy for {k} minutes less than {p}.",)),
        Event("other_times", "{o} = {v} * {m}", ("{q} is busy {m} times as long as {p}.",)),
        Event("other_part", "{o} = {v} // {m}", ("{p} is busy {m} times as long as {q}.",)),
    ),
    endings=(
        Event("full_hours", "{v} // 60", ("How many full hours is {p} busy?",), rounds=True),
        Event("beyond", "{v} % 60", ("By how many minutes is that over full hours for {p}?",)),
        Event("left", "{k} - {v}", ("{p} has {k} minutes. How many are left?",), GOALS),
        Event("together", "a + b", ("How many minutes are both busy in total?",), needs_other=True),
        Event("difference", "{v} - {o}", ("How many minutes longer than {q} is {p} busy?",), needs_other=True),
        Event("each_day", "{v} * {m}", ("{p} does this on {m} days. How many minutes is that in all?",)),
    ),
    questions=("How many minutes is {p} busy in all?", "How many minutes does {p} need in total?"),
    items=("minutes",),
    actors=PEOPLE,
    asides=("It is {k} degrees outside.", "{p} is {k} years old."),
    openings=("School is over.", "It is a free afternoon."),
    depths=(1, 6),
)

AGES = Situation(
    "age",
    starts=(
        Event("start", "{v} = {k}", ("{p} is {k} years old.", "The age of {p} is {k}."), range(4, 41), counts=False),
    ),
    events=(
        Event(
            "years_pass",
            "{v} = {v} + {k}",
            ("{k} years pass.", "{p} thinks of the time {k} years later."),
            range(2, 16),
            alone_only=True,
        ),
        Event(
            "years_ago",
            "{v} = {v} - {k}",
            ("{p} looks at a photo that was taken {k} years before.",),
            range(2, 10),
            alone_only=True,
        ),
        Event(
            "both_pass",
            "a, b = a + {k}, b + {k}",
            ("{k} years pass.", "{k} years go by."),
            range(2, 16),
            needs_other=True,
        ),
        Event(
            "both_ago",
            "a, b = a - {k}, b - {k}",
            ("They look at a photo that was taken {k} years before.",),
            range(2, 10),
            needs_other=True,
        ),
    ),
    introductions=(
        Event(
            "older",
            "{o} = {v} + {k}",
            ("{q} is {k} years older than {p}.", "{p} is {k} years younger than {q}."),
        ),
        Event(
            "younger",
            "{o} = {v} - {k}",
            ("{q} is {k} years younger than {p}.", "{p} is {k} years older than {q}."),
        ),
        Event("times_as_old", "{o} = {v} * {m}", ("{q} is {m} times as old as {p}.",), shares=(2, 3, 4)),
        Event("part_as_old", "{o} = {v} // {m}", ("{p} is {m} times as old as {q}.",), shares=(2, 3, 4)),
    ),
    endings=(
        Event("sum", "a + b", ("How old are they together?", "What is the sum of their ages?"), needs_other=True),
        Event("difference", "{v} - {o}", ("How many years older than {q} is {p}?",), needs_other=True),
        Event("grandmother", "{v} * {m}", ("The grandmother of {p} is {m} times as old as {p}. How old is she?",)),
        Event(
            "aunt",
            "a + b + {k}",
            ("An aunt is {k} years older than both together. How old is she?",),
            needs_other=True,
        ),
        Event("until", "{k} - {v}", ("In how many years will {p} be {k}?",), (18, 20, 30, 40, 50, 60, 70, 80, 100)),
    ),
    questions=("How old is {p} then?", "How many years old is {p}?", "What is then the age of {p}?"),
    items=("years",),
    actors=PEOPLE,
    asides=("{q} lives in house number {k}.",),
    limit=160,
    depths=(1, 4),
    ending_share=0.5,
)
