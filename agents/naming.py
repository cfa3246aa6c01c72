"""Names of concepts as the statement spells them: small models misspell names that they have never seen. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from solvent.memory.concept import Content

_WORD = re.compile(r"\w+(?:['-]\w+)*")
_INSIDE = re.compile(r"(?<=[a-z,;] )[A-Z]\w*(?:['-]\w+)*")


def spelled_as_stated(contents: Sequence[Content], statement: str) -> list[Content]:
    """Return concepts with names put right that the statement has in another spelling; each name once, the first holds.

    A name of two or more words that the statement does not have is taken for one that it has if that one alone differs
    in nothing but the rest of a first word that begins with the same capital: "Velvet change" where the statement
    speaks of the "Viper change". One that has the words of several names is left out, as nobody can tell which it is:
    "Viper order" where the statement speaks of the "Viper change" and the "Ember order".
    """
    found: dict[str, Content] = {}
    for content in contents:
        name = _stated(content.name, statement)
        if _mixes(name, statement):
            continue
        found.setdefault(name, content if name == content.name else content.model_copy(update={"name": name}))
    return list(found.values())


def _stated(name: str, statement: str) -> str:
    words, said = _WORD.findall(name), _WORD.findall(statement)
    if len(words) < 2 or not words[0][:1].isupper() or name.casefold() in statement.casefold():
        return name
    rest = [word.casefold() for word in words[1:]]
    alike = {
        " ".join(said[place : place + len(words)])
        for place, first in enumerate(said)
        if first[0] == words[0][0] and [word.casefold() for word in said[place + 1 : place + len(words)]] == rest
    }
    return alike.pop() if len(alike) == 1 else name


def _mixes(name: str, statement: str) -> bool:
    words, said = _WORD.findall(name), _WORD.findall(statement)
    if len(words) < 2 or name.casefold() in statement.casefold():
        return False
    return words[0] in proper_words(statement) and all(word in said for word in words[1:])


def proper_words(text: str) -> set[str]:
    """Return the words that a text has with a capital inside of a sentence, and nowhere without: parts of names. Pure.

    A capital at the beginning of a sentence says nothing: any verb has it there.
    """
    small = {word.capitalize() for word in _WORD.findall(text) if word[0].islower()}
    return set(_INSIDE.findall(" ".join(text.split()))) - small
