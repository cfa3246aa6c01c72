"""Mutants: small changes that leave the reading and the form of a program alone."""

from __future__ import annotations

import ast
import random

import pytest

from solvent.training.roles.mutants import broken, mutate, steps_of

PROGRAM = "xs = list(map(int, input().split()))\nxs = [x + 2 for x in xs]\nxs = xs[::-1]\nprint(max(xs))"
FUNCTION = "def f(xs):\n    t = 0\n    for x in xs:\n        if x > 3:\n            t += x\n    t = t * 2\n    return t"
POOL = ["xs = sorted(xs)", "for x in xs:\n    t = x"]


def mutants(program: str, count: int = 300) -> set[str]:
    rng = random.Random(1)
    return {changed for _ in range(count) if (changed := mutate(program, rng, POOL)) is not None}


def test_mutants_change_constants_operators_names_and_steps() -> None:
    found = mutants(PROGRAM)
    head, add, turn, end = PROGRAM.splitlines()
    for wanted in (
        [head, "xs = [x + 3 for x in xs]", turn, end],
        [head, "xs = [x - 2 for x in xs]", turn, end],
        [head, add, turn, "print(min(xs))"],
        [head, turn, add, end],
        [head, turn, end],
        [head, add, "xs = sorted(xs)", end],
    ):
        assert "\n".join(wanted) in found
    assert PROGRAM not in found


def test_mutants_read_as_the_program_does() -> None:
    assert all(changed.startswith(PROGRAM.splitlines()[0] + "\n") for changed in mutants(PROGRAM))


def test_blocks_move_as_a_whole_and_keep_their_depth() -> None:
    found = mutants(FUNCTION)
    assert len(found) > 20
    for changed in found:
        (function,) = ast.parse(changed).body
        assert isinstance(function, ast.FunctionDef)
        assert isinstance(function.body[-1], ast.Return)
    assert "def f(xs):\n    t = 0\n    for x in xs:\n        t = x\n    t = t * 2\n    return t" in found
    assert FUNCTION.replace("x > 3", "x >= 3") in found


def test_the_same_source_gives_the_same_mutants() -> None:
    runs = [[mutate(PROGRAM, random.Random(n), POOL) for n in range(30)] for _ in range(2)]
    assert runs[0] == runs[1]


def test_steps_are_what_stands_between_reading_and_end() -> None:
    assert steps_of(PROGRAM) == ["xs = [x + 2 for x in xs]", "xs = xs[::-1]"]
    assert steps_of(FUNCTION) == ["t = 0", "for x in xs:\n    if x > 3:\n        t += x", "t = t * 2"]
    assert steps_of("not python at all") == []


def test_exponents_stay_small() -> None:
    found = [changed for changed in mutants("n = 10 ** 9\nm = n + 1\nprint(m)") if "n = " in changed]
    assert any("m = n + 2" in changed for changed in found)
    assert all("n = 10 ** 9" in changed for changed in found)


def test_a_broken_program_does_not_compile() -> None:
    text = broken(PROGRAM, random.Random(2))
    assert text is not None
    with pytest.raises(SyntaxError):
        ast.parse(text)
