from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.errors import DataError
from solvent.problems.problem import CodeTest, IoTest, Problem, ProblemKind
from solvent.problems.readers import read, read_one
from solvent.problems.readers.docstring_examples import docstring_examples

HUMANEVAL = {
    "task_id": "HumanEval/7",
    "prompt": 'def double(x):\n    """Double.\n\n    >>> double(2)\n    4\n    double(0) ==> 0\n    """\n',
    "entry_point": "double",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n",
}
MBPP = {
    "task_id": 11,
    "text": "Write a function that doubles.",
    "code": "def helper(x):\n    return x\ndef double(x):\n    return 2 * helper(x)",
    "test_list": ["assert set(double([1])) == {1}", "assert double(2) == 4"],
    "test_setup_code": "import math",
    "challenge_test_list": ["assert double(-1) == -2"],
}
COMPANION = {
    "name": "A. Watermelon",
    "group": "Codeforces - Round 4",
    "url": "https://example.org/4/A",
    "interactive": False,
    "memoryLimit": 64,
    "timeLimit": 1500,
    "tests": [{"input": "8\n", "output": "YES\n"}],
    "testType": "single",
    "input": {"type": "stdin"},
    "output": {"type": "stdout"},
    "languages": {"java": {"mainClass": "Main", "taskClass": "AWatermelon"}},
    "batch": {"id": "x", "size": 1},
}


def _read(row: Mapping[str, object]) -> Problem:
    return read_one("rows.jsonl", json.dumps(dict(row)))


def _error(row: Mapping[str, object]) -> str:
    with pytest.raises(DataError) as caught:
        _read(row)
    return str(caught.value)


def test_humaneval() -> None:
    problem = _read(HUMANEVAL)
    assert (problem.id, problem.kind) == ("HumanEval/7", ProblemKind.FUNCTION)
    assert problem.function is not None
    assert (problem.function.name, problem.function.starter_code) == ("double", HUMANEVAL["prompt"])
    assert problem.public_tests == (
        CodeTest(name="example 1", code="assert double(2) == 4"),
        CodeTest(name="example 2", code="assert double(0) == 0"),
    )
    (hidden,) = problem.hidden_tests
    assert isinstance(hidden, CodeTest)
    assert hidden.code == f"{HUMANEVAL['test']}\n\ncheck(candidate)\n"
    assert problem.solutions[0].source == f"{HUMANEVAL['prompt']}{HUMANEVAL['canonical_solution']}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"entry_point": "not a name"}, "field 'entry_point'"),
        ({"prompt": ""}, "field 'prompt': is empty"),
        ({"test": 3}, "field 'test': must be text"),
        ({"canonical_solution": ["x"]}, "field 'canonical_solution': must be text"),
    ],
)
def test_bad_humaneval_rows(change: dict[str, object], message: str) -> None:
    assert message in _error({**HUMANEVAL, **change})


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        (">>> f(1)\n2", ["assert f(1) == 2"]),
        (">>> f(1) == 2", ["assert f(1) == 2"]),
        (">>> round(f([1]), 2) # note\n-0.5", ["assert round(f([1]), 2) == -0.5"]),
        ("f('a)b') => (1, 'x').", ["assert f('a)b') == (1, 'x')"]),
        ("f(1) -> true", ["assert f(1) == True"]),
        ("f(1) # returns 'x'", ["assert f(1) == 'x'"]),
        ("f(1) returns 3\nf(1) => 3", ["assert f(1) == 3"]),
        (">>> f(1)\nobject()", []),
        (">>> g(1)\n2", []),
        ("f(a) => 2", []),
        ("f(1) is the first", []),
        (">>> f(1\n2", []),
        ("f(1) => __import__('os').system('x')", []),
    ],
)
def test_docstring_examples(docstring: str, expected: list[str]) -> None:
    text = docstring.replace("\n", "\n    ")
    assert docstring_examples(f'def f(x):\n    """\n    {text}\n    """\n', "f") == expected


@given(st.text(alphabet="f()1=>- \n'\"[],#:.", max_size=60))
def test_any_docstring_is_taken(docstring: str) -> None:
    docstring_examples(f"def f(x):\n    {docstring!r}\n", "f")
    docstring_examples(docstring, "f")


def test_mbpp() -> None:
    problem = _read(MBPP)
    assert problem.id == "MBPP/11"
    assert problem.function is not None
    assert problem.function.name == "double"
    assert [test.name for test in problem.public_tests] == ["test 1"]
    assert [test.name for test in problem.hidden_tests] == ["test 2", "challenge 1"]
    assert problem.hidden_tests[0] == CodeTest(name="test 2", code="import math\nassert double(2) == 4\n")
    assert problem.solutions[0].source == MBPP["code"]


def test_mbpp_sanitized_with_prompt_and_imports_and_without_code() -> None:
    row = {
        "task_id": 2,
        "prompt": "Do.",
        "test_imports": ["import math"],
        "test_list": ["assert math.isclose(half(1), 0.5)"],
    }
    problem = _read(row)
    assert problem.function is not None
    assert problem.function.name == "half"
    assert problem.public_tests[0] == CodeTest(name="test 1", code="import math\nassert math.isclose(half(1), 0.5)\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_list": []}, "field 'test_list': has no test"),
        ({"test_list": ["assert ("]}, "field 'test_list.0': is not Python"),
        ({"test_list": "assert f()"}, "must be a list of texts"),
        ({"test_list": ["assert True"]}, "calls no function"),
    ],
)
def test_bad_mbpp_rows(change: dict[str, object], message: str) -> None:
    assert message in _error({**MBPP, **change})


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ({"question": "q", "answer": "Some work.\n#### 1,234"}, "1,234"),
        (
            {"problem": "q", "solution": r"so $\boxed{\frac{1}{2}}$.", "level": "Level 3", "type": "Algebra"},
            r"\frac{1}{2}",
        ),
        ({"problem": "q", "solution": r"\boxed{1}", "answer": "2"}, "2"),
        ({"Problem": "q", "Answer": 204, "ID": "2024-I-1"}, "204"),
        ({"problem": "q", "answer": 0}, "0"),
        ({"problem": "q", "final_answer": ["1", "2"]}, "1, 2"),
    ],
)
def test_math_rows(row: dict[str, object], answer: str) -> None:
    problem = _read(row)
    assert (problem.kind, problem.answer, problem.statement) == (ProblemKind.MATH, answer, "q")
    assert problem.id == row.get("ID", "rows-1")


def test_math_tags() -> None:
    assert _read({"problem": "q", "answer": "1", "level": 5, "subject": "Algebra"}).tags == ("level: 5", "Algebra")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"problem": "q", "solution": "no box"}, "field 'answer': neither 'answer' nor"),
        ({"problem": "q", "answer": ""}, "field 'answer'"),
        ({"problem": "q", "answer": True}, "field 'answer': must be text or a number"),
        ({"problem": "q", "answer": "x" * 1000}, "is a long text"),
        ({"problem": " ", "answer": "1"}, "field 'problem'"),
        ({"question": "q", "answer": "work ####"}, "no answer in it"),
    ],
)
def test_bad_math_rows(row: dict[str, object], message: str) -> None:
    assert message in _error(row)


def test_competitive_companion() -> None:
    problem = _read(COMPANION)
    assert (problem.id, problem.title) == ("codeforces-round-4-a.-watermelon", "A. Watermelon")
    assert (problem.limits.cpu_time_s, problem.limits.memory_mb) == (1.5, 64)
    assert problem.public_tests == (IoTest(name="sample 1", stdin="8\n", expected="YES\n"),)
    assert problem.metadata["testType"] == "single"
    assert problem.metadata["warnings"] == ["the statement was not imported, only the examples"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": {"type": "file", "fileName": "in.txt"}}, "field 'input.type': is 'file'"),
        ({"timeLimit": "1s"}, "field 'timeLimit': must be a positive number"),
        ({"tests": [{"input": "1"}]}, "field 'tests.0.output': must be text"),
        ({"tests": {}}, "field 'tests'"),
        ({"name": None}, "field 'name': is missing"),
    ],
)
def test_bad_competitive_companion(change: dict[str, object], message: str) -> None:
    assert message in _error({**COMPANION, **change})


@pytest.mark.shared_data
def test_all_of_humaneval(shared_data: Path) -> None:
    problems = list(read(shared_data / "humaneval" / "humaneval.jsonl"))
    assert len(problems) == 164
    with_examples = 0
    for problem in problems:
        assert isinstance(problem, Problem)
        assert len(problem.hidden_tests) == len(problem.solutions) == 1
        compile(problem.solutions[0].source, "solution", "exec")
        with_examples += bool(problem.public_tests)
    assert with_examples >= 138


@pytest.mark.shared_data
def test_all_of_gsm8k(shared_data: Path) -> None:
    problems = list(read(shared_data / "gsm8k" / "test.jsonl"))
    assert len(problems) == 1319
    for problem in problems:
        assert isinstance(problem, Problem)
        assert problem.answer
        assert problem.answer.replace(",", "").lstrip("-").isdigit()
