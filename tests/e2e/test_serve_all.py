"""`solvent serve all`: a batch over HTTP on the bundled model, through a `kill -9` and a SIGTERM."""

from __future__ import annotations

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
    # Leases of a process that died are found again once they have lapsed.
    environment = {"SOLVENT_HOME": str(tmp_path), "SOLVENT_LEASE_S": "3", "SOLVENT_BEAT_S": "1", "SOLVENT_REAP_S": "1"}
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
