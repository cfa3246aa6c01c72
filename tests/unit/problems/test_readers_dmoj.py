from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from solvent.errors import DataError
from solvent.problems.problem import Checker, IoTest, Problem
from solvent.problems.readers import read_one
from solvent.problems.view import public_view

STATEMENT = """---
title: Sum
limits: {cpu_time_s: 1, memory_mb: 64}
---
Print the sum.

## Sample Input
```
1 2
```
## Sample Output
```
3
```
"""
INIT = """archive: data.zip
test_cases:
- {in: s.in, out: s.out, points: 0}
- points: 10
  batched:
  - {in: a1.in, out: a1.out}
  - {in: a2.in, out: a2.out}
- points: 20
  batched:
  - {in: b1.in, out: b1.out}
  dependencies: [1]
- {in: c.in, out: c.out, points: 5}
"""
DATA = {f"{name}.{side}": f"{name} {side}\r\n" for name in ("s", "a1", "a2", "b1", "c") for side in ("in", "out")}


def _zip(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def _folder(root: Path, init: str, files: dict[str, str] | None = None, data: dict[str, str] | None = None) -> Path:
    root.mkdir(parents=True)
    texts = {"init.yml": init, "statement.md": STATEMENT, **(files or {})}
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")
    (root / "data.zip").write_bytes(_zip(DATA if data is None else data))
    return root


def _io(problem: Problem) -> list[IoTest]:
    return [test for test in problem.hidden_tests if isinstance(test, IoTest)]


def test_a_folder_with_an_archive(tmp_path: Path) -> None:
    problem = read_one(_folder(tmp_path / "sum", INIT))
    assert (problem.id, problem.title, problem.statement) == ("sum", "Sum", "Print the sum.")
    assert (problem.limits.cpu_time_s, problem.limits.memory_mb, problem.limits.wall_limit_s) == (1.0, 64, 3.0)
    assert problem.checker == Checker(type="line_tokens", case_sensitive=True)
    assert [test.name for test in problem.hidden_tests] == [
        "case1/1",
        "batch1/1",
        "batch1/2",
        "batch2/1",
        "case4/1",
    ]
    assert _io(problem)[1].stdin == "a1 in\n"
    assert len(problem.public_tests) == 1
    groups = {group.name: group for group in problem.groups}
    assert list(groups) == ["", "case1", "batch1", "batch2", "case4"]
    assert groups["batch1"].requires == ("case1",)
    assert groups["batch2"].requires == ("case1", "batch1")
    assert (groups["batch2"].accept_score, groups["batch2"].max_score, groups["batch2"].aggregation) == (20, 20, "min")
    assert groups["case4"].accept_score == 5
    assert problem.scoring
    assert "warnings" not in problem.metadata


def test_a_zip_of_the_folder_reads_the_same(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "sum", INIT)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"sum/{path.name}")
    zipped = read_one("x.zip", buffer.getvalue())
    again = read_one(folder)
    assert zipped.model_copy(update={"source": again.source}) == again


@pytest.mark.parametrize(
    ("checker", "expected"),
    [
        ("easy", Checker(type="characters")),
        ("identical", Checker(type="exact")),
        ("linecount", Checker(type="line_count", case_sensitive=True)),
        ("unordered", Checker(type="unordered_tokens", case_sensitive=True)),
        ("sorted", Checker(type="unordered_line_tokens", case_sensitive=True)),
        ("{name: sorted, args: {split_on: whitespace}}", Checker(type="unordered_tokens", case_sensitive=True)),
        ("rstripped", Checker(type="lines", case_sensitive=True)),
        (
            "{name: floats, args: {precision: 4}}",
            Checker(type="line_tokens", case_sensitive=True, absolute_tolerance=1e-4, relative_tolerance=1e-4),
        ),
        ("floatsabs", Checker(type="line_tokens", case_sensitive=True, absolute_tolerance=1e-6)),
        (
            "{name: floats, args: {error_mode: relative}}",
            Checker(type="line_tokens", case_sensitive=True, relative_tolerance=1e-6),
        ),
    ],
)
def test_checkers(tmp_path: Path, checker: str, expected: Checker) -> None:
    assert read_one(_folder(tmp_path / "sum", f"{INIT}checker: {checker}\n")).checker == expected


def test_checkers_that_are_programs(tmp_path: Path) -> None:
    files = {
        "check.py": "def check(process_output, judge_output, **kwargs):\n    return True\n",
        "v.cpp": "int main() {}\n",
    }
    problem = read_one(_folder(tmp_path / "a", f"{INIT}checker: {{name: check.py, args: {{limit: 3}}}}\n", files))
    assert (problem.checker.style, problem.checker.keywords) == ("python", {"limit": 3})
    assert problem.checker.program is not None
    assert problem.checker.program.language == "python"
    bridged = "checker: {name: bridged, args: {files: v.cpp, lang: CPP17, type: testlib}}\n"
    files["testlib.h"] = "// testlib\n"
    problem = read_one(_folder(tmp_path / "b", INIT + bridged, files))
    assert (problem.checker.style, problem.checker.call) == ("testlib", ())
    assert problem.checker.program is not None
    assert problem.checker.program.language == "cpp"
    assert problem.checker.files == {"testlib.h": "// testlib\n"}


def test_an_interactive_problem(tmp_path: Path) -> None:
    init = INIT + "interactive: {files: i.cpp, lang: CPP17}\n"
    problem = read_one(_folder(tmp_path / "a", init, {"i.cpp": "int main() {}\n"}))
    assert problem.interactive
    assert problem.interactor is not None
    assert problem.interactor.call == ("{input}", "{answer}")
    testlib = init.replace("CPP17}", "CPP17, type: testlib}")
    problem = read_one(_folder(tmp_path / "b", testlib, {"i.cpp": "int main() {}\n"}))
    assert problem.interactor is not None
    assert problem.interactor.call == ()


def test_file_input_and_checkers_of_single_cases(tmp_path: Path) -> None:
    init = INIT.replace("c.out, points: 5}", "c.out, points: 5, checker: identical}")
    problem = read_one(_folder(tmp_path / "sum", f"{init}file_io: {{input: s.in, output: s.out}}\n"))
    assert (problem.input_file, problem.output_file) == ("s.in", "s.out")
    last = _io(problem)[-1]
    assert problem.checker_for(last) == Checker(type="exact")
    assert problem.checker_for(_io(problem)[0]) == problem.checker
    assert public_view(problem).scoring


def test_cases_by_pattern(tmp_path: Path) -> None:
    names = ("1.in", "1.out", "2.1.in", "2.1.out", "2.2.in", "2.2.out", "3.in", "notes.txt")
    problem = read_one(_folder(tmp_path / "a", "archive: data.zip\ntest_cases: {}\n", data=dict.fromkeys(names, "x")))
    assert [test.name for test in problem.hidden_tests] == ["case1/1", "batch1/1", "batch1/2"]
    own = "archive: data.zip\ntest_cases: {input_format: 'i(?P<case>\\d+)', output_format: 'o(?P<case>\\d+)', "
    own += "case_points: [3, 4]}\n"
    data = {"i1": "a", "o1": "b", "i2": "c", "o2": "d"}
    problem = read_one(_folder(tmp_path / "b", own, data=data))
    assert [(test.stdin, test.expected) for test in _io(problem)] == [("a", "b"), ("c", "d")]
    assert [group.max_score for group in problem.groups[1:]] == [3, 4]


def test_pretests_come_first_and_score_nothing(tmp_path: Path) -> None:
    init = "archive: data.zip\npretest_test_cases:\n- {in: s.in, out: s.out, points: 1}\n- {in: c.in, out: c.out}\n"
    problem = read_one(_folder(tmp_path / "sum", f"{init}test_cases:\n- {{in: c.in, out: c.out, points: 5}}\n"))
    assert [test.name for test in problem.hidden_tests] == ["pretest-case1/1", "case1/1"]
    assert {group.name: group.max_score for group in problem.groups} == {"": None, "pretest-case1": 0, "case1": 5}
    assert all(not group.requires for group in problem.groups)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "sum", INIT + "colour: red\n")
    (folder / "statement.md").unlink()
    problem = read_one(folder)
    warnings = str(problem.metadata["warnings"])
    for text in ("unknown key 'colour'", "no statement", "no limits"):
        assert text in warnings
    assert not problem.time_rule.limit_given


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("- 1\n", "must be a mapping"),
        ("archive: other.zip\ntest_cases: []\n", "field 'archive': 'other.zip' is not in the folder"),
        ("test_cases: 5\n", "field 'test_cases': must be a list of cases"),
        (INIT.replace("c.in", "d.in"), "'d.in' is neither in the folder nor in the archive"),
        (INIT.replace("[1]", "[2]"), "must be numbers of earlier batches"),
        (INIT.replace("points: 5", "points: -5"), "must be a number that is not negative"),
        (INIT + "checker: psychic\n", "field 'checker': 'psychic' is not supported"),
        (INIT + "checker: nowhere.py\n", "field 'checker': 'nowhere.py' is not in the folder"),
        (INIT + "checker: {name: floats, args: {precision: deep}}\n", "must be a whole number"),
        (INIT + "checker: {name: bridged, args: {files: x.cpp, type: peg}}\n", "must be one of default, testlib, coci"),
        (INIT + "custom_judge: grader.py\n", "field 'custom_judge': is not supported"),
        (INIT + "symlinks: {a: b}\n", "field 'symlinks': is not supported"),
        (INIT + "test_cases++: '[]'\n", "computed keys are programs"),
        (INIT + "file_io: {input: ../x}\n", "must be a plain file name"),
        ("archive: data.zip\ntest_cases: {input_format: '(a+)+$'}\n", "repeats a group or too much"),
        ("archive: data.zip\ntest_cases: {input_format: '(a'}\n", "is no pattern"),
    ],
)
def test_bad_folders_name_the_key(tmp_path: Path, init: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_one(_folder(tmp_path / "sum", init))
    assert message in str(caught.value)
    assert "sum" in str(caught.value)


def test_generated_cases_are_left_out_with_a_warning(tmp_path: Path) -> None:
    init = INIT + "- {generator: gen.cpp, points: 3}\n"
    problem = read_one(_folder(tmp_path / "sum", init))
    assert len(problem.hidden_tests) == 5
    assert "generator" in str(problem.metadata["warnings"])
