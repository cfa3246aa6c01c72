"""Word problems about money, and about work that is paid or counted."""

from __future__ import annotations

from solvent.training.families.situations import BOXES, GOALS, PEOPLE, Event, Situation

MONEY = Situation(
    "money",
    starts=(
        Event(
            "start",
            "{v} = {k}",
            ("{p} has {k} dollars.", "{p} goes shopping with {k} dollars.", "In the purse of {p} are {k} dollars."),
            range(40, 201),
            counts=False,
        ),
        Event(
            "wages",
            "{v} = {m} * {k}",
            (
                "{p} works {m} hours and earns {k} dollars an hour.",
                "{p} saves {k} dollars a week for {m} weeks.",
                "{p} sells {m} {items} for {k} dollars each.",
            ),
            range(5, 31),
            shares=range(2, 10),
        ),
        Event(
            "change",
            "{v} = {j} - {m} * {k}",
            (
                "{p} buys {m} {items} for {k} dollars each and pays with a note of {j} dollars.",
                "{p} pays with {j} dollars for {m} {items} that cost {k} dollars each, and gets the change.",
            ),
            range(3, 16),
        ),
    ),
    events=(
        Event(
            "earn",
            "{v} = {v} + {k}",
            (
                "{p} earns {k} dollars.",
                "{p} gets {k} dollars from an uncle.",
                "{p} finds {k} dollars.",
                "{p} sells an old coat for {k} dollars.",
            ),
            undo="{v} = {v} - {k}",
        ),
        Event(
            "spend",
            "{v} = {v} - {k}",
            (
                "{p} spends {k} dollars.",
                "{p} pays {k} dollars for a ticket.",
                "{p} buys a hat for {k} dollars.",
                "{p} loses {k} dollars.",
            ),
            undo="{v} = {v} + {k}",
        ),
        Event(
            "buy",
            "{v} = {v} - {m} * {k}",
            (
                "{p} buys {m} {items} for {k} dollars each.",
                "{p} buys {m} {items}, and each costs {k} dollars.",
                "{p} pays {k} dollars a day for {m} days.",
            ),
            range(2, 16),
            undo="{v} = {v} + {m} * {k}",
        ),
        Event(
            "wage",
            "{v} = {v} + {m} * {k}",
            (
                "{p} works {m} hours for {k} dollars an hour.",
                "{p} sells {m} {items} at {k} dollars each.",
                "{p} saves {k} dollars a week for {m} weeks.",
            ),
            range(3, 21),
            undo="{v} = {v} - {m} * {k}",
        ),
        Event(
            "discount",
            "{v} = {v} - ({j} - {k})",
            (
                "{p} buys a bag of {j} dollars and pays {k} dollars less for it.",
                "{p} buys a lamp that costs {j} dollars, less {k} dollars discount.",
            ),
            range(2, 16),
            amounts=range(20, 61, 5),
        ),
        Event("pay_half", "{v} = {v} // 2", ("{p} spends half of the money.", "{p} gives half of the money away.")),
        Event(
            "pay_part",
            "{v} = {v} - {v} // {d}",
            ("{p} spends {part} of the money.", "{p} pays {part} of the money as rent."),
        ),
        Event(
            "tax",
            "{v} = {v} - {v} // {d}",
            ("{p} pays {percent}% of the money as tax.", "{p} gives {percent} percent of the money to charity."),
            parts=(4, 5, 10),
        ),
        Event(
            "interest",
            "{v} = {v} + {v} // {d}",
            ("The bank adds {percent}% to the money of {p}.", "The money of {p} grows by {percent} percent."),
            parts=(4, 5, 10),
        ),
        Event("double", "{v} = {v} * 2", ("{p} doubles the money.", "An aunt gives {p} as much money again.")),
        Event(
            "pay_other",
            "{v}, {o} = {v} - {k}, {o} + {k}",
            ("{p} pays {k} dollars to {q}.", "{q} borrows {k} dollars from {p}.", "{p} gives {q} {k} dollars."),
            range(2, 21),
            needs_other=True,
        ),
    ),
    introductions=(
        Event(
            "other_more",
            "{o} = {v} + {k}",
            ("{q} has {k} dollars more than {p}.", "{p} has {k} dollars less than {q}."),
        ),
        Event(
            "other_less",
            "{o} = {v} - {k}",
            ("{q} has {k} dollars less than {p}.", "{p} has {k} dollars more than {q}."),
        ),
        Event("other_times", "{o} = {v} * {m}", ("{q} has {m} times as much money as {p}.",)),
        Event("other_part", "{o} = {v} // {m}", ("{p} has {m} times as much money as {q}.",)),
        Event("other_own", "{o} = {k}", ("{q} has {k} dollars.",), range(20, 151)),
    ),
    endings=(
        Event(
            "how_many",
            "{v} // {k}",
            (
                "How many {items} at {k} dollars each can {p} buy?",
                "The {items} cost {k} dollars each. How many of them can {p} buy at most?",
            ),
            range(3, 16),
            rounds=True,
        ),
        Event(
            "remains",
            "{v} % {k}",
            ("{p} buys as many {items} at {k} dollars each as possible. How many dollars remain?",),
            range(3, 16),
        ),
        Event(
            "lacks",
            "{k} - {v}",
            (
                "{p} wants to buy a bicycle for {k} dollars. How many dollars are missing?",
                "How many dollars must {p} still save for a phone that costs {k} dollars?",
            ),
            GOALS,
        ),
        Event("together", "a + b", ("How many dollars do they have together?",), needs_other=True),
        Event("difference", "{v} - {o}", ("How many dollars more than {q} does {p} have?",), needs_other=True),
        Event(
            "each",
            "{v} // {m}",
            ("{p} shares the money equally among {m} children. How many dollars does each child get?",),
        ),
    ),
    questions=(
        "How many dollars does {p} have now?",
        "How many dollars does {p} have left?",
        "How much money does {p} have in the end?",
    ),
    items=("books", "cups", "toys", "shirts", "plates", "pens", "kites", "cakes", "lamps", "balls"),
    actors=PEOPLE,
    asides=("The shop closes in {k} minutes.", "{q} is {k} years old.", "There are {k} people in the shop."),
    openings=("It is the day before the holidays.", "The summer sale begins."),
    first=("{p} has some money.", "{p} goes shopping with some dollars."),
    now=("Now {p} has {k} dollars.", "In the end {p} has {k} dollars.", "{p} has {k} dollars left."),
    asked_first=("How many dollars did {p} have at first?", "How much money did {p} have at the start?"),
    weight=2.0,
)

WORK = Situation(
    "work",
    starts=(
        Event(
            "start",
            "{v} = {k}",
            ("{p} has already made {k} {items}.", "{p} begins the day with {k} finished {items}."),
            range(5, 61),
            counts=False,
        ),
        Event(
            "rate",
            "{v} = {m} * {k}",
            (
                "{p} makes {k} {items} an hour and works for {m} hours.",
                "{p} works {m} hours and makes {k} {items} in each.",
                "In {m} days {p} makes {k} {items} a day.",
            ),
            range(3, 41),
            shares=range(2, 10),
        ),
    ),
    events=(
        Event(
            "make",
            "{v} = {v} + {m} * {k}",
            ("For {m} more hours {p} makes {k} {items} an hour.", "{m} helpers of {p} make {k} {items} each."),
            range(2, 21),
            undo="{v} = {v} - {m} * {k}",
        ),
        Event(
            "one_more",
            "{v} = {v} + {k}",
            ("In the evening {p} makes {k} more {items}.", "{p} makes another {k} {items}."),
            undo="{v} = {v} - {k}",
        ),
        Event(
            "broken",
            "{v} = {v} - {k}",
            ("{k} {items} of {p} are broken and do not count.", "{k} of the {items} of {p} must be thrown away."),
            range(2, 16),
            undo="{v} = {v} + {k}",
        ),
        Event(
            "lorries",
            "{v} = {v} - {m} * {k}",
            ("{m} carts take away {k} {items} of {p} each.", "{p} sends {k} {items} to each of {m} shops."),
            range(2, 16),
            undo="{v} = {v} + {m} * {k}",
        ),
        Event("sold_part", "{v} = {v} - {v} // {d}", ("{p} sells {part} of the {items}.",)),
        Event("sold_percent", "{v} = {v} - {v} // {d}", ("{p} sells {percent}% of the {items}.",), parts=(4, 5, 10)),
        Event("twice", "{v} = {v} * 2", ("The next day {p} makes as many {items} again.",), undo="{v} = {v} // 2"),
        Event("team", "{v} = {v} * {m}", ("With a team {p} then reaches {m} times that number.",)),
        Event(
            "hand_over",
            "{v}, {o} = {v} - {k}, {o} + {k}",
            ("{p} hands {k} {items} over to {q}.",),
            range(2, 16),
            needs_other=True,
        ),
    ),
    introductions=(
        Event("other_more", "{o} = {v} + {k}", ("{q} has made {k} {items} more than {p}.",)),
        Event("other_less", "{o} = {v} - {k}", ("{q} has made {k} {items} less than {p}.",)),
        Event(
            "other_times",
            "{o} = {v} * {m}",
            ("{q} is {m} times as fast and has made {m} times as many {items} as {p}.",),
        ),
        Event("other_own", "{o} = {k}", ("{q} has made {k} {items}.",), range(5, 91)),
    ),
    endings=(
        Event("order", "{k} - {v}", ("The order is for {k} {items}. How many must {p} still make?",), GOALS),
        Event(
            "hours",
            "{v} // {k}",
            ("{p} would like to make as many at {k} an hour. How many hours does that take?",),
            range(2, 21),
        ),
        Event(
            "crates", "{v} // {k}", ("A crate holds {k} {items}. How many crates can {p} fill?",), BOXES, rounds=True
        ),
        Event("rest", "{v} % {k}", ("{p} fills crates of {k} {items}. How many {items} are left over?",), BOXES),
        Event("worth", "{v} * {k}", ("{p} gets {k} dollars for each. How many dollars does {p} get?",), range(2, 10)),
        Event("together", "a + b", ("How many {items} are that from both?",), needs_other=True),
        Event(
            "both_worth",
            "(a + b) * {k}",
            ("They sell all of them for {k} dollars each. How many dollars do they get?",),
            range(2, 6),
            needs_other=True,
        ),
        Event("difference", "{v} - {o}", ("How many {items} more than {q} does {p} have?",), needs_other=True),
    ),
    questions=("How many {items} does {p} have now?", "How many {items} are there for {p} in the end?"),
    items=("chairs", "bricks", "shoes", "candles", "baskets", "loaves", "bowls", "toys"),
    actors=("the first machine", "the second machine", "the old workshop", "the new workshop", *PEOPLE[:8]),
    asides=("The hall is {k} m long.", "{k} people watch."),
    openings=("The factory opens early.", "There is much to do this week."),
    first=("{p} has some finished {items}.",),
    now=("Now {p} has {k} {items}.", "In the end {p} has {k} {items}."),
    asked_first=("How many {items} did {p} have at first?",),
)
