"""The composed stack on this machine: images from this checkout, a batch through the API, all of it removed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lab_jobs import add_problem
from stack import Stack

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.stack, pytest.mark.usefixtures("require_docker")]
SERVERS = {"redis", "postgres", "chroma", "starter", "api", "engine", "worker", "prometheus"}
WAIT_S = 240.0
JOBS = 12


@pytest.fixture(scope="module")
def stack(require_docker: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.build()
    try:
        stack.up()
        yield stack
    finally:
        stack.down()
        assert not stack.left()


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    return stack.inside("api", "solvent", "keys", "add", "tester").strip()


def asked(stack: Stack, query: str) -> list[dict[str, Any]]:
    """Ask Prometheus."""
    answer = httpx2.get(f"http://127.0.0.1:{stack.prometheus_port}/api/v1/query", params={"query": query}, timeout=30)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


def wait_for(stack: Stack, query: str, what: str) -> list[dict[str, Any]]:
    """Ask Prometheus, which fetches every 15 s, until there is an answer."""
    until = time.monotonic() + WAIT_S
    while not (found := asked(stack, query)):
        assert time.monotonic() < until, f"{what}\n{stack.logs()}"
        time.sleep(1)
    return found


def test_everything_is_healthy_and_nobody_is_root(stack: Stack) -> None:
    states = stack.states()
    assert {name for name, one in states.items() if one["Health"] == "healthy"} == SERVERS
    assert {name for name, one in states.items() if one["State"] == "exited" and one["ExitCode"] == 0} == {
        "prepare",
        "migrate",
    }
    for name in SERVERS:
        assert stack.inside(name, "id", "-u").strip() != "0", name
        with pytest.raises(AssertionError, match=r"[Rr]ead-only file system"):
            stack.inside(name, "sh", "-c", "echo > /usr/bin/x")


def test_a_worker_reaches_no_engine_but_through_the_proxy(stack: Stack) -> None:
    program = """
import docker, os
assert not os.path.exists("/var/run/docker.sock")
try:
    docker.from_env().containers.run("solvent-sandbox:1", ["id"], privileged=True, volumes=["/:/host"])
except docker.errors.APIError as error:
    print(error.explanation)
"""
    assert "the engine's proxy refuses this" in stack.inside("worker", "/opt/solvent/bin/python", "-c", program)


def test_a_batch_runs_through_it(stack: Stack, key: str, tmp_path: Path) -> None:
    rows = [
        {"custom_id": f"add-{number}", **add_problem(number).model_dump(mode="json")} for number in range(1, JOBS + 1)
    ]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-c", "from solvent.service.cli.main import main; main()", "--url", stack.url]
    command += [
        "batch",
        "run",
        str(tmp_path / "set.jsonl"),
        "--out",
        str(tmp_path / "results.jsonl"),
        "--budget",
        "tokens=60000",
    ]
    done = subprocess.run(
        command, env={**os.environ, "SOLVENT_API_KEY": key}, capture_output=True, text=True, timeout=WAIT_S
    )
    assert done.returncode in {0, 1, 4}, f"{done.stdout}\n{done.stderr}\n{stack.logs()}"
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert sorted(one["custom_id"] for one in results) == sorted(row["custom_id"] for row in rows)
    assert {one["status"] for one in results} == {"completed"}, results
    # The bundled model is right at most of these.
    solved = sum(one["outcome"] == "solved" for one in results)
    sys.stdout.write(f"stack: jobs in {JOBS}, jobs out {len(results)}, solved {solved}\n")
    assert solved >= JOBS // 3
    assert sum(one["usage"]["prompt_tokens"] + one["usage"]["completion_tokens"] for one in results) <= 60_000


def test_prometheus_sees_what_happened(stack: Stack) -> None:
    assert {one["metric"]["job"] for one in wait_for(stack, "up == 1", "nothing is up")} >= {"prometheus"}
    for job in ("solvent-api", "solvent-worker", "model"):
        wait_for(stack, f'up{{job="{job}"}} == 1', f"{job} is not fetched")
    [judged] = wait_for(stack, "sum(solvent_sandbox_tests_total) > 0", "no verdicts are counted")
    assert float(judged["value"][1]) > 0
    [ended] = wait_for(stack, f"sum(solvent_jobs_ended_total) >= {JOBS}", "the jobs' ends are not counted")
    assert float(ended["value"][1]) == JOBS
    [tokens] = wait_for(
        stack, 'sum(vllm:generation_tokens_total{job="model"}) > 0', "the server's tokens are not counted"
    )
    assert float(tokens["value"][1]) > 0


def test_the_service_survives_the_loss_of_a_worker_and_of_the_proxy(stack: Stack, key: str) -> None:
    """`kill -9` of both: Compose starts them again, and the next job runs."""
    stack.compose("kill", "--signal", "KILL", "worker", "engine")
    stack.compose("up", "--detach", "--wait", "--wait-timeout", "180", "--no-build", timeout_s=240)
    body = {"problem": add_problem(3).model_dump(mode="json"), "budget": {"tokens": 4000}}
    with httpx2.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        job = client.post("/v1/jobs", json=body).raise_for_status().json()["id"]
        until = time.monotonic() + WAIT_S
        while (found := client.get(f"/v1/jobs/{job}").raise_for_status().json())["status"] not in {
            "completed",
            "failed",
        }:
            assert time.monotonic() < until, f"{found}\n{stack.logs()}"
            time.sleep(0.5)
    assert found["status"] == "completed", found
