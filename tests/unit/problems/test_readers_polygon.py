from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from solvent.errors import DataError
from solvent.problems.problem import Checker, IoTest, Verdict
from solvent.problems.readers import read_one
from solvent.problems.view import public_view

XML = """<?xml version="1.0" encoding="utf-8" standalone="no"?>
<problem revision="3" short-name="a-plus-b" url="https://example.org/p/a-plus-b">
  <names><name language="russian" value="Slozhenie"/><name language="english" value="A+B"/></names>
  <statements>
    <statement language="english" path="statements/english/problem.tex" type="application/x-tex"/>
    <statement language="english" path="statements/.pdf/english/problem.pdf" type="application/pdf"/>
  </statements>
  <judging input-file="IN" output-file="OUT" run-count="1">
    <testset name="tests">
      <time-limit>1500</time-limit>
      <memory-limit>268435456</memory-limit>
      <test-count>3</test-count>
      <input-path-pattern>tests/%02d</input-path-pattern>
      <answer-path-pattern>tests/%02d.a</answer-path-pattern>
      <tests>
        <test method="manual" sample="true" GROUP0/>
        <test method="manual" GROUP1/>
        <test cmd="gen 5" method="generated" GROUP2/>
      </tests>
      GROUPS
    </testset>
  </judging>
  <files><resources>
    <file path="files/testlib.h" type="h.g++"/>
    <file for-types="cpp.*" path="files/grader.h" type="h.g++"><assets><asset name="SOLUTION"/></assets></file>
  </resources></files>
  <assets>
    CHECKER
    INTERACTOR
    <solutions>
      <solution tag="main"><source path="solutions/ok.cpp" type="cpp.g++17"/></solution>
      <solution tag="wrong-answer"><source path="solutions/wa.py" type="python.3"/></solution>
      <solution tag="time-limit-exceeded-or-accepted"><source path="solutions/Slow.java" type="java11"/></solution>
      <solution tag="rejected"><source path="solutions/rj.py" type="python.pypy3-64"/></solution>
      <solution tag="do-not-run"><source path="solutions/wa.py" type="python.3"/></solution>
    </solutions>
  </assets>
  <tags><tag value="math"/></tags>
</problem>
"""
CHECKER = '<checker type="testlib"><source path="files/check.cpp" type="cpp.g++17"/></checker>'
STANDARD = '<checker name="std::NAME.cpp" type="testlib"><source path="files/check.cpp" type="cpp.g++17"/></checker>'
INTERACTOR = '<interactor><source path="files/interactor.cpp" type="cpp.g++17"/></interactor>'
SCORED = {
    "GROUP0": 'group="0" points="0"',
    "GROUP1": 'group="1" points="30"',
    "GROUP2": 'group="2" points="70"',
    "GROUPS": """<groups>
        <group feedback-policy="complete" name="0" points="0.0" points-policy="complete-group"/>
        <group feedback-policy="icpc" name="1" points="30.0" points-policy="complete-group">
          <dependencies><dependency group="0"/></dependencies></group>
        <group name="2" points-policy="each-test"><dependencies><dependency group="0"/><dependency group="1"/>
        </dependencies></group></groups>""",
}
TEX = r"""\begin{problem}{A+B}{standard input}{standard output}{1 second}{256 megabytes}

Print the \textit{sum} of $a$ and $b$.

\InputFile
Two numbers.

\OutputFile
Their sum.

\Examples
\begin{example}
\exmpfile{example.01}{example.01.a}%
\end{example}

\Note
Easy.
\end{problem}
"""
FILES = {
    "statements/english/problem.tex": TEX,
    "tests/01": "1 2\n",
    "tests/01.a": "3\n",
    "tests/02": "5 5\r\n",
    "tests/02.a": "10\n",
    "tests/03": "7 1\n",
    "tests/03.a": "8\n",
    "files/testlib.h": "// testlib\n",
    "files/grader.h": "int f();\n",
    "files/check.cpp": '#include "testlib.h"\nint main() {}\n',
    "files/interactor.cpp": '#include "testlib.h"\nint main() {}\n',
    "solutions/ok.cpp": "int main() {}\n",
    "solutions/wa.py": "print(1)\n",
    "solutions/Slow.java": "class Slow {}\n",
    "solutions/rj.py": "print(2)\n",
}


def _xml(**parts: str) -> str:
    text = XML
    defaults = {"IN": "", "OUT": "", "CHECKER": CHECKER, "INTERACTOR": ""}
    defaults |= dict.fromkeys(SCORED, "")
    for key, value in {**defaults, **parts}.items():
        text = text.replace(f'"{key}"', f'"{value}"') if key in {"IN", "OUT"} else text.replace(key, value)
    return text


def _write(root: Path, xml: str, files: dict[str, str] | None = None) -> Path:
    for name, text in {**(FILES if files is None else files), "problem.xml": xml}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return root


def test_a_package(tmp_path: Path) -> None:
    problem = read_one(_write(tmp_path / "pkg", _xml()))
    assert (problem.id, problem.title, problem.tags) == ("a-plus-b", "A+B", ("math",))
    assert problem.statement == (
        "Print the sum of $a$ and $b$.\n\n## Input\n\nTwo numbers.\n\n## Output\n\nTheir sum.\n\n## Note\n\nEasy."
    )
    assert (problem.limits.cpu_time_s, problem.limits.memory_mb) == (1.5, 256)
    assert problem.public_tests == (IoTest(name="tests/1", stdin="1 2\n", expected="3\n"),)
    assert [(test.name, test.type == "io" and test.stdin) for test in problem.hidden_tests] == [
        ("tests/2", "5 5\r\n"),
        ("tests/3", "7 1\n"),
    ]
    assert (problem.checker.type, problem.checker.style) == ("custom", "testlib")
    assert problem.checker.program is not None
    assert problem.checker.program.language == "cpp"
    assert problem.checker.files == {"testlib.h": "// testlib\n", "grader.h": "int f();\n"}
    assert problem.files_for("cpp") == {"grader.h": "int f();\n"}
    assert problem.files_for("python") == {}
    assert {(one.name, one.language, one.allowed_verdicts[:2]) for one in problem.solutions} == {
        ("ok.cpp", "cpp", (Verdict.AC,)),
        ("wa.py", "python", (Verdict.WA,)),
        ("Slow.java", "java", (Verdict.TLE, Verdict.AC)),
        ("rj.py", "pypy", (Verdict.WA, Verdict.TLE)),
    }
    assert problem.metadata["other_submissions"] == {"solutions/wa.py": "no verdict belongs to the tag 'do-not-run'"}
    assert "warnings" not in problem.metadata
    assert not problem.scoring
    assert problem.groups == ()


def test_groups_points_and_dependencies(tmp_path: Path) -> None:
    problem = read_one(_write(tmp_path / "pkg", _xml(**SCORED)))
    assert problem.scoring
    by_name = {group.name: group for group in problem.groups}
    assert list(by_name) == ["", "tests", "tests/0", "tests/1", "tests/2"]
    one, two = by_name["tests/1"], by_name["tests/2"]
    assert (one.aggregation, one.on_reject, one.max_score, one.requires) == ("pass_fail", "break", 30.0, ("tests/0",))
    assert (two.aggregation, two.on_reject, two.max_score) == ("sum", "continue", None)
    assert two.requires == ("tests/0", "tests/1")
    points = {test.name: test.points for test in problem.hidden_tests if test.type == "io"}
    assert points == {"tests/1/2": None, "tests/2/3": 70.0}


def test_interactive_and_file_input(tmp_path: Path) -> None:
    xml = _xml(IN="a.in", OUT="a.out", INTERACTOR=INTERACTOR, CHECKER=STANDARD.replace("NAME", "ncmp"))
    problem = read_one(_write(tmp_path / "pkg", xml, {k: v for k, v in FILES.items() if not k.endswith(".a")}))
    assert problem.interactive
    assert problem.interactor is not None
    assert problem.interactor.style == "testlib"
    assert "testlib.h" in problem.interactor.files
    assert problem.checker.type == "custom"
    view = public_view(problem)
    assert (view.input_file, view.output_file, view.interactive) == ("a.in", "a.out", True)
    assert len(view.judging_notes) == 3


@pytest.mark.parametrize(
    ("name", "checker"),
    [
        ("wcmp", Checker(case_sensitive=True)),
        ("nyesno", Checker()),
        ("rcmp9", Checker(case_sensitive=True, absolute_tolerance=1e-9, relative_tolerance=1e-9)),
        ("uncmp", Checker(type="unordered_tokens", case_sensitive=True)),
    ],
)
def test_standard_checkers_become_ours(tmp_path: Path, name: str, checker: Checker) -> None:
    problem = read_one(_write(tmp_path / "pkg", _xml(CHECKER=STANDARD.replace("NAME", name))))
    assert problem.checker == checker
    assert problem.metadata["checker"] == f"testlib's {name}"


def test_a_standard_checker_without_an_equal_is_run(tmp_path: Path) -> None:
    problem = read_one(_write(tmp_path / "pkg", _xml(CHECKER=STANDARD.replace("NAME", "lcmp"))))
    assert problem.checker.style == "testlib"


def test_sections_go_before_the_whole_statement_and_html_comes_last(tmp_path: Path) -> None:
    sections = {"statement-sections/english/legend.tex": "Legend.\n", "statement-sections/english/input.tex": "In.\n"}
    assert read_one(_write(tmp_path / "a", _xml(), {**FILES, **sections})).statement == "Legend.\n\n## Input\n\nIn."
    html = _xml().replace("english/problem.tex", ".html/english/problem.html").replace("application/x-tex", "text/html")
    files = {
        **FILES,
        "statements/.html/english/problem.html": "<html><head><style>x</style></head><p>Say &lt;b&gt;.</p>",
    }
    assert read_one(_write(tmp_path / "b", html, files)).statement == "Say <b>."
    bare = {name: text for name, text in FILES.items() if not name.startswith("statements/")}
    problem = read_one(_write(tmp_path / "c", _xml(), bare))
    assert "no statement" in str(problem.metadata["warnings"])


@pytest.mark.parametrize(
    ("xml", "drop", "message"),
    [
        (_xml(), "tests/03", "1 of 3 tests are not in the package, the first is tests/03"),
        (_xml(), "tests/02.a", "field 'tests/02.a': is missing"),
        (_xml(), "files/check.cpp", "field 'files/check.cpp': is not in the package"),
        (_xml().replace("1500", "soon"), "", "'soon' is no number"),
        (_xml()[:300], "", "is not XML"),
        ("<problem/>", "", "has no <judging>"),
        ("<problem><judging/></problem>", "", "has no <testset>"),
        ('<!DOCTYPE p [<!ENTITY a "b">]><problem>&a;</problem>', "", "has a document type"),
    ],
)
def test_bad_packages_say_what_is_wrong_and_what_helps(tmp_path: Path, xml: str, drop: str, message: str) -> None:
    files = {name: text for name, text in FILES.items() if name != drop}
    with pytest.raises(DataError) as caught:
        read_one(_write(tmp_path / "pkg", xml, files))
    assert message in str(caught.value)
    assert str(caught.value).count("field") == 1
    assert "pkg" in str(caught.value)


def test_a_missing_testlib_is_said(tmp_path: Path) -> None:
    files = {name: text for name, text in FILES.items() if name != "files/testlib.h"}
    problem = read_one(_write(tmp_path / "pkg", _xml(), files))
    assert "add files/testlib.h" in str(problem.metadata["warnings"])


@pytest.mark.parametrize("prefix", ["", "pkg/"])
def test_a_zip_archive_reads_as_the_folder_does(tmp_path: Path, prefix: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {**FILES, "problem.xml": _xml()}.items():
            archive.writestr(prefix + name, text)
    zipped = read_one("pkg.zip", buffer.getvalue())
    folder = read_one(_write(tmp_path / "pkg", _xml()))
    assert zipped.model_copy(update={"source": folder.source}) == folder
