from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.errors import DataError
from solvent.problems.problem import Problem, ProblemKind
from solvent.problems.readers import ReadResult, read, read_one, read_text
from solvent.problems.readers.formats import row_formats

MATH = {"problem": "1+1?", "answer": "2"}


def _split(results: Iterable[ReadResult]) -> tuple[list[Problem], list[DataError]]:
    everything = list(results)
    return (
        [result for result in everything if isinstance(result, Problem)],
        [result for result in everything if isinstance(result, DataError)],
    )


def _only_error(content: str | bytes, name: str = "file.jsonl") -> DataError:
    problems, errors = _split(read_text(content, name))
    assert problems == []
    assert len(errors) == 1
    return errors[0]


def test_bad_rows_become_errors_with_their_place_and_the_others_are_read() -> None:
    rows = [
        json.dumps(MATH),
        "{broken",
        '{"unknown": 1}',
        "",
        json.dumps({"problem": "x", "answer": None}),
        "3",
        json.dumps(MATH),
    ]
    problems, errors = _split(read_text("\n".join(rows), "rows.jsonl"))
    assert [problem.id for problem in problems] == ["rows-1", "rows-7"]
    assert [(error.file, error.row) for error in errors] == [("rows.jsonl", row) for row in (2, 3, 5, 6)]
    assert "unknown" in errors[1].message
    assert errors[1].remedy is not None
    assert "HumanEval" in errors[1].remedy


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (" \n\r\n", "is empty"),
        ("\ufeff", "is empty"),
        (b"\xff\xfea\x00", "UTF-16"),
        (b'{"problem": "\xe4", "answer": "1"}', "is not UTF-8: byte 14 in line 1"),
        ("[]", "empty list"),
        ('{"problem": "a", "answer": NaN}', "NaN is no JSON number"),
        ('{"problem": "a", "answer": 1e999}', "beyond a double"),
        ('{"problem": "a", "answer": ' + "9" * 5000 + "}", "has more than 4000 digits"),
        ('{"problem": "a", "problem": "b", "answer": "1"}', "'problem' stands twice"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 100_000, "nested too deep"),
        (b"\x1f\x8bnot gzip", "damaged gzip"),
        (b"PK\x05\x06" + b"\0" * 18, "without problem.yaml"),
        ('{"id": "a", "statement": "s", "answer": "1", "frobnicate": 1}', "field 'frobnicate': no such field"),
        ('{"id": "a", "statement": 5, "answer": "1"}', "field 'statement': Input should be a valid string"),
        ('{"statement": "s", "kind": "sudoku"}', "field 'kind'"),
        ('{"statement": "s", "kind": "function"}', "needs the field 'function'"),
        ('{"statement": "s", "limits": {"cpu_time_s": -1}}', "field 'limits.cpu_time_s'"),
        ('{"statement": "s", "public_tests": [{"stdin": "1"}]}', "field 'public_tests.0.expected': is missing"),
        ('{"statement": "s", "public_tests": 3}', "must be a list of tests"),
        ('{"custom_id": 3, "problem": "s", "answer": "1"}', "field 'custom_id'"),
    ],
)
def test_bad_content_gives_one_clear_error(content: str | bytes, message: str) -> None:
    assert message in str(_only_error(content, "file.json"))


@given(st.binary(max_size=200))
def test_any_bytes_give_problems_or_errors(content: bytes) -> None:
    assert list(read_text(content))


@given(st.text(alphabet='-{}[]":,\n# abidstmentk`xample0\u2028', max_size=120))
def test_any_text_gives_problems_or_errors(content: str) -> None:
    assert list(read_text(content))


def test_byte_order_mark_crlf_and_gzip_do_not_matter() -> None:
    lines = "\r\n".join(json.dumps({**MATH, "id": str(number)}) for number in range(3))
    for content in (lines, "\ufeff" + lines, gzip.compress(lines.encode())):
        problems, errors = _split(read_text(content, "a.jsonl"))
        assert errors == []
        assert [problem.id for problem in problems] == ["0", "1", "2"]


def test_a_line_separator_inside_a_json_text_does_not_end_the_row() -> None:
    content = json.dumps({"problem": "a\u2028b\x85c", "answer": "1"}, ensure_ascii=False)
    assert read_one("-", content).statement == "a\u2028b\x85c"


def test_a_json_list_and_a_pretty_printed_object() -> None:
    problems, errors = _split(read_text(json.dumps([MATH, 5, MATH], indent=1), "list.json"))
    assert [problem.id for problem in problems] == ["list-1", "list-3"]
    assert errors[0].row == 2
    assert read_one("one.json", json.dumps(MATH, indent=2)).id == "one"


def test_the_second_of_two_equal_ids_is_an_error() -> None:
    rows = [{**MATH, "id": "a"}, {**MATH, "id": "a"}, {**MATH, "id": "b"}]
    problems, errors = _split(read_text("\n".join(map(json.dumps, rows)), "x.jsonl"))
    assert [problem.id for problem in problems] == ["a", "b"]
    assert str(errors[0]).startswith("x.jsonl:2: field 'id': 'a' is already the id of x.jsonl:1")


def test_custom_id_is_kept_with_rows_of_any_format() -> None:
    assert read_one("-", json.dumps({**MATH, "custom_id": "job-7"})).metadata["custom_id"] == "job-7"
    wrapped = {"custom_id": "job-8", "problem": {"statement": "s", "answer": "1"}}
    assert read_one("-", json.dumps(wrapped)).metadata["custom_id"] == "job-8"


def test_a_dumped_problem_is_read_back() -> None:
    problem = read_one("-", json.dumps(MATH))
    again = read_one("-", problem.model_dump_json())
    assert again == problem


def test_read_one_refuses_several_and_raises_the_first_error() -> None:
    with pytest.raises(DataError, match="more than one"):
        read_one("-", "\n".join([json.dumps(MATH)] * 2))
    with pytest.raises(DataError, match="is empty"):
        read_one("-", "")


def test_folders_are_read_in_order_and_other_files_are_left(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps(MATH), encoding="utf-8")
    (tmp_path / "a.md").write_text("What is 1+1?\n\n# Answer\n2\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("about", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("about", encoding="utf-8")
    (tmp_path / "loop").symlink_to(tmp_path)
    problems, errors = _split(read(tmp_path))
    assert errors == []
    assert [problem.id for problem in problems] == ["a", "b"]


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, message in (
        (tmp_path / "missing.json", "does not exist"),
        (tmp_path / "empty", "holds no problem"),
        (Path("/dev/null"), "no regular file"),
        (Path("a\0b"), "does not exist"),
    ):
        problems, errors = _split(read(path))
        assert problems == []
        assert message in str(errors[0])


def test_every_format_module_is_found() -> None:
    assert {row_format.name for row_format in row_formats()} == {
        "Solvent",
        "ARC",
        "HumanEval",
        "MBPP",
        "competitive-companion",
        "MATH, GSM8K, AIME",
        "package",
    }


def test_a_plain_text_says_what_was_guessed() -> None:
    problem = read_one("-", "What is 1+1?")
    assert problem.kind is ProblemKind.MATH
    assert problem.metadata["guessed"] == {"kind": "math"}
