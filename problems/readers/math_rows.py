r"""MATH, GSM8K and AIME JSONL: `problem` or `question`, and the gold answer in `answer` or in `solution`.

The gold is what stands after `####` (GSM8K), else in the last `\boxed{}`, else the whole field `answer`.
"""

from __future__ import annotations

from pydantic import JsonValue

from solvent.problems.answers import extract_answer
from solvent.problems.problem import Problem, ProblemKind
from solvent.problems.readers.formats import RowFormat
from solvent.problems.readers.place import Place, Row, build

_STATEMENT = ("problem", "question")
_ANSWER = ("answer", "final_answer", "gold", "expected_answer")
_SOLUTION = ("solution", "solution_text")
_ID = ("id", "unique_id", "problem_id", "question_id", "task_id")
_TAGS = ("level", "type", "subject", "category", "difficulty")
LONGEST_BARE_ANSWER = 500


def _matches(row: Row) -> bool:
    names = {name.lower() for name in row}
    return not names.isdisjoint(_STATEMENT) and not names.isdisjoint((*_ANSWER, *_SOLUTION))


def _read(row: Row, place: Place) -> Problem:
    fields = {name.lower(): (name, value) for name, value in row.items()}
    name, statement = _first(fields, _STATEMENT)
    if not isinstance(statement, str) or not statement.strip():
        raise place.error("must be text and not empty", field=name)
    _, problem_id = _first(fields, _ID)
    gold = _gold(fields, place)
    used = {*_STATEMENT, *_ANSWER, *_ID}
    return build(
        place,
        {
            "id": str(problem_id) if isinstance(problem_id, str | int) and str(problem_id) else place.default_id,
            "kind": ProblemKind.MATH,
            "statement": statement,
            "answer": gold,
            "tags": tuple(
                f"{tag}: {value}" if tag == "level" and isinstance(value, int) else str(value)
                for tag in _TAGS
                if (value := fields.get(tag, ("", None))[1]) is not None and isinstance(value, str | int)
            ),
            "source": place.source,
            "metadata": {
                "format": "math",
                **{key: value for lower, (key, value) in fields.items() if lower not in used},
            },
        },
    )


def _first(fields: dict[str, tuple[str, JsonValue]], names: tuple[str, ...]) -> tuple[str, JsonValue]:
    return next((fields[name] for name in names if fields.get(name, ("", None))[1] is not None), (names[0], None))


def _gold(fields: dict[str, tuple[str, JsonValue]], place: Place) -> str:
    name, answer = _first(fields, _ANSWER)
    if isinstance(answer, bool | dict):
        raise place.error("must be text or a number", field=name)
    if isinstance(answer, list):  # OlympiadBench lists the answers
        answer = ", ".join(str(item) for item in answer)
    if isinstance(answer, int | float):
        return str(answer)
    if isinstance(answer, str) and answer.strip():
        if "####" in answer or "\\boxed" in answer:
            found = extract_answer(answer)
            if found is None:
                raise place.error("has `####` or \\boxed but no answer in it", field=name)
            return found
        if len(answer) > LONGEST_BARE_ANSWER:
            raise place.error(
                "is a long text without `####` or \\boxed{}", field=name, remedy="give the final answer alone"
            )
        return answer.strip()
    solution_name, solution = _first(fields, _SOLUTION)
    found = extract_answer(solution) if isinstance(solution, str) else None
    if found is None:
        where = f"neither 'answer' nor a \\boxed{{}} in {solution_name!r} gives the gold answer"
        raise place.error(where, field=name, remedy="add the field 'answer'")
    return found


ROW_FORMAT = RowFormat("MATH, GSM8K, AIME", "problem or question, answer or solution", _matches, _read, order=60)
