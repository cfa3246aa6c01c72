"""Final answers in texts: finding them, and cheap exact comparison of the simple ones. Pure, and linear in the text."""

from __future__ import annotations

import re
from fractions import Fraction

LONGEST_NUMBER = 1000
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)|\\boxed\s+(?=[^\s{])")
_HASHES = re.compile(r"^[ \t]*####[ \t]*(\S.*)$", re.MULTILINE)
_PHRASE = re.compile(r"\b(?:final\s+)?answer\s*(?:is|:|=)\s*:?[ \t]*", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"-?(?<![\w.])(?:[0-9]{1,3}(?:,[0-9]{3})++|[0-9]++)(?:\.[0-9]++)?(?:/[0-9]++)?")
_SENTENCE_END = re.compile(r"[.!?](?=\s+[A-Z\"'(])|[.!]?\s*$")

_INTEGER = r"[0-9]++(?:,[0-9]{3})*+"
_NUMBER = re.compile(rf"(?P<sign>[+-]?)(?P<whole>(?:{_INTEGER})?+)(?P<decimals>\.[0-9]*+)?+")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})++")
_FRACTION = re.compile(r"(?P<sign>[+-]?)(?P<top>[0-9]++)/(?P<bottom>[0-9]++)")
_LATEX_FRACTION = re.compile(
    r"(?P<sign>[+-]?)\\[dtc]?frac(?:\{(?P<top>[+-]?[0-9]++)\}|(?P<top1>[0-9]))(?:\{(?P<bottom>[0-9]++)\}|(?P<bottom1>[0-9]))"
)
_SPACING = re.compile(r"\\! *|\\[,;: ]|\\q?quad\b|\\(?:left|right)(?![a-z])|~")
_TEXT_COMMAND = re.compile(r"\\(?:text|mathrm|textbf|mathbf|textit|mbox)\s*\{([^{}]*)\}")
_WORDS = re.compile(r"[A-Za-z]+(?:[ '-][A-Za-z]+)*")
_CHOICE = re.compile(r"\(?([A-Za-z])\)?\.?")
_WITH_UNIT = re.compile(r"(?P<number>[^A-Za-z\\]*[0-9])\s+(?P<unit>[a-z]{3,}(?: [a-z]+)*|cm|mm|km|kg|ft)")
_CHANGES_VALUE = frozenset({
    "and", "billion", "dozen", "half", "halves", "hundred", "million", "or", "percent", "percentage",
    "quarter", "quarters", "third", "thirds", "thousand", "trillion",
})  # fmt: skip
_NAMES = frozenset({
    "alpha", "beta", "gamma", "delta", "theta", "lambda", "sigma", "omega", "phi", "psi", "rho", "tau",
    "sqrt", "sin", "cos", "tan", "log", "exp", "mod",
})  # fmt: skip


def extract_answer(text: str, *, last_number: bool = False) -> str | None:
    r"""Return the final answer that `text` states, or None.

    The first of these that is found: the content of the last `\boxed{...}` with balanced braces, the rest of the last
    line that starts with `####` (GSM8K), what follows the last "the answer is" or "Answer:" up to the end of the
    sentence. Only with `last_number`, else the last number of the text.
    """
    boxed = _last_boxed(text)
    if boxed is not None:
        return boxed
    hashes = _HASHES.findall(text)
    if hashes:
        return str(hashes[-1]).strip() or None
    phrases = [match.end() for match in _PHRASE.finditer(text)]
    if phrases:
        line = text[phrases[-1] :].lstrip("*").strip().split("\n", 1)[0]
        answer = _first_sentence(line).strip().strip("*").strip()
        if answer:
            return answer
    if last_number:
        numbers = _LAST_NUMBER.findall(text)
        if numbers:
            return str(numbers[-1])
    return None


def _first_sentence(text: str) -> str:
    match = _SENTENCE_END.search(text)
    return text[: match.start()] if match else text


def _last_boxed(text: str) -> str | None:
    found = None
    for match in _BOXED.finditer(text):
        start = match.end()
        if start >= len(text) or text[start] != "{":
            word = text[start:].split(None, 1)[0].rstrip("$.") if start < len(text) else ""
            found = word or found
            continue
        end = _closing_brace(text, start)
        if end is None:  # cut off inside: the earlier one counts, and nothing complete can follow
            break
        found = text[start + 1 : end].strip() or found
    return found


def _closing_brace(text: str, start: int) -> int | None:
    depth = 0
    for match in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, start):
        if match.group() == "{":
            depth += 1
        elif match.group() == "}":
            depth -= 1
            if depth == 0:
                return match.start()
    return None


def normalise(answer: str) -> str:
    r"""Return an answer without what carries no meaning: box, `$...$`, spacing commands, `\text`, final full stop.

    A text with several boxes stays as it is: they may be several values of one answer.
    """
    text = answer.strip()
    if len(_BOXED.findall(text)) + text.count("####") == 1:
        text = extract_answer(text) or text
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        inner = text[len(opening) : -len(closing)]
        if len(text) > len(opening) + len(closing) and text.startswith(opening) and text.endswith(closing):
            text = inner.strip() if opening not in inner else text
    text = _SPACING.sub("", text)
    text = _TEXT_COMMAND.sub(r"\1", text)
    text = text.replace("\\$", "$").replace("\u2212", "-").strip()
    return text.removesuffix(".").strip()


def simple_value(answer: str) -> Fraction | None:
    r"""Return the exact value of a normalised answer that is a plain number, else None.

    Plain: `-1,234.50`, `3/4`, `\frac{3}{4}`, with a currency sign before it or a unit of plain words after it.
    """
    text = answer
    unit = _WITH_UNIT.fullmatch(text)
    if unit and not _CHANGES_VALUE & set(unit["unit"].split()) and unit["unit"].split()[0] not in _NAMES:
        text = unit["number"]
    text = re.sub(r"^([+-]?)[$€£¥]", r"\1", text).replace(" ", "")
    if not text or len(text) > LONGEST_NUMBER or re.search(r",\s", answer):
        return None
    number = _NUMBER.fullmatch(text)
    if number:
        whole, decimals = number["whole"], (number["decimals"] or "")[1:]
        if (not whole and not decimals) or ("," in whole and not _GROUPED.fullmatch(whole)):
            return None
        value = Fraction(f"{whole.replace(',', '') or '0'}.{decimals or '0'}")
        return -value if number["sign"] == "-" else value
    fraction = _FRACTION.fullmatch(text)
    if fraction:
        return _fraction(fraction["sign"], fraction["top"], fraction["bottom"])
    latex = _LATEX_FRACTION.fullmatch(text)
    if latex:
        return _fraction(latex["sign"], latex["top"] or latex["top1"], latex["bottom"] or latex["bottom1"])
    return None


def _fraction(sign: str, top: str, bottom: str) -> Fraction | None:
    if int(bottom) == 0:
        return None
    value = Fraction(int(top), int(bottom))
    return -value if sign == "-" else value


def quick_verdict(gold: str, answer: str) -> bool | None:
    """Return whether the answers are equivalent where cheap exact rules decide, else None.

    An empty answer, or an empty gold answer, is equivalent to nothing. Words and choice letters are compared as text
    without letter case: a computer algebra system reads `live` and `evil` as the same product.
    """
    one, other = normalise(gold), normalise(answer)
    if "\\boxed" in one or "\\boxed" in other:
        return None
    if not one or not other:
        return False
    if one == other or one.replace(" ", "") == other.replace(" ", ""):
        return True
    value, other_value = simple_value(one), simple_value(other)
    if value is not None and other_value is not None:
        if value == other_value:
            return True
        # A rounded decimal is left to the library, which compares six decimals.
        return False if value.denominator == other_value.denominator == 1 else None
    letter, other_letter = _CHOICE.fullmatch(one), _CHOICE.fullmatch(other)
    if letter and other_letter:
        return letter[1].lower() == other_letter[1].lower() if one != letter[1] or other != other_letter[1] else None
    if _is_words(one) or _is_words(other):
        return one.casefold() == other.casefold() if _is_words(one) and _is_words(other) else None
    return None


def _is_words(text: str) -> bool:
    # Two letters may be a product of two variables.
    return len(text) > 2 and text not in _NAMES and _WORDS.fullmatch(text) is not None
