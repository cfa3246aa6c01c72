"""A real worker's own port while it works, and what is written down of its jobs' artifacts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from s3_server import S3Server
from servers import RedisServer
from stored_jobs import PROBLEM
from worker_processes import Place

from solvent.agents.job import JobSpec, JobStatus
from solvent.usage import Budget
from solvent.workers.celery_app import CeleryMessages, make_app
from solvent.workers.database import open_service_database
from solvent.workers.records import JobRecord
from solvent.workers.redis_wakeups import RedisWakeups
from solvent.workers.s3_artifacts import S3Artifacts
from solvent.workers.service_records import QueuedJob
from solvent.workers.wakeups import job_topic

pytestmark = [pytest.mark.slow, pytest.mark.redis, pytest.mark.postgres]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URL of an empty bucket that processes which are started find."""
    with S3Server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield f"s3://{server.make_bucket()}/artifacts"


async def test_a_worker_tells_what_it_does_and_keeps_artifacts_in_a_bucket(
    tmp_path: Path, postgres_url: str, redis_server: RedisServer, bucket: str
) -> None:
    redis_server.lose_data()
    place = Place(tmp_path, postgres_url, redis_server.url, [{"texts": [r"so it is \boxed{2}"]}] * 3)
    parameters = {"wave": 1, "repairs": 0, "max_trajectories": 3, "max_tokens": 50}
    spec = JobSpec(id="job", problem=PROBLEM, parameters=parameters, model="scripted", budget=Budget(tokens=100_000))
    database = await open_service_database(postgres_url)
    messages, wakeups = CeleryMessages(make_app(redis_server.url)), RedisWakeups(redis_server.url)
    try:
        with place.worker("--metrics-port", "0", "-c", "7", artifacts_url=bucket) as worker:
            url = (await asyncio.to_thread(worker.until, "metrics at ")).removeprefix("metrics at ")
            await asyncio.to_thread(worker.until, "ready")
            async with wakeups.listen(job_topic("job")) as news:
                await database.store.submit([JobRecord(id="job", custom_id="job", spec=spec, created_at="")])
                await messages.send_jobs([QueuedJob("job", "interactive")])
                while not (record := await database.store.job("job")).ended:
                    await news.wait(60)
            assert record.status is JobStatus.COMPLETED
            async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
                assert (await client.get(url.replace("/metrics", "/live"))).status_code == 200
                text = (await client.get(url)).text
            worker.terminate()
            assert await asyncio.to_thread(worker.wait) == 0
        assert record.result is not None
        calls = record.result.usage.model_calls
        for line in (
            'solvent_jobs_ended_total{outcome="solved",status="completed"} 1.0',
            f'solvent_model_requests_total{{profile="scripted",result="ok"}} {calls:.1f}',
            f"solvent_spent_model_calls_total {calls:.1f}",
            f'solvent_spent_tokens_total{{kind="completion"}} {record.result.usage.completion_tokens:.1f}',
            'solvent_steps_total{phase="solve"}',
            'solvent_reaper_runs_total{result="ok"}',
            'solvent_worker_held{kind="job"} ',
            "solvent_worker_capacity 7.0",
        ):
            assert line in text, f"{line} is not in:\n{text}"
        # What the job stored is written down as its own, at the latest as the worker ends.
        store = S3Artifacts(bucket)
        assert not (place.home / "artifacts").exists()
        texts = {store.get(row.id) for row in await database.artifacts.of_job("job")}
        assert r"so it is \boxed{2}" in texts
    finally:
        await wakeups.aclose()
        await messages.aclose()
        await database.aclose()
