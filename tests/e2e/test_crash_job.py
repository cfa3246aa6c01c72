"""A job that is killed at any event goes on where it was: nothing committed is asked for again, the result is equal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from solvent.problems.problem import IoTest, Problem, ProblemKind

CHILD = Path(__file__).with_name("crash_job_child.py")
MAX_TOKENS = 100


def essence(result: dict[str, Any]) -> dict[str, Any]:
    """What must be equal between runs: all but times and usage."""
    kept = {key: value for key, value in result.items() if key not in ("wall_s", "usage")}
    tests = [(case["name"], case["verdict"]) for case in result["evidence"]["public_tests"]]
    return {**kept, "evidence": {**result["evidence"], "public_tests": tests}}


def check_every_kill(directory: Path, problem: Problem, replies: dict[str, str], step: int) -> None:
    (directory / "problem.json").write_text(problem.model_dump_json())
    (directory / "replies.json").write_text(json.dumps(replies))
    done = subprocess.run([sys.executable, CHILD, directory, str(step)], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    whole, *runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert whole["calls"] == list(replies), "each reply is asked for once, in order"
    assert len(runs) >= 10
    for run in runs:
        place = f"killed at event {run['kill_at']} ({run['at']})"
        assert run["killed"], place
        assert essence(run["result"]) == essence(whole["result"]), place
        assert set(run["calls"]) == set(whole["calls"]), place
        again = [call for call, count in Counter(run["calls"]).items() if count > 1]
        # Only a call that was being made when the process died is made again: nobody knows how it ended.
        assert again == [] or again == run["calls_before"][-1:], place
        assert again == [] or run["at"] == "text", f"{place}: the call was committed"
        spent, usual = run["result"]["usage"], whole["result"]["usage"]
        assert spent["trajectories"] == usual["trajectories"], place
        if spent["model_calls"] == usual["model_calls"]:
            assert not again, place
            assert spent["prompt_tokens"] == usual["prompt_tokens"], place
            assert spent["completion_tokens"] == usual["completion_tokens"], place
        else:
            # Reserved and never ended: spent in full, whether or not the model had begun.
            assert spent["model_calls"] == usual["model_calls"] + 1, place
            assert spent["completion_tokens"] == usual["completion_tokens"] + MAX_TOKENS, place
        assert run["left"] == [], f"{place}: the checkpoints of an ended job are deleted"


@pytest.mark.slow
def test_math_job_survives_a_kill_at_every_event(tmp_path: Path) -> None:
    problem = Problem(id="sum", kind=ProblemKind.MATH, statement="2+2?", answer="4")
    replies = {
        "t0/0": r"\boxed{4}",
        "t1/0": "not here",
        "t1/1": r"\boxed{5}",
        "t2/0": r"so \boxed{4}",
        "t3/0": r"\boxed{4}",
    }
    check_every_kill(tmp_path, problem, replies, step=2)


@pytest.mark.slow
@pytest.mark.bubblewrap
@pytest.mark.usefixtures("require_bubblewrap")
def test_code_job_survives_a_kill_at_every_event(tmp_path: Path) -> None:
    def code(output: str) -> str:
        return f"A program:\n```python\nprint({output!r})\n```\n"

    tests = (IoTest(name="sample1", stdin="", expected="ok"), IoTest(name="sample2", stdin="", expected="ok"))
    problem = Problem(id="echo", kind=ProblemKind.STDIO, statement="Print ok.", public_tests=tests, hidden_tests=tests)
    replies = {"t0/0": code("no"), "t0/1": code("wrong"), "t1/0": code("still"), "t1/1": code("ok")}
    check_every_kill(tmp_path, problem, replies, step=4)
