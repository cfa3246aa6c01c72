"""Jobs over HTTP: what comes in, what comes out and what must not, keys, errors, idempotency."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from http_door import MATH, SECRETS, STDIO, RunningDoor, open_test_door

from solvent.errors import DependencyError, StoreError
from solvent.service.http.answers import BatchAnswer, JobAnswer
from solvent.service.http.door import Limits
from solvent.service.http.errors import MEDIA_TYPE, ProblemDetails

pytestmark = pytest.mark.asyncio(loop_scope="module")
PROBLEM = {"problem": STDIO}
AS_JSON = {"content-type": "application/json"}
AS_TEXT = {"content-type": "text/plain"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDoor]:
    home = tmp_path_factory.mktemp("home")
    limits = Limits(body_bytes=200_000, rows=50)
    async with open_test_door(f"sqlite:///{home / 'service.sqlite'}", home, limits=limits) as opened:
        await opened.add_key("ada", project="a")
        await opened.add_key("bob", project="b")
        await opened.add_key("ada's other", project="a")
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def ada(running: RunningDoor) -> AsyncIterator[httpx2.AsyncClient]:
    async with running.client(running.keys["ada"]) as client:
        yield client


async def submitted(client: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/v1/jobs", json=PROBLEM | fields)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert isinstance(body, dict)
    return body


async def test_a_job_is_stored_sent_and_told_of(running: RunningDoor, ada: httpx2.AsyncClient) -> None:
    answer = await ada.post(
        "/v1/jobs", json=PROBLEM | {"custom_id": "mine", "budget": {"tokens": 500}, "strategy": "single", "seed": 7}
    )
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{body['id']}"
    assert (body["status"], body["custom_id"], body["seed"]) == ("queued", "mine", 7)
    stored = await running.store.job(body["id"])
    assert stored.spec is not None
    assert stored.spec.problem.hidden_tests, "they grade the answer"
    assert stored.spec.budget.tokens == 500
    assert body["id"] in [job.id for job in running.sent.jobs]
    shown = (await ada.get(f"/v1/jobs/{body['id']}")).json()
    assert shown == body
    JobAnswer.model_validate(shown)


async def test_hidden_parts_never_come_back(running: RunningDoor, ada: httpx2.AsyncClient) -> None:
    texts = []
    several = await ada.post("/v1/jobs", json={"jobs": [PROBLEM, {"problem": MATH}]})
    batch = await ada.post("/v1/batches", json={"problems": [STDIO, MATH]})
    texts += [several.text, batch.text]
    batch_id = batch.json()["id"]
    rows = (await ada.get(f"/v1/batches/{batch_id}/results?order=batch")).text
    job_ids = [job["id"] for job in several.json()["data"]] + [json.loads(row)["job_id"] for row in rows.splitlines()]
    for job_id in job_ids:
        await running.end(job_id)
        texts.append((await ada.get(f"/v1/jobs/{job_id}")).text)
        texts.append((await ada.get(f"/v1/jobs/{job_id}/events")).text)
    for path in ("/v1/jobs?limit=100", "/v1/batches", f"/v1/batches/{batch_id}", f"/v1/batches/{batch_id}/results"):
        texts.append((await ada.get(path)).text)
    assert len(job_ids) == 4
    assert sum('"grade":{"verdict":"AC"' in text for text in texts), "the grade does come back"
    for text in texts:
        assert not any(secret in text for secret in SECRETS), text


async def test_rows_that_are_wrong_fail_and_the_others_go_on(running: RunningDoor, ada: httpx2.AsyncClient) -> None:
    rows = [
        PROBLEM | {"custom_id": "good"},
        {"problem": {"foo": 1}, "custom_id": "no format"},
        PROBLEM | {"strategy": "magic", "custom_id": "no strategy"},
        PROBLEM | {"model": "../../etc/passwd", "custom_id": "no model"},
        {"custom_id": "no problem"},
        17,
        {"problem": "# Three\n\nSay 3."},
    ]
    sent_before = len(running.sent.jobs)
    answer = await ada.post("/v1/jobs", json={"jobs": rows})
    assert answer.status_code == 201
    found = answer.json()["data"]
    assert [job["status"] for job in found] == ["queued", *["failed"] * 5, "queued"]
    assert [job["custom_id"] for job in found][:5] == ["good", "no format", "no strategy", "no model", "no problem"]
    assert [(job["error"] or {}).get("kind") for job in found] == [None, "data", "config", *["data"] * 3, None]
    assert "unknown strategy 'magic'" in found[2]["error"]["message"]
    assert "model" in found[3]["error"]["message"]
    assert "passwd" not in found[3]["error"]["message"]
    assert [job.id for job in running.sent.jobs[sent_before:]] == [found[0]["id"], found[6]["id"]]


async def test_pages_hold_every_job_once(running: RunningDoor) -> None:
    secret = await running.add_key("pages", project="pages")
    async with running.client(secret) as client:
        made = [(await submitted(client))["id"] for _ in range(7)]
        found: list[str] = []
        params: dict[str, Any] = {"limit": 3}
        while True:
            page = (await client.get("/v1/jobs", params=params)).json()
            found += [job["id"] for job in page["data"]]
            if page["next"] is None:
                break
            params["cursor"] = page["next"]
        assert found == made[::-1]


async def test_another_project_sees_nothing(running: RunningDoor, ada: httpx2.AsyncClient) -> None:
    job = await submitted(ada)
    batch = (await ada.post("/v1/batches", json={"problems": [STDIO]})).json()
    async with running.client(running.keys["bob"]) as bob, running.client(running.keys["ada's other"]) as other:
        for method, path in (
            ("GET", f"/v1/jobs/{job['id']}"),
            ("GET", f"/v1/jobs/{job['id']}/events"),
            ("POST", f"/v1/jobs/{job['id']}/cancel"),
            ("POST", f"/v1/jobs/{job['id']}/retry"),
            ("GET", f"/v1/batches/{batch['id']}"),
            ("GET", f"/v1/batches/{batch['id']}/results"),
            ("POST", f"/v1/batches/{batch['id']}/cancel"),
            ("POST", f"/v1/batches/{batch['id']}/retry"),
        ):
            assert (await bob.request(method, path)).json()["code"] == "not_found", path
        assert (await bob.get("/v1/jobs")).json() == {"data": [], "next": None}
        assert (await bob.get("/v1/batches")).json() == {"data": [], "next": None}
        assert (await other.get(f"/v1/jobs/{job['id']}")).status_code == 200, "keys of one project share"
    assert (await running.store.job(job["id"])).status.value == "queued"


async def test_a_cancelled_job_can_be_retried(ada: httpx2.AsyncClient) -> None:
    job = await submitted(ada)
    first, second = [await ada.post(f"/v1/jobs/{job['id']}/cancel") for _ in range(2)]
    assert (first.status_code, first.json()["stopping"], second.json()["stopping"]) == (202, 1, 0)
    assert (await ada.get(f"/v1/jobs/{job['id']}")).json()["status"] == "cancelled"
    again = await ada.post(f"/v1/jobs/{job['id']}/retry")
    assert (again.status_code, again.json()["queued"]) == (202, 1)
    assert (await ada.get(f"/v1/jobs/{job['id']}")).json()["status"] == "queued"


async def test_a_message_that_cannot_be_sent_is_no_error(running: RunningDoor, ada: httpx2.AsyncClient) -> None:
    running.sent.error = DependencyError("nothing answers at redis://:password@example")
    try:
        job = await submitted(ada)
        batch = await ada.post("/v1/batches", json={"problems": [STDIO]})
    finally:
        running.sent.error = None
    assert batch.status_code == 201
    assert (await running.store.job(job["id"])).status.value == "queued"


# Idempotency


async def test_a_request_that_comes_again_is_done_once(running: RunningDoor, ada: httpx2.AsyncClient) -> None:
    headers = {"idempotency-key": "once"}
    answers = await asyncio.gather(*(ada.post("/v1/jobs", json=PROBLEM, headers=headers) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [answer.headers.get("idempotency-replayed") for answer in answers].count("true") == 5
    assert [job.id for job in running.sent.jobs].count(answers[0].json()["id"]) == 1
    async with running.client(running.keys["bob"]) as bob:
        other = await bob.post("/v1/jobs", json=PROBLEM, headers=headers)
    assert other.json()["id"] != answers[0].json()["id"], "each API key has its own"


async def test_a_batch_that_comes_again_is_the_same_batch(ada: httpx2.AsyncClient) -> None:
    request = {"problems": [STDIO, {"foo": 1}, MATH]}
    first, again = [
        await ada.post("/v1/batches", json=request, headers={"idempotency-key": "batch once"}) for _ in range(2)
    ]
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json()["total"] == 3


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/batches"])
async def test_a_key_for_another_request_is_refused(ada: httpx2.AsyncClient, path: str) -> None:
    headers = {"idempotency-key": f"misused {path}"}
    body = PROBLEM if path == "/v1/jobs" else {"problems": [STDIO]}
    assert (await ada.post(path, json=body, headers=headers)).status_code == 201
    answer = await ada.post(path, json=body | {"seed": 99}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


# Errors


def problem_of(answer: httpx2.Response) -> ProblemDetails:
    assert answer.headers["content-type"] == MEDIA_TYPE
    found = ProblemDetails.model_validate(answer.json())
    assert found.status == answer.status_code
    assert found.type == f"urn:solvent:error:{found.code}"
    assert found.title
    assert found.detail
    return found


@pytest.mark.parametrize(
    ("method", "path", "fields", "status", "code"),
    [
        ("GET", "/v1/jobs/job-none", {}, 404, "not_found"),
        ("GET", "/v1/batches/batch-none", {}, 404, "not_found"),
        ("GET", "/v1/nothing", {}, 404, "no_such_path"),
        ("DELETE", "/v1/jobs", {}, 405, "method_not_allowed"),
        ("GET", "/v1/jobs?limit=0", {}, 422, "invalid_request"),
        ("GET", "/v1/jobs?cursor=nothing", {}, 404, "not_found"),
        ("POST", "/v1/jobs", {"content": b"{", "headers": AS_JSON}, 400, "invalid_json"),
        (
            "POST",
            "/v1/jobs",
            {"content": b"[" * 90_000, "headers": {"content-type": "application/json"}},
            400,
            "invalid_json",
        ),
        (
            "POST",
            "/v1/jobs",
            {"content": b"{}", "headers": AS_TEXT},
            415,
            "unsupported_media_type",
        ),
        ("POST", "/v1/jobs", {"json": {}}, 422, "invalid_request"),
        ("POST", "/v1/jobs", {"json": []}, 422, "invalid_request"),
        ("POST", "/v1/jobs", {"json": PROBLEM | {"extra": 1}}, 422, "invalid_request"),
        ("POST", "/v1/jobs", {"json": PROBLEM | {"budget": {"tokens": -1}}}, 422, "invalid_request"),
        ("POST", "/v1/jobs", {"json": PROBLEM | {"model": "/etc/hosts.toml"}}, 422, "invalid_request"),
        ("POST", "/v1/jobs", {"json": PROBLEM | {"model": "hosts.toml"}}, 400, "config"),
        ("POST", "/v1/jobs", {"json": PROBLEM | {"model": "nobody"}}, 400, "config"),
        ("POST", "/v1/jobs", {"json": PROBLEM | {"strategy": "magic"}}, 400, "config"),
        ("POST", "/v1/jobs", {"json": PROBLEM | {"parameters": {"nothing": 1}}}, 400, "config"),
        ("POST", "/v1/jobs", {"json": {"problem": {"foo": 1}}}, 422, "data"),
        ("POST", "/v1/jobs", {"json": {"problem": ""}}, 422, "data"),
        ("POST", "/v1/jobs", {"json": {"jobs": []}}, 422, "invalid_request"),
        ("POST", "/v1/jobs", {"json": {"jobs": [1] * 51}}, 413, "too_many_rows"),
        ("POST", "/v1/batches", {"json": {"problems": ["x"] * 51}}, 413, "too_many_rows"),
        ("POST", "/v1/jobs", {"json": PROBLEM, "headers": {"idempotency-key": "x" * 300}}, 400, "invalid_request"),
        ("POST", "/v1/jobs", {"json": {"problem": "x" * 200_001}}, 413, "body_too_large"),
        ("GET", "/v1/batches/batch-none/results?order=sideways", {}, 422, "invalid_request"),
    ],
)
async def test_errors_are_problem_details(
    ada: httpx2.AsyncClient, method: str, path: str, fields: dict[str, Any], status: int, code: str
) -> None:
    answer = await ada.request(method, path, **fields)
    assert (answer.status_code, problem_of(answer).code) == (status, code)


async def test_a_body_without_a_length_is_limited_too(ada: httpx2.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 10_000

    answer = await ada.post("/v1/jobs", content=pieces(), headers={"content-type": "application/json"})
    assert (answer.status_code, problem_of(answer).code) == (413, "body_too_large")


async def test_more_than_a_key_may_have_waiting(running: RunningDoor) -> None:
    secret = await running.add_key("few", project="few", queued=2)
    async with running.client(secret) as client:
        for _ in range(2):
            await submitted(client)
        answer = await client.post("/v1/jobs", json=PROBLEM)
    assert (answer.status_code, problem_of(answer).code) == (429, "quota_exceeded")
    assert int(answer.headers["retry-after"]) >= 1


class _Broken:
    """A database that does not answer, and whose errors tell where it is."""

    def __getattr__(self, name: str) -> Any:
        raise StoreError("cannot connect to postgresql://solvent:password@10.0.0.7/solvent")


async def test_a_database_that_does_not_answer(
    running: RunningDoor, ada: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running.door, "store", _Broken())
    answer = await ada.post("/v1/jobs", json=PROBLEM)
    found = problem_of(answer)
    assert (answer.status_code, found.code) == (503, "store")
    assert answer.headers["retry-after"]
    assert "password" not in answer.text
    assert "10.0.0.7" not in answer.text
    assert found.instance is not None
    assert found.instance in caplog.text, "the log names the failure that the client was told of"
    monkeypatch.undo()
    assert (await ada.get("/ready")).status_code == 200


# Keys


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer sk-wrong", "Basic c2std3Jvbmc=", f"Bearer sk-{'x' * 5000}"]
)
async def test_without_a_valid_key_nothing_is_told(running: RunningDoor, given: str | None) -> None:
    headers = {} if given is None else {"authorization": given}
    async with running.client() as client:
        for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/batches"), ("GET", "/v1/jobs/x/events")):
            answer = await client.request(method, path, headers=headers)
            assert (answer.status_code, problem_of(answer).code) == (401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_is_none_at_once(running: RunningDoor) -> None:
    secret = await running.add_key("short-lived")
    async with running.client(secret) as client:
        job = await submitted(client)
        key = next(key for key in await running.store.keys() if key.name == "short-lived")
        await running.store.revoke_key(key.id)
        assert (await client.get("/v1/jobs")).status_code == 401
    assert (await running.store.job(job["id"])).status.value == "queued", "what it submitted goes on"


async def test_health_needs_no_key(running: RunningDoor) -> None:
    async with running.client() as client:
        assert (await client.get("/live")).json()["status"] == "ok"
        assert (await client.get("/ready")).json()["database"] == "ok"
        metrics = await client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'solvent_http_requests_total{method="GET",route="/live",status="200"}' in metrics.text
    assert "solvent_database_up 1.0" in metrics.text


async def test_forms_of_answers_are_those_of_the_document(ada: httpx2.AsyncClient) -> None:
    batch = (await ada.post("/v1/batches", json={"problems": [STDIO], "budget": {"tokens": 9}, "name": "mine"})).json()
    assert BatchAnswer.model_validate(batch).model_dump(mode="json") == batch
    assert (batch["name"], batch["budget"]["tokens"], batch["total"]) == ("mine", 9, 1)
