"""Wrong programs that look right: small deterministic changes of a right one."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<=")),
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">=")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-",)),
    ast.Sub: ("-", ("+",)),
    ast.Mult: ("*", ("+",)),
    ast.FloorDiv: ("//", ("%",)),
    ast.Mod: ("%", ("//",)),
}
_NAMES = {
    "min": "max",
    "max": "min",
    "upper": "lower",
    "lower": "upper",
    "lstrip": "rstrip",
    "rstrip": "lstrip",
    "startswith": "endswith",
    "endswith": "startswith",
    "append": "extend",
    "keys": "values",
}
_SECOND_CHANGE = 0.2


class _Edit(NamedTuple):
    """Lines `first` to `last` (from 0, inclusive), the columns `start` and `end` within them, and the new text."""

    line: int
    start: int
    end: int
    text: str


class _Step(NamedTuple):
    """A statement among those that may change places: its lines, from 0, `last` exclusive."""

    first: int
    last: int


def mutate(source: str, rng: random.Random, pool: Sequence[str]) -> str | None:
    """A program that differs from `source` by one change, now and then by two; None where there is nothing to change.

    It may be right all the same, or not run: only running it tells.

    Args:
        source: A program whose reading and printing (or whose function's head and return) stay what they are.
        rng: Decides which change.
        pool: Steps of other programs of the family, without indentation, one of which may stand in for a step.
    """
    changed = _change(source, rng, pool)
    if changed is not None and rng.random() < _SECOND_CHANGE:
        changed = _change(changed, rng, pool) or changed
    return changed if changed != source else None


def steps_of(source: str) -> list[str]:
    """The statements of a program between its reading and its end, without indentation: a pool for other programs."""
    tree = _parse(source)
    if tree is None:
        return []
    lines = source.splitlines()
    found = []
    for step in _steps(tree):
        block = lines[step.first : step.last]
        depth = len(block[0]) - len(block[0].lstrip())
        found.append("\n".join(line[depth:] for line in block))
    return found


def broken(source: str, rng: random.Random) -> str | None:
    """The program with one closing bracket or colon left out, so that it does not compile."""
    places = [place for place, sign in enumerate(source) if sign in ")]:"]
    rng.shuffle(places)
    for place in places:
        changed = source[:place] + source[place + 1 :]
        if _parse(changed) is None:
            return changed
    return None


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _change(source: str, rng: random.Random, pool: Sequence[str]) -> str | None:
    tree = _parse(source)
    if tree is None:
        return None
    lines = source.splitlines()
    steps, edits = _steps(tree), list(_edits(tree, lines))
    ways = []
    if steps and pool:
        ways += ["replace"] * 3
    if edits:
        ways += ["edit"] * 4
    if len(steps) > 1:
        ways += ["swap", "swap", "drop"]
    if not ways:
        return None
    way = rng.choice(ways)
    if way == "edit":
        edit = rng.choice(edits)
        line = lines[edit.line]
        lines[edit.line] = line[: edit.start] + edit.text + line[edit.end :]
    elif way == "swap":
        place = rng.randrange(len(steps) - 1)
        one, other = steps[place], steps[place + 1]
        lines[one.first : other.last] = [*lines[other.first : other.last], *lines[one.first : one.last]]
    else:
        step = rng.choice(steps)
        depth = len(lines[step.first]) - len(lines[step.first].lstrip())
        new = rng.choice(pool).splitlines() if way == "replace" else []
        lines[step.first : step.last] = [" " * depth + line for line in new]
    return "\n".join(lines)


def _steps(tree: ast.Module) -> list[_Step]:
    """The statements that may change places: without those that read, and without the last one, which ends it."""
    body = tree.body
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    if len(functions) == 1 and not any("input" in ast.dump(node) for node in body if node is not functions[0]):
        body = functions[0].body
    return [
        _Step(node.lineno - 1, node.end_lineno)
        for node in body[:-1]
        if node.end_lineno is not None
        and not isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom)
        and not any(isinstance(part, ast.Name) and part.id in ("input", "sys") for part in ast.walk(node))
    ]


def _edits(tree: ast.Module, lines: list[str]) -> Iterator[_Edit]:
    """Every small change: of a constant, an operator, a comparison, a name."""
    barred = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow | ast.LShift)
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in barred or not isinstance(node, ast.expr):
            continue
        if node.lineno != node.end_lineno or not lines[node.lineno - 1].isascii():
            continue
        line, text = node.lineno - 1, lines[node.lineno - 1]
        if isinstance(node, ast.Constant):
            for other in _constants(node.value):
                yield _Edit(line, node.col_offset, node.end_col_offset or 0, other)
        elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            yield from _operator(line, text, node.left, node.right, *_ARITHMETIC[type(node.op)])
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
            yield from _operator(line, text, node.left, node.comparators[0], *_COMPARISONS[type(node.ops[0])])
        elif isinstance(node, ast.Name) and node.id in _NAMES:
            yield _Edit(line, node.col_offset, node.end_col_offset or 0, _NAMES[node.id])
        elif isinstance(node, ast.Attribute) and node.attr in _NAMES:
            end = node.end_col_offset or 0
            yield _Edit(line, end - len(node.attr), end, _NAMES[node.attr])


def _constants(value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (str(not value),)
    if isinstance(value, int):
        return tuple(str(other) for other in (value - 1, value + 1, value + 2) if other >= 0)
    return ()


def _operator(
    line: int, text: str, left: ast.expr, right: ast.expr, sign: str, others: tuple[str, ...]
) -> Iterator[_Edit]:
    """The operator between two operands as an edit; brackets may stand between them too."""
    start = left.end_col_offset or 0
    place = text.find(sign, start, right.col_offset)
    if place >= 0 and left.end_lineno == right.lineno:
        for other in others:
            yield _Edit(line, place, place + len(sign), other)
