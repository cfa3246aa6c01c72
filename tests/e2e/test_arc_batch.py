"""ARC from the file of tasks to the submission: `solvent batch run` as a real process, with the scripted oracle."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from solvent.benchmarks.arc.script import NOTHING, write_oracle
from solvent.problems.problem import CallTest, Problem
from solvent.problems.readers.registry import read

pytestmark = [pytest.mark.bubblewrap, pytest.mark.usefixtures("require_bubblewrap")]

TASKS = (
    "007bbfb7", "00d62c1b", "0520fde7", "0dfd9992", "1cf80156", "1e0a9b12", "67a3c6ac", "6150a2bd",
    "74dd1130", "ff28f65a", "017c7c7b", "d0f5fe59",
)  # fmt: skip


def solvent(home: Path, *arguments: str, code: int) -> str:
    environment = {**os.environ, "SOLVENT_HOME": str(home), "SOLVENT_SANDBOX": "local"}
    command = [sys.executable, "-m", "solvent.service", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_what_the_oracle_covers_is_solved_and_submitted(shared_data: Path, tmp_path: Path) -> None:
    with gzip.open(shared_data / "arc_agi_1" / "training.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = {row["id"]: row for row in map(json.loads, file)}
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text("".join(json.dumps(rows[name]) + "\n" for name in TASKS))
    problems = [problem for problem in read(tasks) if isinstance(problem, Problem)]
    written = write_oracle(problems, tmp_path)
    uncovered = [name for name in TASKS if name not in written.covered]
    assert len(written.covered) >= 9
    assert uncovered, "what a model cannot solve belongs to the test"

    home = tmp_path / "home"
    options = ["--model", str(written.profile), "--param", "max_trajectories=2", "--param", "repairs=0", "--json"]
    board = json.loads(solvent(home, "batch", "run", str(tasks), *options, "--quiet", code=1))
    jobs: dict[str, dict[str, Any]] = {row["problem_id"]: row for row in board["jobs"]}
    for name, problem in {problem.id: problem for problem in problems}.items():
        job = jobs[name]
        assert len(job["attempts"]) == len(rows[name]["test"])
        if name in uncovered:
            assert (job["outcome"], job["grade"]["verdict"], job["grade"]["strict"]) == ("unsolved", "WA", False)
            continue
        assert job["outcome"] == "solved"
        assert [one["verdict"] for one in job["evidence"]["public_tests"]] == ["AC"] * len(problem.public_tests)
        assert [one["attempt_1"] for one in job["attempts"]] == [test["output"] for test in rows[name]["test"]]
        assert (job["grade"]["passed"], job["grade"]["strict"]) == (len(rows[name]["test"]), True)
    share = len(written.covered) / len(TASKS)
    assert board["totals"]["grids"] == {"tasks": len(TASKS), "official": round(share, 6), "strict": round(share, 6)}

    file_ = tmp_path / "submission.json"
    solvent(home, "batch", "submission", board["id"], "--out", str(file_), code=0)
    submission = json.loads(file_.read_text())
    assert sorted(submission) == sorted(TASKS)
    for name in TASKS:
        assert [sorted(one) for one in submission[name]] == [["attempt_1", "attempt_2"]] * len(rows[name]["test"])
        if name in written.covered:
            assert submission[name][0]["attempt_1"] == rows[name]["test"][0]["output"]


def test_no_output_of_a_test_input_is_in_what_the_oracle_says(shared_data: Path, tmp_path: Path) -> None:
    problems = [
        problem
        for problem in read(shared_data / "arc_agi_1" / "training.jsonl.gz")
        if isinstance(problem, Problem) and problem.id in TASKS
    ]
    write_oracle(problems, tmp_path / "known")
    blind = [
        problem.model_copy(
            update={
                "hidden_tests": tuple(
                    CallTest(name=test.name, arguments=test.arguments)
                    for test in problem.hidden_tests
                    if isinstance(test, CallTest)
                )
            }
        )
        for problem in problems
    ]
    write_oracle(blind, tmp_path / "blind")
    told = (tmp_path / "known" / "arc-oracle.jsonl").read_text()
    assert told == (tmp_path / "blind" / "arc-oracle.jsonl").read_text()
    assert NOTHING in told
