"""One generated problem, and the split by composition."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "held-out"]

HELD_OUT_PERCENT = 15
_SPLIT_SALT = "solvent-starter-1"


@dataclass(frozen=True)
class Example:
    """What a program reads, and what the reference program prints for it (without the final newline).

    Of a function, `stdin` holds the arguments as they stand in a call ("[1, 2], 3") and `expected` the result's repr.
    """

    stdin: str
    expected: str


@dataclass(frozen=True)
class Concept:
    """What a rule that a statement only names means.

    Attributes:
        name: As statements name it ("Ember rule").
        text: What it does, in an imperative wording without capital or full stop ("add 3 to every number").
    """

    name: str
    text: str


@dataclass(frozen=True)
class Sample:
    """A problem with its answer, before it becomes a row of the training corpus or a `Problem`.

    Attributes:
        kind: "stdio" and "function" (the tests decide) or "math" (`answer` decides, there are no tests).
        composition: Names of the operations in order, without their parameters. It alone decides the split.
        parameters: One per operation, as text; empty where an operation has none.
        open_steps: How many operations the statement words so that only the examples tell which is meant.
        hidden_tests: Tests that grade; they never reach a prompt.
        entry_point: Name of the function, of kind "function".
        plan: What each step does, in a few plain words, in the program's order: the thinking block of a solution.
        reasoning: Of kind "math", the steps of the calculation, one a line; the answer follows.
        concepts: What the rules mean that the statement only names; the examples tell it too, less plainly.
        shown_concepts: What the concepts section of the prompt shows: some of `concepts`, and others that do not apply.
    """

    family: str
    kind: Literal["stdio", "function", "math"]
    depth: int
    composition: tuple[str, ...]
    parameters: tuple[str, ...]
    open_steps: int
    statement: str
    program: str
    public_tests: tuple[Example, ...] = ()
    hidden_tests: tuple[Example, ...] = ()
    answer: str | None = None
    entry_point: str = ""
    plan: tuple[str, ...] = ()
    reasoning: str = ""
    concepts: tuple[Concept, ...] = ()
    shown_concepts: tuple[Concept, ...] = ()

    @property
    def split(self) -> Split:
        """The split of the composition."""
        return split_of(self.family, self.composition)


def split_of(family: str, composition: tuple[str, ...]) -> Split:
    """Return the split of a composition.

    It is a hash of the family and the ordered names of the operations. Parameters, wording and example data play no
    part, so a held-out composition appears in training with no constant and in no wording. Families `X-rules` share
    the split of `X`, whose operations they have.
    """
    key = f"{_SPLIT_SALT}|{family.removesuffix('-rules')}|{'>'.join(composition)}"
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return "held-out" if int.from_bytes(digest, "big") % 100 < HELD_OUT_PERCENT else "train"
