"""HumanEval JSONL: `task_id`, `prompt`, `entry_point`, `test`, `canonical_solution` (https://github.com/openai/human-eval).

The examples in the docstring become public tests, `check(candidate)` is the hidden one.
"""

from __future__ import annotations

from solvent.problems.problem import CodeTest, FunctionSpec, Problem, ProblemKind, Solution
from solvent.problems.readers.docstring_examples import docstring_examples
from solvent.problems.readers.formats import RowFormat
from solvent.problems.readers.place import Place, Row, build, optional_text, text_field

_KNOWN = frozenset({"task_id", "prompt", "entry_point", "test", "canonical_solution"})
WRONG_EXAMPLES: dict[str, frozenset[str]] = {
    "HumanEval/47": frozenset({"assert median([-10, 4, 6, 1000, 10, 20]) == 15.0"}),
    "HumanEval/116": frozenset({
        "assert sort_array([1, 5, 2, 3, 4]) == [1, 2, 3, 4, 5]",
        "assert sort_array([-2, -3, -4, -5, -6]) == [-6, -5, -4, -3, -2]",
    }),
    "HumanEval/130": frozenset({"assert tri(1) == 3", "assert tri(4) == 3"}),
    "HumanEval/148": frozenset({"assert bf('Earth', 'Mercury') == 'Venus'"}),
}  # fmt: skip
"""Docstring examples that the published tests and reference solution contradict, by task (found by running them)."""


def _matches(row: Row) -> bool:
    return {"prompt", "entry_point", "test"} <= row.keys()


def _read(row: Row, place: Place) -> Problem:
    name = text_field(row, "entry_point", place)
    if not name.isidentifier():
        raise place.error(f"{name[:40]!r} is not the name of a function", field="entry_point")
    prompt = text_field(row, "prompt", place)
    test = text_field(row, "test", place)
    task_id = row.get("task_id")
    problem_id = str(task_id) if isinstance(task_id, str | int) and str(task_id) else place.default_id
    examples = [code for code in docstring_examples(prompt, name) if code not in WRONG_EXAMPLES.get(problem_id, ())]
    canonical = optional_text(row, "canonical_solution", place)
    solutions = (Solution(language="python", source=prompt + canonical, name="canonical"),) if canonical else ()
    return build(
        place,
        {
            "id": problem_id,
            "kind": ProblemKind.FUNCTION,
            "title": name,
            "statement": prompt,
            "function": FunctionSpec(name=name, starter_code=prompt),
            "public_tests": tuple(
                CodeTest(name=f"example {number}", code=code) for number, code in enumerate(examples, start=1)
            ),
            "hidden_tests": (CodeTest(name="check", code=f"{test}\n\ncheck(candidate)\n"),),
            "solutions": solutions,
            "languages": ("python",),
            "source": place.source,
            "metadata": {"format": "humaneval", **{key: value for key, value in row.items() if key not in _KNOWN}},
        },
    )


ROW_FORMAT = RowFormat("HumanEval", "prompt, entry_point, test", _matches, _read, order=20)
