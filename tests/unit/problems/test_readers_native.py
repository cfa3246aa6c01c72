from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from solvent.errors import DataError
from solvent.problems.problem import (
    CallTest,
    Checker,
    CodeTest,
    FunctionSpec,
    IoTest,
    Limits,
    Problem,
    ProblemKind,
    Solution,
    Verdict,
)
from solvent.problems.readers import read_one, read_text
from solvent.problems.readers.native_writer import to_native

STDIO = """---
id: sum-two
title: No            # a text, though YAML would read false
limits: {cpu_time_s: 1, memory_mb: 64}
checker: {type: tokens, absolute_tolerance: 1e-6}
tags: [easy]
---
Read two numbers and print their sum.

## Input

One line.

## Example

### Input
```
1 2
```
### Output
```
3
```
Since 1 + 2 = 3.

## Hidden test large
### Input
````text
10 20
```
````
### Output
~~~
30
~~~

## Solution: reference

```python
print(sum(map(int, input().split())))
```

## Solution: slow
```cpp TLE
int main() { for (;;); }
```
"""


def test_markdown_with_front_matter() -> None:
    problem = read_one("sum.md", STDIO.replace("\n", "\r\n"))
    assert (problem.id, problem.title, problem.kind) == ("sum-two", "No", ProblemKind.STDIO)
    assert problem.limits == Limits(cpu_time_s=1, memory_mb=64)
    assert problem.checker == Checker(absolute_tolerance=1e-6)
    assert problem.public_tests == (IoTest(name="example 1", stdin="1 2\n", expected="3\n"),)
    assert problem.hidden_tests == (IoTest(name="large", stdin="10 20\n```\n", expected="30\n"),)
    assert [(one.name, one.language, one.expected) for one in problem.solutions] == [
        ("reference", "python", Verdict.AC),
        ("slow", "cpp", Verdict.TLE),
    ]
    assert problem.statement == (
        "Read two numbers and print their sum.\n\n## Input\n\nOne line.\n\nExample: Since 1 + 2 = 3."
    )
    assert problem.source == "sum.md"


@pytest.mark.parametrize(
    "body",
    [
        "## Sample Input 1\n```\n1\n```\n## Sample Output 1\n```\n2\n```\n",
        "## Example 1\nInput:\n```\n1\n```\nOutput:\n```\n2\n```\n",
        "## Example\n**Input**\n```\n1\n```\n**Output**\n```\n2\n```\n",
        "## Sample\n```\n1\n```\n```\n2\n```\n",
        "# Examples\n## Input\n```\n1\n```\n## Output\n```\n2\n```\n",
    ],
)
def test_examples_as_they_are_usually_written(body: str) -> None:
    problem = read_one("-", f"# Next\n\nPrint the next number.\n\n{body}")
    assert problem.kind is ProblemKind.STDIO
    assert [(test.type, test.stdin, test.expected) for test in problem.public_tests if test.type == "io"] == [
        ("io", "1\n", "2\n")
    ]
    assert problem.title == "Next"
    assert problem.metadata["guessed"] == {"kind": "stdio"}


def test_several_examples_in_one_section() -> None:
    one = "### Input\n```\n1\n```\n### Output\n```\n2\n```\n"
    problem = read_one("-", f"Text.\n## Examples\n{one}{one}")
    assert [test.name for test in problem.public_tests] == ["example 1", "example 2"]


def test_headings_inside_fences_and_sections_without_tests_stay_in_the_statement() -> None:
    text = "Do it.\n\n```\n## Example\n```\n\n## Example\n\nThink of a tree."
    problem = read_one("-", text)
    assert problem.statement == text
    assert problem.public_tests == ()


def test_a_function_problem() -> None:
    text = """---
id: double
function: {name: double, starter_code: "def double(x):"}
public_tests:
  - {arguments: [2], expected: 4}
hidden_tests:
  - {name: words, arguments: [{name: 007}], keywords: {id: 3}, expected: {title: 1}}
---
Double it.
"""
    problem = read_one("-", text)
    assert problem.kind is ProblemKind.FUNCTION
    assert problem.public_tests == (CallTest(name="public 1", arguments=(2,), expected=4),)
    assert problem.hidden_tests == (
        CallTest(name="words", arguments=({"name": 7},), keywords={"id": 3}, expected={"title": 1}),
    )
    body = "---\nfunction: {name: f}\n---\nDo.\n## Example\n```python\nassert f(1) == 2\n```\n"
    assert read_one("-", body).public_tests == (CodeTest(name="example 1", code="assert f(1) == 2\n"),)


def test_an_answer_under_a_heading_is_gold_and_leaves_the_statement() -> None:
    problem = read_one("-", "What is 6*7?\n\n## Answer\n\n42\n")
    assert (problem.statement, problem.answer, problem.kind) == ("What is 6*7?", "42", ProblemKind.MATH)


def test_yaml_of_one_problem_and_of_a_list() -> None:
    one = "id: 007\nstatement: |\n  What?\nanswer: 1_000\ntitle: 2024-01-01\n"
    problem = read_one("-", one)
    assert (problem.id, problem.answer, problem.title, problem.statement) == ("007", "1_000", "2024-01-01", "What?\n")
    listed = list(read_text("- id: a\n  statement: x\n  answer: no\n- id: b\n  statement: y\n  oops: 1\n", "l.yaml"))
    assert isinstance(listed[0], Problem)
    assert listed[0].answer == "no"
    assert isinstance(listed[1], DataError)
    assert str(listed[1]).startswith("l.yaml:2: field 'oops'")
    tests = "statement: s\npublic_tests:\n- stdin: 01\n  expected: 02\n"
    assert read_one("-", tests).public_tests == (IoTest(name="public 1", stdin="01", expected="02"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\nid: a\nstatement", "front matter does not end"),
        ("---\nid: a\nid: b\n---\nx", "the key 'id' stands twice (line 3 column 1)"),
        ("---\nid: [a\n---\nx", "is not YAML"),
        ("---\na: &x [1]\nb: *x\n---\nx", "aliases (*name) are not read"),
        ("---\n- 1\n---\nx", "must be fields with values"),
        ("---\nid: a\n---\n", "has no statement"),
        ("---\nstatement: a\n---\nb", "stands in the front matter and in the text"),
        ("---\nanswer: 1\n---\nb\n## Answer\n2", "stands in the front matter and under a heading"),
        ("---\nid: !!python/object:os.system x\n---\nx", "is not YAML"),
        ("id: a\nstatement: " + "[" * 5000, "nested too deep"),
    ],
)
def test_errors_of_our_own_format(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_one("p.md", text)
    assert message in str(caught.value)
    assert "p.md" in str(caught.value)


TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from("ab 1\n\t#`~-:|>'\"\\{}[]&*!%@\r\u2028\ufeff\x00\x85é😀"), st.characters(codec="utf-8")
    ),
    max_size=40,
)
MARKED = st.lists(
    st.sampled_from(
        ["## Example", "### Input", "### Output", "```", "---", "# Answer", "word", "", "## Solution", "````text"]
    ),
    max_size=8,
).map("\n".join)
ANY_TEXT = TEXT | MARKED
NAME = TEXT.filter(bool) | st.sampled_from(["one", "test 2", "a-b", "#", "x: y", " pad "])
BLOCK = (TEXT | MARKED).map(lambda text: f"{text}\n") | TEXT
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
IO_TESTS = st.builds(IoTest, name=NAME, stdin=BLOCK, expected=BLOCK)
CODE_TESTS = st.builds(CodeTest, name=NAME, code=BLOCK)
CALL_TESTS = st.builds(
    CallTest,
    name=NAME,
    arguments=st.lists(JSON_VALUES, max_size=2).map(tuple),
    keywords=st.dictionaries(TEXT, JSON_VALUES, max_size=2),
    expected=JSON_VALUES,
)
SOLUTIONS = st.builds(
    Solution,
    language=st.sampled_from(["python", "cpp", "c++", "odd language"]),
    source=BLOCK,
    name=st.just("") | NAME,
    expected=st.sampled_from(Verdict),
)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    kind = draw(st.sampled_from([ProblemKind.STDIO, ProblemKind.FUNCTION, ProblemKind.MATH]))
    tests = {
        ProblemKind.STDIO: IO_TESTS,
        ProblemKind.FUNCTION: CODE_TESTS | CALL_TESTS,
        ProblemKind.MATH: IO_TESTS,
    }[kind]
    most = 0 if kind is ProblemKind.MATH else 2
    return Problem(
        id=draw(NAME),
        kind=kind,
        title=draw(ANY_TEXT),
        statement=draw(ANY_TEXT.filter(lambda text: bool(text))),
        limits=draw(st.sampled_from([Limits(), Limits(cpu_time_s=1e-5, wall_time_s=3, memory_mb=512)])),
        checker=draw(
            st.sampled_from([Checker(), Checker(type="lines", absolute_tolerance=1e-9)])
            | st.builds(
                Checker, type=st.just("custom"), program=SOLUTIONS, files=st.dictionaries(NAME, BLOCK, max_size=2)
            )
        ),
        public_tests=tuple(draw(st.lists(tests, max_size=most))),
        hidden_tests=tuple(draw(st.lists(tests, max_size=most))),
        function=draw(st.builds(FunctionSpec, name=NAME, starter_code=ANY_TEXT))
        if kind == ProblemKind.FUNCTION
        else None,
        answer=draw(st.none() | TEXT),
        solutions=tuple(draw(st.lists(SOLUTIONS, max_size=2))),
        languages=tuple(draw(st.lists(st.sampled_from(["python", "no", "1"]), max_size=2))),
        interactive=draw(st.booleans()),
        tags=tuple(draw(st.lists(TEXT, max_size=2))),
        metadata=draw(st.dictionaries(TEXT, JSON_VALUES, max_size=2)),
    )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problems())
@example(Problem(id="a", kind=ProblemKind.MATH, statement="x\r\ny", answer=" 5"))
@example(Problem(id="a", kind=ProblemKind.MATH, statement="0\n", checker=Checker(files={"a": "1\n2\n"})))
@example(Problem(id="a", kind=ProblemKind.MATH, statement="0\n", checker=Checker(files={"a": "1\n2\n\n"})))
@example(Problem(id="a", kind=ProblemKind.MATH, statement="# T\n## Answer\n3", answer="5"))
@example(
    Problem(id="a", kind=ProblemKind.STDIO, statement="s", public_tests=(IoTest(name="n", stdin="", expected=""),))
)
def test_what_is_written_is_read_back(problem: Problem) -> None:
    again = read_one("-", to_native(problem))
    assert again.model_dump(exclude={"source"}) == problem.model_dump(exclude={"source"})
    assert json.loads(again.model_dump_json())["metadata"] == json.loads(problem.model_dump_json())["metadata"]


def test_what_is_written_is_pleasant_to_read() -> None:
    written = to_native(read_one("sum.md", STDIO))
    assert "## Example example 1\n\n### Input\n\n```text\n1 2\n```\n" in written
    assert "## Hidden test large" in written
    assert "public_tests" not in written
    assert written.startswith("---\nid: sum-two\n")


@pytest.mark.parametrize(
    "line", ["```x", "~~~~ y", "## Example", "### Input", "```", "#" * 50, "- " * 50, "Sample Input "]
)
def test_long_markdown_does_not_hang(line: str) -> None:
    assert len(list(read_text(f"{line}\n" * 30_000 + "end", "long.md"))) == 1
