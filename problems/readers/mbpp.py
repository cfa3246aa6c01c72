"""MBPP JSON(L): `task_id`, `text` or `prompt`, `code`, `test_list` (https://github.com/google-research/google-research/tree/master/mbpp).

The paper's prompt shows all three tests of `test_list`. Here the first is public and the others are hidden, so that
something is left to grade with; `challenge_test_list` is hidden too.
"""

from __future__ import annotations

import ast
import builtins
import warnings

from solvent.problems.problem import CodeTest, FunctionSpec, Problem, ProblemKind, Solution
from solvent.problems.readers.formats import RowFormat
from solvent.problems.readers.place import Place, Row, build, optional_text, text_field, texts_field

_KNOWN = frozenset(
    {"task_id", "text", "prompt", "code", "test_list", "test_setup_code", "test_imports", "challenge_test_list"}
)


def _matches(row: Row) -> bool:
    return "test_list" in row and ("text" in row or "prompt" in row)


def _read(row: Row, place: Place) -> Problem:
    statement = text_field(row, "text" if "text" in row else "prompt", place)
    code = optional_text(row, "code", place)
    tests = texts_field(row, "test_list", place)
    if not tests:
        raise place.error("has no test", field="test_list")
    name = _function_name(tests, code, place)
    setup_parts = [*texts_field(row, "test_imports", place), optional_text(row, "test_setup_code", place)]
    setup = "".join(f"{part.rstrip()}\n" for part in setup_parts if part.strip())
    challenges = texts_field(row, "challenge_test_list", place)
    cases = [
        CodeTest(name=f"{group} {number}", code=f"{setup}{test}\n")
        for group, texts in (("test", tests), ("challenge", challenges))
        for number, test in enumerate(texts, start=1)
    ]
    task_id = row.get("task_id")
    return build(
        place,
        {
            "id": f"MBPP/{task_id}" if isinstance(task_id, int | str) and str(task_id) else place.default_id,
            "kind": ProblemKind.FUNCTION,
            "title": name,
            "statement": statement,
            "function": FunctionSpec(name=name),
            "public_tests": tuple(cases[:1]),
            "hidden_tests": tuple(cases[1:]),
            "solutions": (Solution(language="python", source=code, name="code"),) if code.strip() else (),
            "languages": ("python",),
            "source": place.source,
            "metadata": {"format": "mbpp", **{key: value for key, value in row.items() if key not in _KNOWN}},
        },
    )


def _function_name(tests: list[str], code: str, place: Place) -> str:
    """Return the function that the tests call: one that the code defines, else the first that is no built-in."""
    called: list[str] = []
    for number, test in enumerate(tests):
        tree = _parse(test)
        if tree is None:
            raise place.error("is not Python", field=f"test_list.{number}")
        called.extend(
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        )
    tree = _parse(code)
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)} if tree else set()
    for name in called:
        if name in defined or (not defined and not hasattr(builtins, name)):
            return name
    raise place.error("calls no function that the code defines", field="test_list", remedy="check 'code' and the tests")


def _parse(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


ROW_FORMAT = RowFormat("MBPP", "text or prompt, test_list", _matches, _read, order=20)
