"""Tables: records of a name and a score, that are sorted, filtered, grouped and counted."""

from __future__ import annotations

import random
from typing import Any

from solvent.training.families.composed import ComposedFamily
from solvent.training.families.parts import Ending, OpenWording, Part, Scene, show_list, show_rows, typed_chain

_T, _L, _W, _N, _A = "table", "numbers", "words", "number", "word"
_NAMES = (  # noqa: SIM905 - a list literal of words is longer and no clearer
    "ann bob cara dan eve finn gina hal ivy jon kim lee mia ned ola"
).split()


def _change(name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
    return Part(name, f"rows = {code}", phrases, _T, _T, parameters)


def _keep(name: str, condition: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
    return _change(name, f"[[n, s] for n, s in rows if {condition}]", *phrases, parameters=parameters)


def _score(name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
    return _change(name, f"[[n, {code}] for n, s in rows]", *phrases, parameters=parameters)


def _group(name: str, update: str, *phrases: str) -> Part:
    code = f"d = dict()\nfor n, s in rows:\n    {update}\nrows = [[n, s] for n, s in d.items()]"
    return Part(name, code, phrases, _T, _T)


def _column(gives: str, name: str, code: str, *phrases: str) -> Part:
    return Part(name, f"xs = {code}", phrases, _T, gives)


def _on_list(kind: str, name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
    return Part(name, f"xs = {code}", phrases, kind, kind, parameters)


def _answer(
    takes: str, gives: str, name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)
) -> Part:
    return Part(name, f"answer = {code}", tuple("{out} " + phrase for phrase in phrases), takes, gives, parameters)


_PARTS = (
    _change(
        "by_score",
        "sorted(rows, key=lambda r: (r[1], r[0]))",
        "sort by score, ties by name",
        "put the records in increasing order of score, equal scores in order of name",
        "sort the records by score, and by name where scores are equal",
    ),
    _change(
        "by_score_down",
        "sorted(rows, key=lambda r: (-r[1], r[0]))",
        "sort by score, highest first, ties by name",
        "put the records in decreasing order of score, equal scores in order of name",
        "rank the records by score from high to low, and by name where scores are equal",
    ),
    _change(
        "by_name",
        "sorted(rows)",
        "sort by name, ties by score",
        "put the records in order of name, equal names in order of score",
        "sort the records alphabetically, and by score where names are equal",
    ),
    _change(
        "by_score_stable",
        "sorted(rows, key=lambda r: r[1])",
        "sort by score, ties as they stand",
        "put the records in increasing order of score, equal scores stay in the old order",
    ),
    _change(
        "by_name_down_score",
        "sorted(rows, key=lambda r: (r[0], -r[1]))",
        "sort by name, ties by higher score",
        "sort the records alphabetically, for equal names the higher score first",
    ),
    _change(
        "by_length",
        "sorted(rows, key=lambda r: (len(r[0]), r[0]))",
        "sort by length of name, ties by name",
        "put shorter names first, names of equal length in order",
    ),
    _change("reverse", "rows[::-1]", "reverse the records", "turn the order of the records around"),
    _change("first", "rows[:{k}]", "keep the first {k} records", "take only the top {k}", parameters=(2, 3)),
    _change("drop_first", "rows[{k}:]", "drop the first {k} records", "leave out the top {k}", parameters=(1, 2)),
    _change("drop_last", "rows[:-1]", "drop the last record", "remove the record at the end"),
    _change("every_other", "rows[::2]", "keep every other record", "take the first, third, fifth record and so on"),
    _keep(
        "at_least",
        "s >= {k}",
        "keep scores of at least {k}",
        "remove the records with a score below {k}",
        parameters=(3, 4, 5, 6),
    ),
    _keep(
        "below",
        "s < {k}",
        "keep scores below {k}",
        "remove the records with a score of {k} or more",
        parameters=(5, 6, 7, 8),
    ),
    _keep("even_score", "s % 2 == 0", "keep even scores", "remove the records with an odd score"),
    _keep("odd_score", "s % 2 == 1", "keep odd scores", "remove the records with an even score"),
    _keep(
        "short_name", "len(n) <= 3", "keep names of at most 3 letters", "remove the records with a name over 3 letters"
    ),
    _keep("early_name", "n < 'f'", "keep names before f", "keep the names that begin with a letter from a to e"),
    _keep("late_name", "n >= 'f'", "keep names from f on", "remove the names that begin with a letter from a to e"),
    _keep(
        "not_best",
        "s < max(t for _, t in rows)",
        "remove the highest score",
        "remove every record that has the highest score",
    ),
    _score("add", "s + {k}", "add {k} to every score", "raise each score by {k}", parameters=(1, 2, 3, 4, 5)),
    _score("multiply", "s * {k}", "multiply every score by {k}", "scale the scores by {k}", parameters=(2, 3, 5)),
    _score("cap", "min(s, {k})", "cap the scores at {k}", "lower every score above {k} to {k}", parameters=(5, 6, 7)),
    _score(
        "bonus",
        "s + {k} if s % 2 == 0 else s",
        "add {k} to even scores",
        "give a bonus of {k} for an even score",
        parameters=(1, 2, 3, 5),
    ),
    _score(
        "penalty",
        "s - {k} if s > 5 else s",
        "subtract {k} from scores above 5",
        "take {k} off every score greater than 5",
        parameters=(1, 2, 3, 4),
    ),
    _score(
        "from_best",
        "max(t for _, t in rows) - s",
        "replace scores by the distance to the highest",
        "write for each record how far its score is below the highest score",
    ),
    _score(
        "add_length",
        "s + len(n)",
        "add the name's length to its score",
        "raise every score by the number of letters in the name",
    ),
    _group(
        "totals",
        "d[n] = d.get(n, 0) + s",
        "total the scores of each name",
        "make one record per name with the sum of its scores, in order of first appearance",
    ),
    _group(
        "counts",
        "d[n] = d.get(n, 0) + 1",
        "count the records of each name",
        "make one record per name with how often it occurs, in order of first appearance",
    ),
    _group(
        "best",
        "d[n] = max(d.get(n, s), s)",
        "keep the best score of each name",
        "make one record per name with its highest score, in order of first appearance",
    ),
    _group(
        "worst",
        "d[n] = min(d.get(n, s), s)",
        "keep the worst score of each name",
        "make one record per name with its lowest score, in order of first appearance",
    ),
    _group(
        "earliest",
        "d.setdefault(n, s)",
        "keep the first score of each name",
        "make one record per name with its earliest score, in order of first appearance",
    ),
    _group(
        "latest",
        "d[n] = s",
        "keep the last score of each name",
        "make one record per name with its latest score, in order of first appearance",
    ),
    _column(_W, "names", "[n for n, s in rows]", "take the names", "read off the column of names"),
    _column(_L, "scores", "[s for n, s in rows]", "take the scores", "read off the column of scores"),
    _column(
        _L,
        "lengths",
        "[len(n) for n, s in rows]",
        "take the lengths of the names",
        "write down how many letters each name has",
    ),
    _on_list(_W, "sort_names", "sorted(xs)", "sort these names", "put these names in order"),
    _on_list(_W, "unique_names", "list(dict.fromkeys(xs))", "remove repeated names", "keep each name once"),
    _on_list(_W, "upper", "[x.upper() for x in xs]", "write them in capitals", "change these names to upper case"),
    _on_list(
        _W, "initials", "[x[0] for x in xs]", "take their first letters", "cut each of these names to its initial"
    ),
    _on_list(_L, "sort_numbers", "sorted(xs)", "sort these numbers", "put these numbers in increasing order"),
    _on_list(_L, "unique_numbers", "list(dict.fromkeys(xs))", "remove repeated numbers", "keep each number once"),
    _on_list(
        _L,
        "above",
        "[x for x in xs if x > {k}]",
        "keep the numbers above {k}",
        "drop what is at most {k}",
        parameters=(2, 3, 4),
    ),
    _on_list(_L, "doubled", "[2 * x for x in xs]", "double these numbers", "multiply each of these numbers by 2"),
    _answer(_T, _N, "sum", "sum(s for n, s in rows)", "the sum of the scores", "the total of all scores"),
    _answer(_T, _N, "highest", "max(s for n, s in rows)", "the highest score", "the largest of the scores"),
    _answer(_T, _N, "lowest", "min(s for n, s in rows)", "the lowest score", "the smallest of the scores"),
    _answer(
        _T,
        _N,
        "spread",
        "max(s for n, s in rows) - min(s for n, s in rows)",
        "the highest minus the lowest score",
        "how far the scores spread, highest less lowest",
    ),
    _answer(_T, _N, "records", "len(rows)", "how many records there are", "the number of records"),
    _answer(
        _T,
        _N,
        "distinct",
        "len(set(n for n, s in rows))",
        "how many different names there are",
        "the number of distinct names",
    ),
    _answer(
        _T,
        _A,
        "winner",
        "min(rows, key=lambda r: (-r[1], r[0]))[0]",
        "the name with the highest score, ties by name",
        "who has the highest score, the alphabetically first if several have it",
    ),
    _answer(
        _T,
        _A,
        "first_winner",
        "max(rows, key=lambda r: r[1])[0]",
        "the name with the highest score, the first one if tied",
        "who has the highest score, the earliest record if several have it",
    ),
    _answer(
        _T,
        _A,
        "loser",
        "min(rows, key=lambda r: (r[1], r[0]))[0]",
        "the name with the lowest score, ties by name",
        "who has the lowest score, the alphabetically first if several have it",
    ),
    _answer(_T, _A, "last_name", "rows[-1][0]", "the name in the last record", "whose record is the last"),
    _answer(
        _W,
        _A,
        "most_common",
        "min(xs, key=lambda x: (-xs.count(x), x))",
        "the most common one, ties by order",
        "the one that occurs most often, the alphabetically first if several do",
    ),
    _answer(
        _W,
        _A,
        "rarest",
        "min(xs, key=lambda x: (xs.count(x), x))",
        "the least common one, ties by order",
        "the one that occurs least often, the alphabetically first if several do",
    ),
    _answer(_W, _N, "how_many", "len(set(xs))", "how many different ones there are", "the number of distinct ones"),
    _answer(_W, _A, "joined", "'-'.join(xs)", "them joined with dashes", "one text with dashes between them"),
    _answer(_L, _N, "number_sum", "sum(xs)", "their sum", "the sum of these numbers"),
    _answer(_L, _N, "number_max", "max(xs)", "the largest of them", "the maximum of these numbers"),
    _answer(
        _L,
        _N,
        "most_common_number",
        "min(xs, key=lambda x: (-xs.count(x), x))",
        "the most common one, ties by size",
        "the one that occurs most often, the smallest if several do",
    ),
)

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


_CHOOSE, _BODY = typed_chain(_PARTS, _T)

TABLES = ComposedFamily(
    "table",
    (
        Scene(
            name="table",
            arguments=("rows",),
            read=(
                "rows = []",
                "for _ in range(int(input())):",
                "    n, s = input().split()",
                "    rows.append([n, int(s)])",
            ),
            draw=_draw,
            to_stdin=lambda arguments: f"{len(arguments[0])}\n{show_rows(arguments[0])}",
            parse=_parse,
            valid=_valid,
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
                _T: Ending("rows", ("for n, s in rows:", "    print(n, s)"), show_rows, "the records"),
                _L: Ending("xs", ("print(*xs)",), show_list, "the numbers"),
                _W: Ending("xs", ("print(*xs)",), show_list, "the list"),
                _N: Ending("answer", ("print(answer)",), str),
                _A: Ending("answer", ("print(answer)",), str),
            },
            parts=_PARTS,
            choose=_CHOOSE,
            body=_BODY,
            open_wordings=_OPEN_WORDINGS,
        ),
    ),
)
