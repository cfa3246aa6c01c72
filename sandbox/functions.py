"""Function problems: the whole module from what a model wrote, the request to the harness, and its answer."""

from __future__ import annotations

import ast
import base64
import importlib.util
import json
import marshal
import secrets
import textwrap
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.checkers import compare_values
from solvent.problems.grids import as_grid, grid_text
from solvent.problems.problem import CallTest, Checker, CodeTest, Problem, Verdict
from solvent.sandbox.base import Program
from solvent.sandbox.harness import solvent_values

_HARNESS = Path(__file__).resolve().parent / "harness"
_REASON = 2000


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
    files = {**_harness(), "solution.py": solution}
    return Program(language="python", source=files.pop("main.py"), files=files)


@cache
def _harness() -> dict[str, str]:
    """Return the harness's files, with its modules compiled for an interpreter of this one's version."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(_HARNESS.glob("*.py"))}
    modules = [f"solvent_{name}.py" for name in ("values", "objects", "host", "stand_ins", "line", "reading", "tests")]
    codes = [marshal.dumps(compile(texts[name], name, "exec", dont_inherit=True, optimize=0)) for name in modules]
    compiled = [importlib.util.MAGIC_NUMBER.hex(), *(base64.b64encode(code).decode() for code in codes)]
    return {"main.py": texts["main.py"], **{name: texts[name] for name in modules}, "harness.txt": "\n".join(compiled)}


def request(problem: Problem, *tests: CallTest | CodeTest) -> tuple[bytes, str]:
    """Return the request for tests in one run, and the token that the answer must hold. No expected value is in it.

    Each test gets a fresh copy of the loaded module. The limits of the run are those of all its tests together, so a
    run of several tests that ends well within the limits of one says of each that it did.
    """
    if problem.function is None:
        raise DataError(f"problem {problem.id!r} asks for no function", field="function")
    token = secrets.token_hex(16)
    asked = {
        "token": token,
        "entry": problem.function.name,
        "starter": problem.function.starter_code,
        "tests": [_asked(test) for test in tests],
    }
    return json.dumps(asked).encode(), token


def _asked(test: CallTest | CodeTest) -> dict[str, Any]:
    if isinstance(test, CodeTest):
        return {"code": test.code}
    values = [solvent_values.encode(value) for value in (*test.arguments, *test.keywords.values())]
    return {"call": {"message": [values, []], "named": list(test.keywords)}}


def verdict(checker: Checker, test: CallTest | CodeTest, token: str, stdout: bytes) -> tuple[Verdict, str]:
    """Return the verdict and its reason from what the harness answered to a request of one test."""
    [found] = verdicts(checker, [test], token, stdout)
    return found or (Verdict.RE, "the process ended before the function returned")


def verdicts(
    checker: Checker, tests: Sequence[CallTest | CodeTest], token: str, stdout: bytes
) -> list[tuple[Verdict, str] | None]:
    """Return verdict and reason for each test of one request; None where there is no answer.

    A compile error (the candidate's module does not parse) is the verdict CE for all of them.
    """
    answers = answers_of(token, stdout)
    if answers and answers[0].get("outcome") == "compile":
        return [(Verdict.CE, str(answers[0].get("reason", "")))] * len(tests)
    found = [_verdict(checker, test, one) for test, one in zip(tests, answers, strict=False)]
    return [*found, *[None] * (len(tests) - len(found))]


def answers_of(token: str, stdout: bytes) -> list[dict[str, Any]]:
    """Return the answers of the harness: of the tests in their order, up to where it was stopped."""
    found: list[dict[str, Any]] = []
    for line in stdout.splitlines():
        try:
            part = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(part, dict) or part.get("token") != token or not isinstance(part.get("answer"), dict):
            break
        found.append(part["answer"])
    return found


_OUTCOMES = {"passed": Verdict.AC, "failed": Verdict.WA, "error": Verdict.RE}


def _verdict(checker: Checker, test: CallTest | CodeTest, answer: dict[str, Any]) -> tuple[Verdict, str] | None:
    if "outcome" in answer and (isinstance(test, CodeTest) or answer["outcome"] == "error"):
        return _OUTCOMES.get(str(answer["outcome"]), Verdict.IE), str(answer.get("reason", ""))
    if isinstance(test, CodeTest):
        return None
    if "raised" in answer or "message" not in answer:
        return Verdict.RE, f"{answer.get('raised', 'no value')}: {answer.get('message', '')}"[:_REASON]
    try:
        [[value], _] = answer["message"]
        return _compare(checker, test.expected, solvent_values.to_json(value))
    except (LookupError, ValueError, TypeError, RecursionError) as error:
        return Verdict.WA, f"the function returned no plain value: {error}"[:_REASON]


def returned_grid(token: str, stdout: bytes, position: int) -> str:
    """Return the grid that a test's call returned, as JSON; empty where it returned none."""
    answers = answers_of(token, stdout)
    if position >= len(answers) or "raised" in answers[position]:
        return ""
    try:
        [[value], _] = answers[position]["message"]
        grid = as_grid(solvent_values.to_json(value))
    except (LookupError, ValueError, TypeError, RecursionError):
        return ""
    return "" if grid is None else grid_text(grid)


def _compare(checker: Checker, expected: JsonValue, actual: JsonValue) -> tuple[Verdict, str]:
    if checker.type == "unordered" and isinstance(expected, list) and isinstance(actual, list):
        expected, actual = sorted(expected, key=solvent_values.order), sorted(actual, key=solvent_values.order)
    result = compare_values(expected, actual, checker.absolute_tolerance, checker.relative_tolerance)
    return (Verdict.AC, "") if result.accepted else (Verdict.WA, result.reason)


def _defines(text: str, name: str) -> bool:
    tree = _parse(text)
    return tree is not None and any(_binds(node, name) for node in tree.body)


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _binds(node: ast.stmt, name: str) -> bool:
    """Tell whether a statement defines the function, be it as a method of a class (LeetCode's `Solution`)."""
    if isinstance(node, ast.ClassDef) and any(isinstance(item, _FUNCTIONS) and item.name == name for item in node.body):
        return True
    return name in _bound(node)


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
        if not _binds(node, name) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
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
