"""Function problems: the whole module from what a model wrote, the request to the harness, and its answer."""

from __future__ import annotations

import ast
import json
import secrets
import textwrap
import warnings
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.checkers import compare_values
from solvent.problems.problem import CallTest, Checker, CodeTest, Problem, Verdict
from solvent.sandbox.base import Program
from solvent.sandbox.harness import solvent_values

_HARNESS = Path(__file__).resolve().parent / "harness"


def complete_function(problem: Problem, text: str) -> str:
    """Return the module that `text` stands for; pure.

    A text that is a module which defines the function gets the starter code's imports and helpers in front. Anything
    else is taken as the continuation of the starter code; lines that lost their indentation get it back.

    Raises:
        DataError: the problem asks for no function.
    """
    spec = problem.function
    if spec is None:
        raise DataError(f"problem {problem.id!r} asks for no function", field="function")
    if _defines(text, spec.name):
        return _with_preface(_preface(spec.starter_code, spec.name), text)
    if not spec.starter_code:
        return text
    starter = spec.starter_code if spec.starter_code.endswith("\n") else spec.starter_code + "\n"
    whole = starter + text
    if text[:1].isspace():
        return whole
    # Models often drop the indentation of the first line, or of all lines.
    for body in (f"    {text}", textwrap.indent(text, "    ")):
        if _compiles(starter + body):
            return starter + body
    return whole


def harness_program(solution: str) -> Program:
    """Return the program that tests a candidate module; its tests come over standard input."""
    helpers = {name: (_HARNESS / name).read_text(encoding="utf-8") for name in ("solvent_values.py", "solvent_host.py")}
    source = (_HARNESS / "main.py").read_text(encoding="utf-8")
    return Program(language="python", source=source, files={**helpers, "solution.py": solution})


def request(problem: Problem, test: CallTest | CodeTest) -> tuple[bytes, str]:
    """Return the request for one test, and the token that the answer must hold. No expected value is in it."""
    if problem.function is None:
        raise DataError(f"problem {problem.id!r} asks for no function", field="function")
    token = secrets.token_hex(16)
    asked: dict[str, Any] = {"token": token, "entry": problem.function.name}
    if isinstance(test, CallTest):
        asked |= {
            "do": "call",
            "arguments": [solvent_values.encode(value) for value in test.arguments],
            "keywords": {name: solvent_values.encode(value) for name, value in test.keywords.items()},
        }
    else:
        asked |= {"do": "code", "code": test.code, "starter": problem.function.starter_code}
    return json.dumps(asked).encode(), token


def verdict(checker: Checker, test: CallTest | CodeTest, token: str, stdout: bytes) -> tuple[Verdict, str]:
    """Return the verdict and its reason from what the harness answered."""
    try:
        answer = json.loads(stdout)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or answer.get("token") != token:
        return Verdict.RE, "the process ended before the function returned"
    if isinstance(test, CodeTest):
        outcome = {"passed": Verdict.AC, "failed": Verdict.WA, "error": Verdict.RE}.get(
            str(answer.get("outcome")), Verdict.IE
        )
        return outcome, str(answer.get("reason", ""))
    if "raised" in answer or "value" not in answer:
        return Verdict.RE, f"{answer.get('raised', 'no value')}: {answer.get('message', answer.get('reason', ''))}"
    try:
        actual = _as_json(solvent_values.decode(answer["value"]))
    except (ValueError, RecursionError) as error:
        return Verdict.WA, f"the function returned no plain value: {error}"
    return _compare(checker, test.expected, actual)


def _compare(checker: Checker, expected: JsonValue, actual: JsonValue) -> tuple[Verdict, str]:
    if checker.type == "unordered" and isinstance(expected, list) and isinstance(actual, list):
        expected, actual = sorted(expected, key=_order), sorted(actual, key=_order)
    result = compare_values(expected, actual, checker.absolute_tolerance, checker.relative_tolerance)
    return (Verdict.AC, "") if result.accepted else (Verdict.WA, result.reason)


def _order(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)


def _as_json(value: Any) -> JsonValue:
    """Return the JSON value that an expected value is written as: tuples are lists, keys are strings."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {key if isinstance(key, str) else _key(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_as_json(item) for item in value), key=_order)
    if isinstance(value, bytes | bytearray):
        return value.decode("latin-1")
    if isinstance(value, complex):
        return [value.real, value.imag]
    if hasattr(value, "__iter__"):
        return [_as_json(item) for item in value]
    return str(value)


def _key(key: Any) -> str:
    """Return a dictionary's key as JSON writes it."""
    return str(json.dumps(key)) if key is None or isinstance(key, bool | int | float) else str(key)


def _defines(text: str, name: str) -> bool:
    tree = _parse(text)
    return tree is not None and any(name in _bound(node) for node in tree.body)


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    return set()


def _preface(starter: str, name: str) -> str:
    """Return the starter code without the function itself."""
    tree = _parse(starter)
    text = starter
    if tree is None:
        text = f"{starter}\n    pass\n"
        tree = _parse(text)
    if tree is None:
        return ""
    parts = [
        ast.get_source_segment(text, node) or ""
        for node in tree.body
        if name not in _bound(node) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    return "".join(f"{part}\n" for part in parts if part)


def _with_preface(preface: str, text: str) -> str:
    if not preface.strip():
        return text
    tree = _parse(text)
    last = 0
    # `from __future__` must stay first, and a docstring before it.
    for node in tree.body if tree is not None else ():
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            last = node.end_lineno or 0
    lines = text.splitlines(keepends=True)
    return "".join(lines[:last]) + preface + "\n" + "".join(lines[last:])


def _parse(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(text, "solution.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
