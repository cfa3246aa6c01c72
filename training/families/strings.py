"""String pipelines: one line of text, changed step by step."""

from __future__ import annotations

import random

from solvent.training.families.operations import OpenWording, Operation, RuleKind
from solvent.training.families.pipeline import PipelineFamily

_WORDS = (  # noqa: SIM905 - a list literal of words is longer and no clearer
    "apple river stone cloud table green light music paper house garden window summer winter yellow silver orange "
    "bread water ocean forest tiger rabbit horse monkey pencil letter number circle square pocket button candle "
    "bottle kitchen bridge street valley island desert planet rocket engine wheel hammer ladder basket blanket "
    "pillow mirror camera guitar violin piano drum flute story poem novel actor dance dream sleep smile laugh "
    "happy quiet loud brave gentle clever lazy early late north south east west left right above below noon dawn "
    "dusk rain snow wind storm"
).split()


def _draw_input(rng: random.Random, large: bool) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(rng.randint(3, 5) if large else rng.randint(1, 3)))


_OPERATIONS = (
    Operation(
        "upper",
        "s = s.upper()",
        ("convert it to upper case", "make all letters upper case", "change every letter to a capital"),
    ),
    Operation(
        "title",
        "s = s.title()",
        (
            "capitalise every word",
            "start each word with a capital letter",
            "make the first letter of each word upper case",
        ),
    ),
    Operation(
        "swap_case",
        "s = s.swapcase()",
        (
            "swap upper and lower case",
            "swap the case of every letter",
            "change small letters to capitals and capitals to small letters",
        ),
    ),
    Operation(
        "capitalise",
        "s = s.capitalize()",
        (
            "make only the first letter of the text a capital",
            "make the first letter upper case and the rest lower case",
        ),
    ),
    Operation(
        "upper_vowels",
        's = "".join(c.upper() if c in "aeiou" else c for c in s)',
        ("make the vowels upper case", "change every vowel to a capital", "convert only the vowels to upper case"),
    ),
    Operation(
        "sort_by_length",
        's = " ".join(sorted(s.split(), key=len))',
        ("sort the words by length", "put shorter words before longer ones", "order the words by how long they are"),
    ),
    Operation(
        "drop_letter",
        's = s.replace("{k}", "")',
        ("remove every letter {k}", "delete each {k}", "drop all letters {k}"),
        tuple("aeorl"),
    ),
    Operation(
        "drop_last",
        "s = s[:-{k}]",
        ("remove the last {k} characters", "drop the last {k} characters", "cut {k} characters off the end"),
        (1, 2, 3),
    ),
    Operation("reverse", "s = s[::-1]", ("reverse it", "reverse the text", "write the text backwards")),
    Operation(
        "reverse_words",
        's = " ".join(s.split()[::-1])',
        ("reverse the order of the words", "put the words in reverse order", "write the last word first"),
    ),
    Operation(
        "sort_words",
        's = " ".join(sorted(s.split()))',
        ("sort the words", "put the words in alphabetical order", "order the words alphabetically"),
    ),
    Operation(
        "sort_letters",
        's = "".join(sorted(s))',
        ("sort its characters", "put the characters in order", "sort all characters of the text"),
    ),
    Operation(
        "unique",
        's = "".join(dict.fromkeys(s))',
        ("keep only the first copy of every character", "remove repeated characters", "drop characters seen before"),
    ),
    Operation(
        "drop_vowels",
        's = "".join(c for c in s if c not in "aeiou")',
        ("remove the vowels", "delete every small vowel", "drop the letters a, e, i, o and u"),
    ),
    Operation(
        "double",
        's = "".join(c * 2 for c in s)',
        ("double every character", "write each character twice", "repeat every character"),
    ),
    Operation(
        "join_words",
        's = s.replace(" ", "")',
        ("remove the spaces", "delete all spaces", "write the words without spaces"),
    ),
    Operation(
        "dashes",
        's = s.replace(" ", "-")',
        ("replace spaces by dashes", "put a dash in place of every space", "change each space to a dash"),
    ),
    Operation(
        "replace",
        's = s.replace("{k[0]}", "{k[1]}")',
        ("replace every {k[0]} by {k[1]}", "change each {k[0]} to {k[1]}", "write {k[1]} in place of {k[0]}"),
        ("ao", "ei", "oa", "iu", "ta", "rl", "ne", "es", "lr", "ae"),
    ),
    Operation(
        "take",
        "s = s[:{k}]",
        ("keep the first {k} characters", "cut it after {k} characters", "take only the first {k} characters"),
        (3, 4, 5, 6, 8),
    ),
    Operation(
        "drop",
        "s = s[{k}:]",
        ("remove the first {k} characters", "drop the first {k} characters", "skip the first {k} characters"),
        (1, 2, 3),
    ),
    Operation(
        "take_last",
        "s = s[-{k}:]",
        ("keep the last {k} characters", "take only the last {k} characters"),
        (3, 4, 5, 6, 8),
    ),
    Operation(
        "every_second",
        "s = s[::2]",
        ("keep every second character", "keep the characters at even positions", "skip every other character"),
    ),
    Operation(
        "rotate_left",
        "s = s[1:] + s[:1]",
        ("move the first character to the end", "rotate it left by one place", "put the first character last"),
    ),
    Operation(
        "rotate_right",
        "s = s[-1:] + s[:-1]",
        ("move the last character to the front", "rotate it right by one place", "put the last character first"),
    ),
    Operation(
        "append",
        's = s + "{k}"',
        ("add {k} at the end", "append {k}", "put {k} after it"),
        ("x", "abc", "end", "zz", "ing"),
    ),
    Operation(
        "prepend",
        's = "{k}" + s',
        ("add {k} at the start", "prepend {k}", "put {k} before it"),
        ("x", "abc", "un", "zz", "re"),
    ),
    Operation(
        "length",
        "len(s)",
        ("print its length", "print the number of characters", "print how many characters there are"),
        last=True,
    ),
    Operation(
        "word_count", "len(s.split())", ("print the number of words", "print how many words there are"), last=True
    ),
    Operation(
        "distinct",
        "len(set(s))",
        ("print the number of different characters", "print how many distinct characters there are"),
        last=True,
    ),
    Operation(
        "vowel_count",
        'sum(c in "aeiou" for c in s)',
        ("print the number of small vowels", "print how many small vowels there are"),
        last=True,
    ),
)

_OPEN_WORDINGS = (
    OpenWording(
        ("change the case of the letters", "change the letter case"), (("upper", ""), ("title", ""), ("swap_case", ""))
    ),
    OpenWording(("change the order of the words", "reorder the words"), (("reverse_words", ""), ("sort_words", ""))),
    OpenWording(
        ("change the order of the characters", "reorder the characters"), (("reverse", ""), ("sort_letters", ""))
    ),
    OpenWording(
        ("move one character from one end to the other", "rotate it by one place"),
        (("rotate_left", ""), ("rotate_right", "")),
    ),
    OpenWording(
        ("keep the first few characters", "cut the text short"), (("take", 3), ("take", 4), ("take", 5), ("take", 8))
    ),
    OpenWording(
        ("drop the first few characters", "skip some characters at the start"), (("drop", 1), ("drop", 2), ("drop", 3))
    ),
    OpenWording(
        ("keep the last few characters", "keep the end of the text"),
        (("take_last", 3), ("take_last", 5), ("take_last", 8)),
    ),
    OpenWording(("do something about the spaces", "get rid of the spaces"), (("join_words", ""), ("dashes", ""))),
    OpenWording(
        ("remove some of the characters", "leave some characters out"),
        (("unique", ""), ("drop_vowels", ""), ("every_second", "")),
    ),
    OpenWording(
        ("replace one letter by another", "swap one letter for another"),
        (("replace", "ao"), ("replace", "ei"), ("replace", "oa"), ("replace", "es")),
    ),
    OpenWording(
        ("add something at the end", "append something"), (("append", "x"), ("append", "abc"), ("append", "zz"))
    ),
    OpenWording(
        ("add something at the start", "prepend something"), (("prepend", "x"), ("prepend", "abc"), ("prepend", "zz"))
    ),
    OpenWording(
        ("print one number about the text", "print a count"),
        (("length", ""), ("word_count", ""), ("distinct", ""), ("vowel_count", "")),
    ),
)

_RULE_KINDS = (
    RuleKind("case", (("upper", ""), ("title", ""), ("capitalise", ""), ("upper_vowels", ""))),
    RuleKind(
        "order",
        (
            ("reverse", ""),
            ("reverse_words", ""),
            ("sort_words", ""),
            ("sort_letters", ""),
            ("sort_by_length", ""),
            ("rotate_left", ""),
            ("rotate_right", ""),
        ),
    ),
    RuleKind(
        "cut",
        (("take", 3), ("take", 5), ("drop", 1), ("drop", 2), ("take_last", 3), ("take_last", 5), ("drop_last", 1)),
    ),
    RuleKind(
        "filter",
        (
            ("unique", ""),
            ("drop_vowels", ""),
            ("join_words", ""),
            ("every_second", ""),
            ("drop_letter", "a"),
            ("drop_letter", "e"),
        ),
    ),
    RuleKind(
        "mark",
        (("append", "x"), ("append", "abc"), ("append", "zz"), ("prepend", "x"), ("prepend", "abc"), ("double", "")),
    ),
    RuleKind(
        "swap",
        (("replace", "ao"), ("replace", "ei"), ("replace", "oa"), ("replace", "es"), ("replace", "rl"), ("dashes", "")),
    ),
)

STRINGS = PipelineFamily(
    name="string",
    variable="s",
    noun="a text",
    thing="the text",
    read="s = input()",
    write="print(s)",
    operations=_OPERATIONS,
    open_wordings=_OPEN_WORDINGS,
    rule_kinds=_RULE_KINDS,
    draw_input=_draw_input,
    parse=str,
    show=str,
    fits=lambda value: 0 < len(value.strip()) <= 60,
    valid=lambda value: 1 <= len(value) <= 100 and value.isascii() and value.isprintable() and value == value.strip(),
    stories=(
        "Names of files are made in steps.",
        "A label for a parcel is made from some words.",
        "Someone writes a secret note.",
        "A sign maker changes a text.",
        "Ana plays with words.",
        "A password is made from a phrase.",
    ),
    openings=(
        "Read a line of text.",
        "You are given a line of text.",
        "The input is one line of text.",
        "Given a line of text, do the following.",
        "Write a program that reads a line.",
        "One line of text.",
        "A text stands on the only line.",
    ),
    closings=("Print the result.", "Print the text.", "Output the final text.", "Print what you get."),
)
