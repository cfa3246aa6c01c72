"""Which shown concepts an answer cites: a rule over texts, documented in docs/memory.md. Pure.

A concept is cited where the program, or the reply, *names* it: its name's words stand there one after the other,
whatever their case and whether spaces, `_`, `-` or capitals part them (`ember_rule`, `EmberRule`). Where the problem's
statement has the name too, only the program counts, since replies repeat statements. It is cited as well where the
program *uses* what its text or its notes name in the form of code: a dotted name, one with `_`, or one before a
bracket, that is no builtin of Python and does not stand in the statement.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_CODE = re.compile(r"\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|\b[A-Za-z]\w*_\w+|\b[A-Za-z_]\w*(?=\()")
_SHORTEST = 4
_COMMON = frozenset(dir(builtins))


class Citable(Protocol):
    """What is asked of a concept."""

    @property
    def key(self) -> str:
        """`ID:VERSION`."""
        ...

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def text(self) -> str:
        """What it says."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """How to implement it."""
        ...


def cited(concepts: Sequence[Citable], *, program: str, reply: str, statement: str) -> tuple[str, ...]:
    """Return the keys of the concepts that an answer cites, in their order."""
    in_program, in_reply, in_statement = _Words(program), _Words(reply), _Words(statement)
    found = []
    for concept in concepts:
        name = list(_parts(concept.name))
        named = in_program.has(name) or (in_reply.has(name) and not in_statement.has(name))
        if named or any(in_program.has_code(code) and code not in statement for code in _codes(concept)):
            found.append(concept.key)
    return tuple(found)


class _Words:
    def __init__(self, text: str) -> None:
        self._text = text
        self._words = f" {' '.join(_parts(text))} "

    def has(self, words: Sequence[str]) -> bool:
        return bool(words) and len("".join(words)) >= _SHORTEST and f" {' '.join(words)} " in self._words

    def has_code(self, code: str) -> bool:
        return re.search(rf"(?<![\w.]){re.escape(code)}(?!\w)", self._text) is not None


def _parts(text: str) -> Iterator[str]:
    for part in _PART.finditer(text):
        yield part.group().lower()


def _codes(concept: Citable) -> set[str]:
    found = {match.group() for line in (concept.text, *concept.notes) for match in _CODE.finditer(line)}
    return {code for code in found if len(code) >= _SHORTEST and code not in _COMMON}
