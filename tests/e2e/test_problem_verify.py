"""`solvent problem verify` as a user calls it, on a package of four submissions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.bubblewrap, pytest.mark.usefixtures("require_bubblewrap")]

FILES = {
    "problem.yaml": "problem_format_version: legacy\nname: Sum\n",
    "problem_statement/problem.en.tex": "\\problemname{Sum}\nAdd two numbers.",
    "data/sample/1.in": "1 2\n",
    "data/sample/1.ans": "3\n",
    "data/secret/1.in": "5 7\n",
    "data/secret/1.ans": "12\n",
    "submissions/accepted/a.py": "print(sum(map(int, input().split())))",
    "submissions/wrong_answer/b.py": "print(3)",
    "submissions/run_time_error/c.py": "raise SystemExit(5)",
    "submissions/accepted/d.lisp": "(print 3)",
}


def package(folder: Path, **changes: str) -> Path:
    for name, text in {**FILES, **changes}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def verify(folder: Path, *arguments: str, code: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "solvent.service", "problem", "verify", "--sandbox", "local", *arguments]
    home = {**os.environ, "SOLVENT_HOME": str(folder / "home")}
    done = subprocess.run(command, cwd=folder, env=home, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_all_as_expected(tmp_path: Path) -> None:
    package(tmp_path / "sum")
    done = verify(tmp_path, "sum", code=0)
    lines = done.stdout.splitlines()
    assert lines[0] == "sum: time limit 1 s (from the accepted submissions)"
    words = {line.split()[0]: line.split() for line in lines[2:6]}
    assert words["accepted/a.py"][1:2] == ["python"]
    assert words["accepted/a.py"][-3:] == ["AC", "AC", "yes"]
    assert words["wrong_answer/b.py"][-3:-1] == ["WA", "WA"]
    assert "unknown language 'lisp'" in done.stdout
    assert lines[-1] == "3 of 4 submissions as expected · 1 not counted (see note)"
    assert "[4/4] sum" in done.stderr


def test_a_submission_that_gets_something_else(tmp_path: Path) -> None:
    package(tmp_path / "sum", **{"submissions/wrong_answer/b.py": FILES["submissions/accepted/a.py"]})
    done = verify(tmp_path, "sum", "--json", code=1)
    [problem] = json.loads(done.stdout)["problems"]
    assert (problem["ok"], problem["time_limit_found"], done.stderr) == (False, True, "")
    rows = {row["name"]: row for row in problem["submissions"]}
    assert rows["wrong_answer/b.py"]["complaints"] == ["got AC, must get WA"]
    assert rows["accepted/a.py"]["ok"]
    assert rows["accepted/d.lisp"]["verdict"] is None


def test_a_package_that_cannot_be_read_leaves_the_others(tmp_path: Path) -> None:
    package(tmp_path / "good")
    package(tmp_path / "bad", **{"problem.yaml": "name: [\n"})
    done = verify(tmp_path, "good", "bad", code=5)
    assert "bad data: bad/problem.yaml" in done.stderr
    assert done.stdout.rstrip().endswith("1 package not read")
    assert "no such file" in verify(tmp_path, "nowhere", code=5).stderr
