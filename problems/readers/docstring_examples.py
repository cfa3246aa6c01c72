"""Examples in docstrings turned into assertions. The text is parsed, never run."""

from __future__ import annotations

import ast
import builtins
import doctest
import re
import warnings
from itertools import islice

_ARROW = re.compile(r"\s*(?:#\s*)?(?:={1,2}>|==|->|➞|→|=|(?:should )?returns?\b:?|is\b)\s*")
LONGEST_EXAMPLE = 2000
MOST_PARENTHESES = 50
"""Each is tried as the end of a call; examples have a few."""
_OTHER_NAMES = {"true": "True", "false": "False", "null": "None"}


def docstring_examples(source: str, function: str) -> list[str]:
    """Return `assert f(...) == value` for each example of the function's docstring whose value is a Python literal.

    Read are doctests (`>>> f(1)` and the line below) and lines such as `f(1) == 2`, `f(1) => 2`, `f(1) ➞ 2`,
    `f(1) -> 2`, `f(1) returns 2`. Doubled ones are given once. A source that does not parse has no examples.
    """
    docstring = _docstring(source, function)
    found = [*_doctests(docstring, function), *_plain_lines(docstring, function)]
    return list(dict.fromkeys(found))


def _docstring(source: str, function: str) -> str:
    tree = _parse(source, "exec")
    if tree is None:
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
            return ast.get_docstring(node, clean=True) or ""
    return ""


def _doctests(docstring: str, function: str) -> list[str]:
    try:
        examples = doctest.DocTestParser().get_examples(docstring)
    except ValueError:  # not indented as doctest wants it
        return []
    found = []
    for example in examples:
        # What is wanted ends at an empty line; authors often write on right below it.
        wanted = (example.want, example.want.split("\n", 1)[0])
        code = next((code for want in wanted if (code := _assertion(example.source, want, function))), None)
        if code:
            found.append(code)
    return found


def _plain_lines(docstring: str, function: str) -> list[str]:
    found = []
    for line in docstring.split("\n"):
        start = line.find(f"{function}(")
        if start < 0 or ">>>" in line or len(line) > LONGEST_EXAMPLE:
            continue
        end = _call_end(line, start)
        arrow = _ARROW.match(line, end) if end else None
        if arrow:
            code = _assertion(line[start:end], line[arrow.end() :], function)
            if code:
                found.append(code)
    return found


def _call_end(line: str, start: int) -> int:
    """Return where the call that begins at `start` ends, or 0."""
    closing = (match.end() for match in re.finditer(r"\)", line[start:]))
    for end in islice(closing, MOST_PARENTHESES):
        if _parse(line[start : start + end], "eval") is not None:
            return start + end
    return 0


def _assertion(call: str, value: str, function: str) -> str | None:
    tree = _parse(call.strip(), "eval")
    if not isinstance(tree, ast.Expression):
        return None
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if function not in names or any(name != function and not hasattr(builtins, name) for name in names):
        return None  # an example about something else, or with a name that is no value
    if not value.strip():  # `>>> f(1) == 2` with nothing below it
        is_equation = isinstance(tree.body, ast.Compare) and isinstance(tree.body.ops[0], ast.Eq)
        return f"assert {ast.unparse(tree)}" if is_equation else None
    literal = _literal(value)
    return None if literal is None else f"assert {ast.unparse(tree)} == {literal}"


def _literal(text: str) -> str | None:
    stripped = text.strip()
    for candidate in (stripped, stripped.rstrip(".,;")):
        tree = _parse(_OTHER_NAMES.get(candidate, candidate), "eval")
        if tree is None:
            continue
        try:
            ast.literal_eval(tree)
        except (ValueError, TypeError, MemoryError, RecursionError):
            return None
        return ast.unparse(tree)
    return None


def _parse(source: str, mode: str) -> ast.AST | None:
    if not source:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "invalid escape sequence" in somebody's docstring
            return ast.parse(source, mode=mode)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
