"""`solvent serve all`: a batch over HTTP on the bundled model, through a `kill -9`; a batch of its own home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from api_process import ApiProcess

from solvent.service.client import Client

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]
JOBS = 6


def problem(number: int) -> dict[str, Any]:
    return {
        "id": f"add-{number}",
        "statement": f"Read an integer. Add {number}. Print it.",
        "public_tests": [
            {"stdin": "4\n", "expected": f"{4 + number}\n"},
            {"stdin": "-12\n", "expected": f"{number - 12}\n"},
        ],
        "hidden_tests": [{"stdin": "100\n", "expected": f"{100 + number}\n"}],
    }


@pytest.mark.usefixtures("require_bubblewrap")
def test_a_batch_ends_whole_though_the_service_is_killed(tmp_path: Path) -> None:
    # Leases of 30 s: what a process held that died on this machine is had at once.
    environment = {"SOLVENT_HOME": str(tmp_path), "SOLVENT_REAP_S": "1"}
    options = ("--sandbox", "local")
    process = ApiProcess(*options, environment=environment, what="all")
    process.__enter__()
    with Client(process.url) as client:
        batch = client.submit_batch({"problems": [problem(number) for number in range(1, JOBS + 1)]})
        first = next(client.results(batch["id"], follow=True))
        assert first["status"] == "completed"
        process.kill()
        process.wait()
    with ApiProcess(*options, environment=environment, what="all") as process, Client(process.url) as client:
        rows = list(client.results(batch["id"], follow=True))
        assert sorted(row["custom_id"] for row in rows) == sorted(f"add-{number}" for number in range(1, JOBS + 1))
        assert {row["status"] for row in rows} == {"completed"}
        assert any(row["outcome"] == "solved" and row["grade"]["verdict"] == "AC" for row in rows)
        for row in rows:
            kinds = [envelope.event.type for envelope in client.events(row["job_id"])]
            assert kinds.count("job.finished") == 1


@pytest.mark.usefixtures("require_bubblewrap")
def test_it_works_on_what_is_submitted_on_its_home(tmp_path: Path) -> None:
    environment = {"SOLVENT_HOME": str(tmp_path / "home"), "SOLVENT_REAP_S": "1"}
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(json.dumps(problem(number)) for number in (1, 2)), encoding="utf-8")

    def solvent(*arguments: str) -> str:
        command = [sys.executable, "-m", "solvent.service", *arguments]
        given = {**os.environ, **environment, "SOLVENT_URL": ""}
        return subprocess.run(command, env=given, text=True, stdout=subprocess.PIPE, timeout=300).stdout

    with ApiProcess("--sandbox", "local", environment=environment, what="all") as process, Client(process.url) as there:
        batch_id = solvent("batch", "submit", str(path)).strip()
        here = json.loads(solvent("batch", "watch", batch_id, "--json"))
        assert [row["status"] for row in here["jobs"]] == ["completed", "completed"]
        assert list(there.rows(batch_id, order="batch")) == here["jobs"]
        assert there.batch(batch_id)["ended"] == 2
