"""Groups, submissions with rules, interactors, passes, included code and limits of problem packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from solvent.errors import DataError
from solvent.problems.problem import Checker, Expectation, IoTest, Problem, Verdict
from solvent.problems.readers import read_one
from solvent.problems.readers.native_writer import to_native
from solvent.problems.view import public_view

NEW = {
    "problem.yaml": "problem_format_version: 2025-09\nname: Sum\nuuid: a\nlimits: {time_limit: 1}\n",
    "statement/problem.en.md": "Print the sum.",
    "data/sample/1.in": "1\n",
    "data/sample/1.ans": "1\n",
    "data/secret/a/1.in": "1\n",
    "data/secret/a/1.ans": "1\n",
    "data/secret/a/2.in": "1\n",
    "data/secret/a/2.ans": "1\n",
    "data/secret/b/1.in": "1\n",
    "data/secret/b/1.ans": "1\n",
}
LEGACY = {**NEW, "problem.yaml": "name: Sum\n", ".timelimit": "2"}
CRASH = (Verdict.RE, Verdict.MLE, Verdict.OLE)


def _read(root: Path, files: dict[str, str]) -> Problem:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return read_one(root)


def _io(problem: Problem) -> dict[str, IoTest]:
    return {test.name: test for test in (*problem.public_tests, *problem.hidden_tests) if isinstance(test, IoTest)}


def _with(files: dict[str, str], yaml: str, more: dict[str, str] | None = None) -> dict[str, str]:
    return {**files, "problem.yaml": files["problem.yaml"] + yaml, **(more or {})}


def test_scoring_groups_of_2025_09(tmp_path: Path) -> None:
    files = _with(
        NEW,
        "type: scoring\n",
        {
            "data/secret/a/test_group.yaml": "max_score: 30\nscore_aggregation: sum\nrequire_pass: sample\n",
            "data/secret/b/test_group.yaml": "max_score: 70\nrequire_pass: [sample, secret/a]\n",
        },
    )
    problem = _read(tmp_path / "p", files)
    assert problem.scoring
    assert [group.name for group in problem.groups] == ["", "sample", "secret", "secret/a", "secret/b"]
    whole, sample, secret, a, b = problem.groups
    assert (whole.aggregation, whole.on_reject, sample.accept_score) == ("sum", "continue", 0)
    assert (secret.aggregation, secret.max_score) == ("sum", 100)
    assert (a.aggregation, a.max_score, a.requires, a.on_reject) == ("sum", 30, ("sample",), "continue")
    assert (b.aggregation, b.max_score, b.requires, b.on_reject) == ("pass_fail", 70, ("sample", "secret/a"), "break")
    assert {name: test.points for name, test in _io(problem).items()} == {
        "sample/1": None,
        "secret/a/1": 15,
        "secret/a/2": 15,
        "secret/b/1": None,
    }
    assert read_one("x.md", to_native(problem)) == problem


def test_legacy_groups_inherit_setting_by_setting(tmp_path: Path) -> None:
    files = _with(
        LEGACY,
        "type: scoring\ngrading: {objective: min}\n",
        {
            "data/testdata.yaml": "on_reject: continue\nrange: -inf 100\ngrader_flags: ignore_sample avg\n",
            "data/secret/testdata.yaml": "grader_flags: first_error accept_if_any_accepted\naccept_score: 7\n",
            "data/secret/b/testdata.yaml": "on_reject: break\nrange: 0 50\ngrader_flags: min\ngrading: custom\n",
        },
    )
    problem = _read(tmp_path / "p", files)
    groups = {group.name: group for group in problem.groups}
    assert problem.objective == "min"
    assert (groups[""].ignore_sample, groups[""].aggregation, groups[""].max_score) == (True, "avg", 100)
    assert groups[""].min_score is None
    assert (groups["sample"].aggregation, groups["sample"].ignore_sample) == ("avg", False)
    assert (groups["secret"].verdict, groups["secret"].accept_if_any_accepted) == ("first_error", True)
    assert (groups["secret/a"].accept_score, groups["secret/a"].on_reject) == (7, "continue")
    b = groups["secret/b"]
    assert (b.aggregation, b.on_reject, b.min_score, b.max_score, b.accept_score) == ("min", "break", 0, 50, 7)
    assert "custom graders are not run" in str(problem.metadata["warnings"])


def test_validator_arguments_by_group_and_by_test(tmp_path: Path) -> None:
    files = {
        **NEW,
        "data/secret/test_group.yaml": "output_validator_args: [float_tolerance, 1e-3]\nargs: [--fast]\n",
        "data/secret/b/test_group.yaml": "output_validator_args: [case_sensitive]\n",
        "data/secret/a/2.yaml": "args: [x, y]\noutput_validator_args: []\n",
        "data/secret/a/1.files/in/map.txt": "map",
    }
    problem = _read(tmp_path / "p", files)
    tests = _io(problem)
    assert problem.checker.absolute_tolerance == 1e-3
    assert problem.checker_for(tests["secret/a/1"]) == problem.checker
    assert problem.checker_for(tests["sample/1"]) == Checker()
    assert problem.checker_for(tests["secret/a/2"]) == Checker()
    assert problem.checker_for(tests["secret/b/1"]) == Checker(case_sensitive=True, arguments=("case_sensitive",))
    assert tests["secret/a/1"].arguments == ("--fast",)
    assert tests["secret/a/2"].arguments == ("x", "y")
    assert tests["secret/a/1"].files == {"in/map.txt": "map"}
    assert read_one("x.md", to_native(problem)) == problem


def test_a_custom_validator_gets_the_arguments_of_the_group(tmp_path: Path) -> None:
    files = _with(
        LEGACY,
        "validation: custom score\nvalidator_flags: all\n",
        {
            "output_validators/v.py": "import sys\nsys.exit(42)\n",
            "data/secret/b/testdata.yaml": "output_validator_flags: more words\n",
        },
    )
    problem = _read(tmp_path / "p", files)
    tests = _io(problem)
    assert problem.checker.arguments == ("all",)
    own = problem.checker_for(tests["secret/b/1"])
    assert (own.program, own.arguments) == (problem.checker.program, ("all", "more", "words"))


def test_interactive_and_multi_pass(tmp_path: Path) -> None:
    files = _with(
        NEW,
        "type: [interactive, multi-pass]\n",
        {"output_validator/v.cpp": "int main() {}\n", "data/sample/1.interaction": "<5\n>6\n"},
    )
    files["problem.yaml"] = files["problem.yaml"].replace(
        "{time_limit: 1}", "{time_limit: 1, validation_passes: 4, validation_time: 7}"
    )
    problem = _read(tmp_path / "p", files)
    assert (problem.interactive, problem.passes) == (True, 4)
    assert problem.interactor is not None
    assert problem.interactor.program == problem.checker.program
    assert problem.validation_limits is not None
    assert problem.validation_limits.cpu_time_s == 7
    assert problem.statement.endswith("```\n<5\n>6\n```")
    view = public_view(problem)
    assert (view.interactive, view.passes) == (True, 4)
    assert read_one("x.md", to_native(problem)) == problem


def test_scripts_of_a_validator_are_not_run_but_its_source_is_taken(tmp_path: Path) -> None:
    files = {**NEW, "output_validator/build": "#!/bin/sh\n", "output_validator/v.cpp": "int main() {}\n"}
    problem = _read(tmp_path / "p", files)
    assert problem.checker.program is not None
    assert problem.checker.program.name == "v.cpp"
    assert problem.checker.files == {}
    assert "are not run" in str(problem.metadata["warnings"])


SUBMISSIONS = """
accepted:
  use_for_time_limit: false
mixed/*.py:
  permitted: [AC, WA, TLE]
  required: [WA, TLE]
  secret/a:
    permitted: [AC]
  score: [10, 20]
mixed/{x,y}.cpp:
  language: cpp
  entrypoint: x.cpp
  required: [TLE]
  message: too slow
"""


def test_submissions_with_rules(tmp_path: Path) -> None:
    files = {
        **NEW,
        "submissions/submissions.yaml": SUBMISSIONS,
        "submissions/accepted/a.py": "print(1)\n",
        "submissions/mixed/b.py": "print(1)\n",
        "submissions/mixed/x.cpp": "int main() {}\n",
        "submissions/rejected/r.py": "print(1)\n",
        "submissions/time_limit_exceeded/t.py": "print(1)\n",
        "submissions/elsewhere/e.py": "print(1)\n",
    }
    problem = _read(tmp_path / "p", files)
    found = {one.name: one for one in problem.solutions}
    accepted = found["accepted/a.py"]
    assert (accepted.allowed_verdicts, accepted.time_limit_use) == ((Verdict.AC,), None)
    mixed = found["mixed/b.py"]
    assert mixed.allowed_verdicts == (Verdict.WA, Verdict.TLE)
    assert mixed.score == (10, 20)
    assert mixed.expectations[1] == Expectation(tests="secret/a", permitted=(Verdict.AC,))
    assert mixed.time_limit_use == "lower"
    slow = found["mixed/x.cpp"]
    assert slow.expected is Verdict.TLE
    assert (slow.expectations[0].message, slow.time_limit_use) == ("too slow", "upper")
    assert set(found["rejected/r.py"].allowed_verdicts) == {Verdict.WA, Verdict.TLE, *CRASH}
    assert found["time_limit_exceeded/t.py"].time_limit_use == "upper"
    assert read_one("x.md", to_native(problem)) == problem
    assert list(problem.metadata["other_submissions"]) == ["submissions/elsewhere/e.py"]  # type: ignore[arg-type]  # a mapping


def test_annotations_name_verdicts_and_scores(tmp_path: Path) -> None:
    files = {
        **LEGACY,
        "submissions/mixed/m.py": "# @EXPECTED_RESULTS@: WRONG-ANSWER, TIMELIMIT\n",
        "submissions/partially_accepted/p.py": "# @EXPECTED_SCORE@: 40\n",
        "submissions/wrong_answer/w.py": "# @EXPECTED_RESULTS@: RUN-ERROR\n",
        "submissions/slow_accepted/s.py": "pass\n",
        "submissions/mixed/none.py": "pass\n",
    }
    found = {one.name: one for one in _read(tmp_path / "p", files).solutions}
    assert found["mixed/m.py"].allowed_verdicts == (Verdict.WA, Verdict.TLE)
    assert (found["partially_accepted/p.py"].score, found["partially_accepted/p.py"].partial) == ((40, 40), True)
    assert found["wrong_answer/w.py"].allowed_verdicts == CRASH
    assert found["slow_accepted/s.py"].allowed_verdicts == (Verdict.AC, Verdict.TLE)
    assert "mixed/none.py" not in found


def test_programs_of_several_files(tmp_path: Path) -> None:
    files = {
        **LEGACY,
        "submissions/accepted/py/helper.py": "import math\n",
        "submissions/accepted/py/main.py": "from helper import math\n",
        "submissions/accepted/cc/a.cc": '#include "a.h"\nint f() { return 1; }\n',
        "submissions/accepted/cc/z.cc": "int main () {}\n",
        "submissions/accepted/cc/a.h": "int f();\n",
        "submissions/accepted/both/a.cc": "int main() {}\n",
        "submissions/accepted/both/a.py": "pass\n",
        "submissions/accepted/kattio.pl": ":- use_module(library(readutil)).\n",
        "submissions/accepted/real.pl": "#!/usr/bin/perl\nprint 1;\n",
    }
    problem = _read(tmp_path / "p", files)
    found = {one.name: one for one in problem.solutions}
    assert (found["accepted/py"].file_name, list(found["accepted/py"].files)) == ("main.py", ["helper.py"])
    assert (found["accepted/cc"].file_name, list(found["accepted/cc"].files)) == ("z.cc", ["a.cc", "a.h"])
    assert (found["accepted/kattio.pl"].language, found["accepted/real.pl"].language) == ("prolog", "perl")
    assert read_one("x.md", to_native(problem)) == problem
    assert "several languages: cpp, python" in str(problem.metadata["other_submissions"])


def test_included_code_and_constants(tmp_path: Path) -> None:
    files = _with(
        NEW,
        "constants: {limit: 17}\nlanguages: [cpp, python3]\n",
        {
            "statement/problem.en.md": "At most {{limit}}, not {{other}}.",
            "include/python3/lib.py": "LIMIT = {{limit}}\n",
            "include/default/data.txt": "{{limit}}",
            "submissions/accepted/a.py": "print({{limit}})\n",
            "data/secret/a/1.in": "{{limit}}\n",
        },
    )
    problem = _read(tmp_path / "p", files)
    assert problem.statement == "At most 17, not {{other}}."
    assert problem.files_for("python") == {"lib.py": "LIMIT = 17\n"}
    assert problem.files_for("cpp") == {"data.txt": "17"}
    assert problem.solutions[0].source == "print(17)\n"
    assert _io(problem)["secret/a/1"].stdin == "{{limit}}\n"
    assert problem.languages == ("cpp", "python")


@pytest.mark.parametrize(
    ("yaml", "legacy", "rule"),
    [
        ("", True, (False, 5.0, 2.0, 1.0)),
        ("limits: {time_multiplier: 3, time_safety_margin: 4}\n", True, (False, 3.0, 4.0, 1.0)),
        ("limits: {time_resolution: 0.1, time_multipliers: {ac_to_time_limit: 3}}\n", False, (False, 3.0, 1.5, 0.1)),
        ("limits: {time_limit: 2}\n", False, (True, 2.0, 1.5, 1.0)),
    ],
)
def test_how_a_time_limit_follows_from_the_solutions(
    tmp_path: Path, yaml: str, legacy: bool, rule: tuple[bool, float, float, float]
) -> None:
    head = "name: Sum\n" if legacy else "problem_format_version: 2025-09\nname: Sum\nuuid: a\n"
    problem = _read(tmp_path / "p", {**NEW, "problem.yaml": head + yaml})
    found = problem.time_rule
    assert (found.limit_given, found.to_limit, found.from_limit, found.resolution_s) == rule


@pytest.mark.parametrize(
    ("yaml", "more", "message"),
    [
        ("type: [scoring, pass-fail]\n", {}, "field 'type': names a type twice"),
        ("languages: []\n", {}, "field 'languages'"),
        ("constants: {1a: 2}\n", {}, "field 'constants.1a'"),
        ("", {"data/secret/a/test_group.yaml": "on_reject: break\n"}, "field 'on_reject': no such key"),
        ("", {"data/secret/a/1.yaml": "colour: red\n"}, "field 'colour': no such key"),
        ("type: scoring\n", {"data/secret/a/test_group.yaml": "max_score: many\n"}, "must be a number"),
        ("type: scoring\n", {"data/secret/a/test_group.yaml": "score_aggregation: max-ish\n"}, "must be one of"),
        ("", {"submissions/submissions.yaml": "accepted: {permitted: [YES]}\n"}, "field 'permitted': must be a list"),
        ("", {"submissions/submissions.yaml": "a: {score: [1, 2, 3]}\n", "submissions/a/b.py": ""}, "field 'score'"),
        ("", {"output_validator/build": "", "output_validator/run": ""}, "holds no program in a known language"),
        ("", {"output_validator/a/v.cpp": "", "output_validator/b/v.py": ""}, "holds several output validators"),
    ],
)
def test_bad_settings_name_their_place(tmp_path: Path, yaml: str, more: dict[str, str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        _read(tmp_path / "p", _with(NEW, yaml, more))
    assert message in str(caught.value)
    assert str(caught.value).count("field '") == 1


def test_languages_of_the_sandbox_are_known_by_their_endings() -> None:
    import tomllib

    from solvent.problems.readers.program_files import LANGUAGES, language_name

    tables = tomllib.loads((Path(__file__).parents[3] / "sandbox" / "languages.toml").read_text(encoding="utf-8"))
    owners: dict[str, str] = {}
    for name, table in tables.items():
        assert language_name(name) == name
        for ending in table["extensions"]:
            owners.setdefault(ending, name)
    assert {ending: LANGUAGES.get(ending) for ending in owners} == owners


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("python3", "python"), ("cpp.g++17", "cpp"), ("cpp.gcc13-64-winlibs-g++20", "cpp20"), ("CPP17", "cpp"),
        ("python.3", "python"), ("python.pypy3-64", "pypy"), ("PYPY3", "pypy"), ("PY2", "python2"), ("PY3", "python"),
        ("java11", "java"), ("JAVA8", "java"), ("c.gcc", "c"), ("C", "c"), ("C11", "c"), ("csharp.mono", "csharp"),
        ("rust", "rust"), ("go", "go"), ("pas.fpc", "pascal"), ("javascript", "javascript"), ("kotlin19", "kotlin"),
        ("klingon", "klingon"),
    ],
)  # fmt: skip
def test_codes_of_languages(code: str, name: str) -> None:
    from solvent.problems.readers.program_files import language_name

    assert language_name(code) == name
