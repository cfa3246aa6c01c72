"""Tables: records of a name and a score, that are sorted, filtered, grouped and counted."""

from __future__ import annotations

import random
from typing import Any

from solvent.training.families.composed import ComposedFamily
from solvent.training.families.inputs import Input
from solvent.training.families.parts import Ending, OpenWording, show_list, show_rows
from solvent.training.families.scenes import Scene, typed_chain
from solvent.training.families.table_parts import NUMBER, NUMBERS, PARTS, TABLE, WORD, WORDS

_NAMES = (  # noqa: SIM905 - a list literal of words is longer and no clearer
    "ann bob cara dan eve finn gina hal ivy jon kim lee mia ned ola"
).split()
_OPEN_WORDINGS = (
    OpenWording(
        ("sort the records", "put the records in order"),
        (("by_score", ""), ("by_score_down", ""), ("by_name", ""), ("by_length", "")),
    ),
    OpenWording(
        ("make one record for each name", "group the records by name"),
        (("totals", ""), ("counts", ""), ("best", ""), ("latest", "")),
    ),
    OpenWording(
        ("keep the records with a good score", "remove the records with too low a score"),
        (("at_least", 3), ("at_least", 4), ("at_least", 5), ("at_least", 6)),
    ),
    OpenWording(
        ("keep scores of one parity", "keep only even or only odd scores"), (("even_score", ""), ("odd_score", ""))
    ),
    OpenWording(
        ("keep some of the names", "filter by name"), (("short_name", ""), ("early_name", ""), ("late_name", ""))
    ),
    OpenWording(
        ("raise the scores", "give points to everybody"),
        (("add", 1), ("add", 2), ("add", 5), ("add_length", ""), ("multiply", 2)),
    ),
    OpenWording(
        ("keep part of the records", "cut the table down"),
        (("first", 2), ("first", 3), ("drop_first", 1), ("drop_last", ""), ("every_other", "")),
    ),
    OpenWording(("take numbers from the records", "take one number of each record"), (("scores", ""), ("lengths", ""))),
    OpenWording(("change how these names are written", "rewrite these names"), (("upper", ""), ("initials", ""))),
    OpenWording(
        ("{out} one number about the scores", "{out} what the scores come to"),
        (("sum", ""), ("highest", ""), ("lowest", ""), ("spread", "")),
    ),
    OpenWording(
        ("{out} the name that stands out", "{out} one of the names"), (("winner", ""), ("loser", ""), ("last_name", ""))
    ),
    OpenWording(("{out} one of them", "{out} the one that counts"), (("most_common", ""), ("rarest", ""))),
)


def _draw(rng: random.Random, large: bool) -> tuple[Any, ...]:
    count = rng.randint(5, 10) if large else rng.randint(3, 5)
    names = rng.sample(_NAMES, max(2, count * 2 // 3))
    top = 30 if large else 9
    return ([[rng.choice(names), rng.randint(1, top)] for _ in range(count)],)


def _parse(lines: list[str]) -> tuple[Any, ...]:
    rows = []
    for line in lines[1:]:
        name, score = line.split()
        rows.append([name, int(score)])
    if len(rows) != int(lines[0]):
        raise ValueError("not as many records as announced")
    return (rows,)


def _valid(arguments: tuple[Any, ...]) -> bool:
    (rows,) = arguments
    return (
        type(rows) is list
        and bool(rows)
        and all(type(row) is list and len(row) == 2 for row in rows)
        and all(type(n) is str and n.isalpha() and n.islower() and type(s) is int and s > 0 for n, s in rows)
    )


_RECORDS = Input(
    ("rows",),
    (
        "rows = []",
        "for _ in range(int(input())):",
        "    n, s = input().split()",
        "    rows.append([n, int(s)])",
    ),
    _draw,
    lambda arguments: f"{len(arguments[0])}\n{show_rows(arguments[0])}",
    _parse,
    _valid,
)
_CHOOSE, _BODY = typed_chain(PARTS, TABLE)

TABLES = ComposedFamily(
    "table",
    (
        Scene(
            name="table",
            inputs=_RECORDS,
            stdio_openings=(
                "The first line has N, then come N records, each a name and a score.",
                "Read N and then N lines with a name in small letters and a positive score.",
                "You are given N on one line, and a name and a score on each of the next N lines.",
            ),
            function_openings=(
                "You are given a list of pairs, each a name and a score.",
                "A table is given as a list of records [name, score].",
                "Given records of a name in small letters and a positive score, do the following.",
            ),
            endings={
                TABLE: Ending("rows", ("for n, s in rows:", "    print(n, s)"), show_rows, "the records"),
                NUMBERS: Ending("xs", ("print(*xs)",), show_list, "the numbers"),
                WORDS: Ending("xs", ("print(*xs)",), show_list, "the list"),
                NUMBER: Ending("answer", ("print(answer)",), str),
                WORD: Ending("answer", ("print(answer)",), str),
            },
            parts=PARTS,
            choose=_CHOOSE,
            body=_BODY,
            open_wordings=_OPEN_WORDINGS,
        ),
    ),
)
