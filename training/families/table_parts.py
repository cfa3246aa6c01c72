"""What can be done with records of a name and a score, and what can be asked about them."""

from __future__ import annotations

from solvent.training.families.parts import part_maker

TABLE, NUMBERS, WORDS, NUMBER, WORD = "table", "numbers", "words", "number", "word"


_change = part_maker(TABLE, TABLE, "rows = <code>")
_keep = part_maker(TABLE, TABLE, "rows = [[n, s] for n, s in rows if <code>]")
_score = part_maker(TABLE, TABLE, "rows = [[n, <code>] for n, s in rows]")
_group = part_maker(TABLE, TABLE, "d = dict()\nfor n, s in rows:\n    <code>\nrows = [[n, s] for n, s in d.items()]")
_take_words = part_maker(TABLE, WORDS, "xs = <code>")
_take_numbers = part_maker(TABLE, NUMBERS, "xs = <code>")
_on_words = part_maker(WORDS, WORDS, "xs = <code>")
_on_numbers = part_maker(NUMBERS, NUMBERS, "xs = <code>")
_number_of_table = part_maker(TABLE, NUMBER, "answer = <code>", asks=True)
_word_of_table = part_maker(TABLE, WORD, "answer = <code>", asks=True)
_number_of_words = part_maker(WORDS, NUMBER, "answer = <code>", asks=True)
_word_of_words = part_maker(WORDS, WORD, "answer = <code>", asks=True)
_number_of_numbers = part_maker(NUMBERS, NUMBER, "answer = <code>", asks=True)

PARTS = (
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
    _take_words("names", "[n for n, s in rows]", "take the names", "read off the column of names"),
    _take_numbers("scores", "[s for n, s in rows]", "take the scores", "read off the column of scores"),
    _take_numbers(
        "lengths",
        "[len(n) for n, s in rows]",
        "take the lengths of the names",
        "write down how many letters each name has",
    ),
    _on_words("sort_names", "sorted(xs)", "sort these names", "put these names in order"),
    _on_words("unique_names", "list(dict.fromkeys(xs))", "remove repeated names", "keep each name once"),
    _on_words("upper", "[x.upper() for x in xs]", "write them in capitals", "change these names to upper case"),
    _on_words("initials", "[x[0] for x in xs]", "take their first letters", "cut each of these names to its initial"),
    _on_numbers("sort_numbers", "sorted(xs)", "sort these numbers", "put these numbers in increasing order"),
    _on_numbers("unique_numbers", "list(dict.fromkeys(xs))", "remove repeated numbers", "keep each number once"),
    _on_numbers(
        "above",
        "[x for x in xs if x > {k}]",
        "keep the numbers above {k}",
        "drop what is at most {k}",
        parameters=(2, 3, 4),
    ),
    _on_numbers("doubled", "[2 * x for x in xs]", "double these numbers", "multiply each of these numbers by 2"),
    _number_of_table("sum", "sum(s for n, s in rows)", "the sum of the scores", "the total of all scores"),
    _number_of_table("highest", "max(s for n, s in rows)", "the highest score", "the largest of the scores"),
    _number_of_table("lowest", "min(s for n, s in rows)", "the lowest score", "the smallest of the scores"),
    _number_of_table(
        "spread",
        "max(s for n, s in rows) - min(s for n, s in rows)",
        "the highest minus the lowest score",
        "how far the scores spread, highest less lowest",
    ),
    _number_of_table("records", "len(rows)", "how many records there are", "the number of records"),
    _number_of_table(
        "distinct",
        "len(set(n for n, s in rows))",
        "how many different names there are",
        "the number of distinct names",
    ),
    _word_of_table(
        "winner",
        "min(rows, key=lambda r: (-r[1], r[0]))[0]",
        "the name with the highest score, ties by name",
        "who has the highest score, the alphabetically first if several have it",
    ),
    _word_of_table(
        "first_winner",
        "max(rows, key=lambda r: r[1])[0]",
        "the name with the highest score, the first one if tied",
        "who has the highest score, the earliest record if several have it",
    ),
    _word_of_table(
        "loser",
        "min(rows, key=lambda r: (r[1], r[0]))[0]",
        "the name with the lowest score, ties by name",
        "who has the lowest score, the alphabetically first if several have it",
    ),
    _word_of_table("last_name", "rows[-1][0]", "the name in the last record", "whose record is the last"),
    _word_of_words(
        "most_common",
        "min(xs, key=lambda x: (-xs.count(x), x))",
        "the most common one, ties by order",
        "the one that occurs most often, the alphabetically first if several do",
    ),
    _word_of_words(
        "rarest",
        "min(xs, key=lambda x: (xs.count(x), x))",
        "the least common one, ties by order",
        "the one that occurs least often, the alphabetically first if several do",
    ),
    _number_of_words("how_many", "len(set(xs))", "how many different ones there are", "the number of distinct ones"),
    _word_of_words("joined", "'-'.join(xs)", "them joined with dashes", "one text with dashes between them"),
    _number_of_numbers("number_sum", "sum(xs)", "their sum", "the sum of these numbers"),
    _number_of_numbers("number_max", "max(xs)", "the largest of them", "the maximum of these numbers"),
    _number_of_numbers(
        "most_common_number",
        "min(xs, key=lambda x: (-xs.count(x), x))",
        "the most common one, ties by size",
        "the one that occurs most often, the smallest if several do",
    ),
)
