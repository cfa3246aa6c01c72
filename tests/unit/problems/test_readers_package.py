from __future__ import annotations

import io
import json
import os
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.errors import DataError
from solvent.problems.problem import Checker, IoTest, Problem, Verdict
from solvent.problems.readers import package_tree, read, read_one, read_text
from solvent.problems.readers.package_statement import latex_to_text, markdown_to_text

STATEMENT = r"""\problemname{Sum}
Print the \emph{sum} of $a$ and $b$ % a remark
($0 \le a \le 10^6$).
\section*{Input}
\begin{itemize}
\item one
\item \texttt{two}
\end{itemize}
"""
LEGACY = {
    "problem.yaml": "name: Sum\nvalidator_flags: float_tolerance 1e-6 case_sensitive\nlimits:\n  memory: 64\nodd: 1\n",
    ".timelimit": "3\n",
    "problem_statement/problem.en.tex": STATEMENT,
    "problem_statement/problem.sv.tex": "svenska",
    "data/sample/1.in": "1 2\r\n",
    "data/sample/1.ans": "3\n",
    "data/secret/group/b.in": "3 4\n",
    "data/secret/group/b.ans": "7\n",
    "data/secret/a.in": "1 1\n",
    "data/secret/a.ans": "2\n",
    "submissions/accepted/ok.py": "print(sum(map(int, input().split())))\n",
    "submissions/accepted/old.py": "#!/usr/bin/env python2\nprint 1\n",
    "submissions/wrong_answer/wa.cc": "int main() {}\n",
    "submissions/time_limit_exceeded/slow.java": "class Slow {}\n",
    "submissions/run_time_error/crash.c": "int main() { return 1; }\n",
    "submissions/partially_accepted/part.py": "print(1)\n",
    "submissions/accepted/many/a.cc": "int main() {}\n",
    "submissions/accepted/many/b.cc": "int f() {}\n",
    "submissions/accepted/x.unknown": "?",
}
NEW = {
    "problem.yaml": "problem_format_version: 2025-09\nname: {en: Sum, de: Summe}\nuuid: a\n"
    "limits: {time_limit: 1.5, memory: 128}\n",
    "statement/problem.en.md": "Print the sum.<script>alert(1)</script>",
    "data/secret/1.in": "1\n",
    "data/secret/1.ans": "1\n",
}
VALIDATOR = "int main() { return 42; }\n"


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return root


def _zip(files: dict[str, str], **links: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        for name, target in links.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(member, target)
    return buffer.getvalue()


def _error(root: Path, files: dict[str, str]) -> str:
    with pytest.raises(DataError) as caught:
        read_one(_write(root / "package", files))
    return str(caught.value)


def test_a_legacy_package(tmp_path: Path) -> None:
    problem = read_one(_write(tmp_path / "sum", LEGACY))
    assert (problem.id, problem.title, problem.source) == ("sum", "Sum", str(tmp_path / "sum"))
    assert (problem.limits.cpu_time_s, problem.limits.memory_mb) == (3.0, 64)
    assert problem.checker == Checker(
        case_sensitive=True,
        absolute_tolerance=1e-6,
        relative_tolerance=1e-6,
        arguments=("float_tolerance", "1e-6", "case_sensitive"),
    )
    assert problem.public_tests == (IoTest(name="sample/1", group="sample", stdin="1 2\r\n", expected="3\n"),)
    assert [test.name for test in problem.hidden_tests] == ["secret/a", "secret/group/b"]
    assert {(one.name, one.language, one.expected) for one in problem.solutions} == {
        ("accepted/ok.py", "python", Verdict.AC),
        ("accepted/old.py", "python2", Verdict.AC),
        ("run_time_error/crash.c", "c", Verdict.RE),
        ("time_limit_exceeded/slow.java", "java", Verdict.TLE),
        ("wrong_answer/wa.cc", "cpp", Verdict.WA),
        ("partially_accepted/part.py", "python", Verdict.AC),
        ("accepted/many", "cpp", Verdict.AC),
    }
    by_name = {one.name: one for one in problem.solutions}
    assert by_name["accepted/many"].file_name == "a.cc"
    assert by_name["accepted/many"].files == {"b.cc": "int f() {}\n"}
    assert by_name["partially_accepted/part.py"].partial
    assert by_name["run_time_error/crash.c"].allowed_verdicts == (Verdict.RE, Verdict.MLE, Verdict.OLE)
    assert by_name["accepted/ok.py"].allowed_verdicts == (Verdict.AC,)
    assert by_name["accepted/ok.py"].time_limit_use == "lower"
    assert set(problem.metadata["other_submissions"]) == {  # type: ignore[arg-type]  # a mapping
        "submissions/accepted/x.unknown",
    }
    assert problem.metadata["warnings"] == ["problem.yaml: unknown key 'odd' passed over"]
    assert problem.statement == ("Print the sum of $a$ and $b$ ($0 \\le a \\le 10^6$).\n\n## Input\n\n- one\n\n- `two`")


def test_a_package_of_2025_09(tmp_path: Path) -> None:
    problem = read_one(
        _write(
            tmp_path / "sum", {**NEW, "data/test_group.yaml": "output_validator_args: [float_absolute_tolerance, 0.5]"}
        )
    )
    assert (problem.title, problem.statement) == ("Sum", "Print the sum.")
    assert problem.limits.cpu_time_s == 1.5
    assert problem.checker.absolute_tolerance == 0.5
    assert problem.checker.relative_tolerance is None
    assert "warnings" not in problem.metadata


def test_custom_validators_old_and_new(tmp_path: Path) -> None:
    old = {**LEGACY, "problem.yaml": "name: a\nvalidation: custom interactive\nvalidator_flags: any thing"}
    folder = "output_validators/check/"
    files = {**old, f"{folder}validate.h": "int x;\n", f"{folder}a.cc": "int f() {}\n", f"{folder}b.cc": VALIDATOR}
    problem = read_one(_write(tmp_path / "old", files))
    assert problem.interactive
    assert problem.checker.type == "custom"
    assert problem.checker.program is not None
    assert (problem.checker.program.name, problem.checker.program.language) == ("b.cc", "cpp")
    assert problem.checker.files == {"validate.h": "int x;\n", "a.cc": "int f() {}\n"}
    assert problem.checker.arguments == ("any", "thing")
    new = {**NEW, "output_validator/v.py": "import sys\nsys.exit(42)\n"}
    new["problem.yaml"] += "type: interactive\n"
    del new["data/secret/1.ans"]
    problem = read_one(_write(tmp_path / "new", new))
    assert problem.checker.program is not None
    assert problem.interactive
    missing = {**LEGACY, "problem.yaml": "name: a\nvalidation: custom"}
    problem = read_one(_write(tmp_path / "missing", missing))
    assert problem.checker.program is None
    assert "not in the package" in str(problem.metadata["warnings"])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {**NEW, "problem.yaml": NEW["problem.yaml"] + "colour: red\n"},
            "field 'colour': no such key in format 2025-09",
        ),
        ({**NEW, "problem.yaml": "problem_format_version: 2025-09\nuuid: a\n"}, "field 'name': is missing"),
        ({**NEW, "problem.yaml": NEW["problem.yaml"].replace("memory", "ram")}, "field 'limits.ram'"),
        (
            {**NEW, "problem.yaml": "problem_format_version: 1999\n"},
            "field 'problem_format_version': '1999' is not read",
        ),
        ({**NEW, "problem.yaml": NEW["problem.yaml"] + "type: submit-answer\n"}, "submit-answer"),
        ({**NEW, "problem.yaml": NEW["problem.yaml"] + "type: karaoke\n"}, "field 'type': 'karaoke' is no type"),
        ({**NEW, "problem.yaml": "limits: 5\n"}, "field 'limits': must be a mapping"),
        ({**NEW, "problem.yaml": "limits: {memory: lots}\n"}, "field 'limits.memory': must be a positive number"),
        ({**NEW, "problem.yaml": "name: [\n"}, "problem.yaml: is not YAML"),
        ({**NEW, "problem.yaml": "- 1\n"}, "must be a mapping"),
        ({**NEW, "data/secret/2.in": "x"}, "field 'data/secret/2.ans': is missing"),
        ({**LEGACY, ".timelimit": "soon"}, "field '.timelimit': 'soon' is no number of seconds"),
        ({**LEGACY, "problem.yaml": "validator_flags: sloppy"}, "no flag 'sloppy'"),
        ({**LEGACY, "problem.yaml": "validator_flags: float_tolerance"}, "float_tolerance needs a number"),
        ({"problem.yaml": "name: a", "problem_statement/problem.pdf": "%PDF"}, "there is one as .pdf"),
        ({"problem.yaml": "name: a", "statement/problem.md": "<script>x</script>"}, "holds no text"),
        (
            {"problem.yaml": "name: a", "statement/problem.md": "x", "data/secret/1.in": "1"},
            "'data/secret/1.ans': is missing",
        ),
    ],
)
def test_bad_packages_name_the_file_and_field(tmp_path: Path, files: dict[str, str], message: str) -> None:
    error = _error(tmp_path, files)
    assert message in error
    assert "package" in error


def test_binary_test_data_is_refused(tmp_path: Path) -> None:
    root = _write(tmp_path / "package", NEW)
    (root / "data/secret/1.in").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"data/secret/1\.in.*not UTF-8"):
        read_one(root)


def test_links_are_followed_inside_the_package_only(tmp_path: Path) -> None:
    secret = tmp_path / "outside.txt"
    secret.write_text("secret", encoding="utf-8")
    root = _write(tmp_path / "package", NEW)
    (root / "data/secret/2.in").symlink_to("1.in")
    (root / "data/secret/2.ans").symlink_to("1.ans")
    assert len(read_one(root).hidden_tests) == 2
    (root / "data/secret/2.in").unlink()
    (root / "data/secret/2.in").symlink_to(secret)
    with pytest.raises(DataError, match="leads out of the package"):
        read_one(root)
    (root / "data/secret/2.in").unlink()
    (root / "data/secret/2.in").symlink_to("2.in")
    with pytest.raises(DataError, match=r"2\.in"):
        read_one(root)


def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    root = _write(tmp_path / "package", NEW)
    (root / "data/secret/1.in").unlink()
    os.mkfifo(root / "data/secret/1.in")
    with pytest.raises(DataError, match="no regular file"):
        read_one(root)


@pytest.mark.parametrize("prefix", ["", "sum/"])
def test_a_zip_archive_reads_as_the_folder_does(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "sum.zip"
    path.write_bytes(_zip({prefix + name: text for name, text in LEGACY.items()}))
    folder = read_one(_write(tmp_path / "sum", LEGACY))
    assert read_one(path).model_copy(update={"source": folder.source}) == folder


def test_several_packages_in_one_archive() -> None:
    data = _zip(
        {
            **{f"a/{k}": v for k, v in NEW.items()},
            **{f"b/{k}": v for k, v in LEGACY.items()},
            "c/problem.yaml": "name: c",
        }
    )
    results = list(read_text(data, "all.zip"))
    assert [result.id for result in results if isinstance(result, Problem)] == ["a", "b"]
    (error,) = [result for result in results if isinstance(result, DataError)]
    assert str(error).startswith("all.zip/c: field 'statement'")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:/evil"])
def test_archives_with_members_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="leads out of the archive"):
        read_one("x.zip", _zip({**NEW, name: "x"}))


def test_links_and_bombs_in_archives_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="is a link"):
        read_one("x.zip", _zip(NEW, link="/etc/passwd"))
    big = _zip({**NEW, "data/secret/big.in": "0" * 2000, "data/secret/big.ans": ""})
    monkeypatch.setattr(package_tree, "LARGEST_FILE_BYTES", 1000)
    with pytest.raises(DataError, match=r"big\.in.*is larger than"):
        read_one("x.zip", big)
    monkeypatch.setattr(package_tree, "LARGEST_PACKAGE_BYTES", 1000)
    with pytest.raises(DataError, match="unpacks to too much"):
        read_one("x.zip", big)


@given(st.text(alphabet="\\{}$%& \nabegindtmsectioxtulr*[]~\x000", max_size=80))
def test_any_latex_gives_text(source: str) -> None:
    text, _ = latex_to_text(source)
    assert "\x00" not in text
    markdown_to_text(source)


@pytest.mark.parametrize(
    "source",
    [
        "\\begin{tabular}" * 20000,
        "{" * 100000,
        "$" * 99999,
        "\\emph{" * 30000,
        "<svg" * 30000,
        "<!--" * 30000,
        "\\url{a}" * 20000,
    ],
)
def test_long_statements_do_not_hang(source: str) -> None:
    latex_to_text(source)
    markdown_to_text(source)


def test_latex_details() -> None:
    source = r"""A 5\% cut \textbf{and \texttt{x\_y}} ``quoted'' --- see \url{http://a.b/c\%d}.
\begin{verbatim}
% kept {as} is \emph{x}
\end{verbatim}
\begin{tabular}{|l|r|} \hline a & b \\ \hline 1 & $x_1$ \\ \end{tabular}
\includegraphics[width=1cm]{pic.png} \(a \cdot b\) \unknown{arg}"""
    text, name = latex_to_text(source)
    assert name == ""
    assert 'A 5% cut and `x\\_y` "quoted" — see http://a.b/c%d.' in text
    assert "% kept {as} is \\emph{x}" in text
    assert "a | b\n1 | $x_1$" in text
    assert "[figure] $a \\cdot b$ unknownarg" in text


def test_markdown_keeps_code_that_looks_like_tags() -> None:
    assert markdown_to_text("use `vector<int>` if a < b and <b>c</b> &lt; d") == "use `vector<int>` if a < b and c < d"


def _unpack(packages: Path, root: Path) -> None:
    import gzip

    opener = gzip.open if packages.suffix == ".gz" else open
    with opener(packages, "rt", encoding="utf-8") as rows:
        for line in rows:
            row = json.loads(line)
            files = {"problem.yaml": row["problem_yaml"]}
            for group in ("statement", "validators", "testdata_yaml"):
                files.update({name: text or "" for name, text in (row.get(group) or {}).items()})
            files.update({one["path"]: one["code"] for one in row["submissions"]})
            for test in row["tests"]:
                files[f"data/{test['name']}.in"] = test["input"] or ""
                files[f"data/{test['name']}.ans"] = test["answer"] or ""
            _write(root / row["id"].replace("/", "__"), files)


@pytest.mark.shared_data
def test_every_kattis_example_is_a_problem_or_has_a_named_reason(shared_data: Path, tmp_path: Path) -> None:
    _unpack(shared_data / "kattis_examples" / "packages.jsonl", tmp_path)
    results = list(read(tmp_path))
    problems = {result.id: result for result in results if isinstance(result, Problem)}
    errors = [str(result) for result in results if isinstance(result, DataError)]
    assert len(problems) == 13
    assert len(errors) == 1
    assert "problemtools__config" in errors[0]
    assert "field 'statement'" in errors[0]
    assert problems["examples__different"].checker.program is not None
    assert set(problems["examples__different"].checker.files) == {"validate.h"}
    assert problems["examples__guess"].interactive
    assert len(problems["examples__oddecho"].hidden_tests) == 16
    assert problems["tests__problems__footnote"].metadata["warnings"] is not None
    assert "<script" not in problems["tests__problems__statementxss"].statement


@pytest.mark.shared_data
def test_the_icpc_packages_read(shared_data: Path, tmp_path: Path) -> None:
    _unpack(shared_data / "icpc_2022" / "packages.jsonl.gz", tmp_path)
    results = list(read(tmp_path))
    assert len(results) == 12
    for problem in results:
        assert isinstance(problem, Problem)
        assert problem.public_tests
        assert problem.hidden_tests
        assert problem.solutions
        assert "\\section" not in problem.statement
        assert "\\begin" not in problem.statement
    food = next(problem for problem in results if isinstance(problem, Problem) and problem.title == "Food Processor")
    assert food.checker.relative_tolerance == 1e-5
