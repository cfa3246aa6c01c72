"""The situations of word problems: things that people own, money, journeys, time, ages, rectangles, work."""

from __future__ import annotations

from solvent.training.families.situations import Event, Situation

_PEOPLE = (
    *("Anna", "Ben", "Carla", "David", "Ella", "Felix", "Grace", "Henry", "Iris", "Jack", "Kate", "Leo", "Maria"),
    *("Noah", "Olga", "Paul", "Rosa", "Sam", "Tara", "Victor"),
)
_PRICES = (50, 60, 80, 100, 120, 150, 200)
_SPEEDS = (4, 5, 6, 10, 12, 15, 20, 30, 40, 50, 60, 70, 80, 90)
_BOXES = range(3, 13)
_GOALS = range(60, 301, 5)

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
        _BOXES,
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
        _BOXES,
        rounds=True,
    ),
    Event(
        "rest",
        "{v} % {k}",
        (
            "{p} packs the {items} in full boxes of {k}. How many {items} are left over?",
            "{p} shares the {items} equally among {k} children. How many are left over?",
        ),
        _BOXES,
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
        _GOALS,
    ),
)

OWN = Situation(
    "own",
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
    actors=_PEOPLE,
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
            _GOALS,
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
    actors=_PEOPLE,
    asides=("The shop closes in {k} minutes.", "{q} is {k} years old.", "There are {k} people in the shop."),
    openings=("It is the day before the holidays.", "The summer sale begins."),
    first=("{p} has some money.", "{p} goes shopping with some dollars."),
    now=("Now {p} has {k} dollars.", "In the end {p} has {k} dollars.", "{p} has {k} dollars left."),
    asked_first=("How many dollars did {p} have at first?", "How much money did {p} have at the start?"),
    weight=2.0,
)

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
        Event("missing", "{k} - {v}", ("The goal is {k} km from the start. How many km are left for {p}?",), _GOALS),
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
        Event("left", "{k} - {v}", ("{p} has {k} minutes. How many are left?",), _GOALS),
        Event("together", "a + b", ("How many minutes are both busy in total?",), needs_other=True),
        Event("difference", "{v} - {o}", ("How many minutes longer than {q} is {p} busy?",), needs_other=True),
        Event("each_day", "{v} * {m}", ("{p} does this on {m} days. How many minutes is that in all?",)),
    ),
    questions=("How many minutes is {p} busy in all?", "How many minutes does {p} need in total?"),
    items=("minutes",),
    actors=_PEOPLE,
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
    actors=_PEOPLE,
    asides=("{q} lives in house number {k}.",),
    limit=160,
    depths=(1, 4),
    ending_share=0.5,
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
        Event("order", "{k} - {v}", ("The order is for {k} {items}. How many must {p} still make?",), _GOALS),
        Event(
            "hours",
            "{v} // {k}",
            ("{p} would like to make as many at {k} an hour. How many hours does that take?",),
            range(2, 21),
        ),
        Event(
            "crates", "{v} // {k}", ("A crate holds {k} {items}. How many crates can {p} fill?",), _BOXES, rounds=True
        ),
        Event("rest", "{v} % {k}", ("{p} fills crates of {k} {items}. How many {items} are left over?",), _BOXES),
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
    actors=("the first machine", "the second machine", "the old workshop", "the new workshop", *_PEOPLE[:8]),
    asides=("The hall is {k} m long.", "{k} people watch."),
    openings=("The factory opens early.", "There is much to do this week."),
    first=("{p} has some finished {items}.",),
    now=("Now {p} has {k} {items}.", "In the end {p} has {k} {items}."),
    asked_first=("How many {items} did {p} have at first?",),
)

SITUATIONS = (OWN, MONEY, TRAVEL, TIME, AGES, RECTANGLES, WORK)
