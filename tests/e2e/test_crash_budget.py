"""200 random runs with random caps, faults and crashes never spend one token over a cap, by the model's own count."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUNS = 200
WORKERS = 2


@pytest.mark.slow
def test_no_run_spends_one_token_over_a_cap(tmp_path: Path) -> None:
    script = Path(__file__).with_name("crash_budget_runs.py")
    each = RUNS // WORKERS
    workers = [
        subprocess.Popen(
            [sys.executable, script, tmp_path, str(number * each), str(each)], stdout=subprocess.PIPE, text=True
        )
        for number in range(WORKERS)
    ]
    outputs = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * WORKERS
    runs = [json.loads(line) for output in outputs for line in output.splitlines()]
    assert len(runs) == RUNS

    for run in runs:
        counted, place = run["counted"], f"seed {run['seed']}"
        tokens = counted["prompt"] + counted["completion"]
        for budget, ledger in zip(run["budgets"], run["ledger"], strict=True):
            assert budget["tokens"] is None or tokens <= budget["tokens"], place
            assert budget["completion_tokens"] is None or counted["completion"] <= budget["completion_tokens"], place
            assert budget["model_calls"] is None or counted["call"] <= budget["model_calls"], place
            assert budget["cost"] is None or run["cost"] <= budget["cost"] + 1e-6, place
            assert ledger["completion_tokens"] >= counted["completion"], f"{place}: the ledger forgot tokens"
            assert ledger["prompt_tokens"] >= counted["prompt"], f"{place}: the ledger forgot a prompt"
            assert ledger["model_calls"] >= counted["call"], f"{place}: the ledger forgot a call"

    # The runs are worth something only if caps were met, processes died, and tokens were generated nevertheless.
    assert sum(run["crashes"] for run in runs) > RUNS // 2
    assert {"cap_tokens", "cap_calls", "cap_cost"} <= {reason for run in runs for reason in run["refused"]}
    assert sum(run["counted"]["completion"] for run in runs) > 10 * RUNS
