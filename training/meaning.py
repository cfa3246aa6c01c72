"""Whether two texts of concepts mean the same: they word the same operation of a family with the same parameter."""

from __future__ import annotations

from functools import cache
from itertools import product

from solvent.training.families.grids_operations import OPERATIONS
from solvent.training.families.lists import LISTS
from solvent.training.families.numbers import NUMBERS
from solvent.training.families.strings import STRINGS

_COLOURS = range(1, 10)
_JOINT = ", then "
Meaning = tuple[str, ...]
"""Base family, operation and parameters."""


def same_meaning(text: str, other: str, family: str) -> bool:
    """Whether both word the same steps, in order, of the family that the rules are about ("list" of "list-rules")."""
    parts, others = text.strip().rstrip(".").split(_JOINT), other.strip().rstrip(".").split(_JOINT)
    base = family.removesuffix("-rules")
    return len(parts) == len(others) and all(
        any(meaning[0] == base for meaning in meanings_of(one) & meanings_of(another))
        for one, another in zip(parts, others, strict=True)
    )


def meanings_of(phrase: str) -> frozenset[Meaning]:
    """The operations that a wording stands for; several where families or operations share it, none if it is none."""
    return _phrases().get(phrase.strip().lower(), frozenset())


@cache
def _phrases() -> dict[str, frozenset[Meaning]]:
    found: dict[str, set[Meaning]] = {}
    for family in (LISTS, NUMBERS, STRINGS):
        for operation in family.operations:
            for parameter in operation.parameters:
                for phrase in family.step(operation.name, parameter).phrases:
                    meaning = (family.name, operation.name, str(parameter))
                    found.setdefault(phrase.lower(), set()).add(meaning)
    for grid in OPERATIONS:
        first = _COLOURS if grid.colours else (0,)
        second = _COLOURS if grid.colours == 2 else (0,)
        for a, b, phrase in product(first, second, grid.phrases):
            found.setdefault(phrase.format(a=a, b=b).lower(), set()).add(("grid", grid.name, str(a), str(b)))
    return {phrase: frozenset(meanings) for phrase, meanings in found.items()}
