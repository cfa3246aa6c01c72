"""`solvent serve api` and `solvent keys` as processes: keys, secrets, the end."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
from api_process import ApiProcess
from click.testing import CliRunner
from http_door import STDIO

from solvent.errors import ConfigError
from solvent.service.cli.main import cli
from solvent.service.http.process import ApiOptions, check

pytestmark = pytest.mark.slow


def keys(home: Path, *arguments: str) -> str:
    done = CliRunner().invoke(cli, ["keys", *arguments], env={"SOLVENT_HOME": str(home)})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_server_s_life_with_keys(tmp_path: Path) -> None:
    secret = keys(tmp_path, "add", "ada", "--project", "a", "--concurrency", "2").strip()
    made = json.loads(keys(tmp_path, "add", "bob", "--json"))
    assert made["secret"] != secret
    listed = json.loads(keys(tmp_path, "list", "--json"))
    assert [key["name"] for key in listed] == ["bob", "ada"]
    assert secret not in json.dumps(listed)
    revoked = keys(tmp_path, "revoke", made["id"])
    assert made["id"] in revoked

    process = ApiProcess("--no-redis", "--require-key", "--access-log", environment={"SOLVENT_HOME": str(tmp_path)})
    with process, httpx2.Client(base_url=process.url, timeout=120, trust_env=False) as http:
        assert http.get("/v1/jobs").status_code == 401
        assert http.get("/v1/jobs", headers={"authorization": f"Bearer {made['secret']}"}).status_code == 401
        http.headers["authorization"] = f"Bearer {secret}"
        job = http.post("/v1/jobs", json={"problem": STDIO}, headers={"idempotency-key": "once"}).json()
        assert http.get("/v1/jobs").json()["data"][0]["id"] == job["id"]
        with http.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
            assert stream.status_code == 200
            process.terminate()
            events = [line for line in stream.iter_lines() if line and not line.startswith(":")]
        assert events == [], "the stream ends, and the process with it"
        assert process.wait() == 0
    assert "POST /v1/jobs" in process.errors, "requests are logged"
    for text in (process.output, process.errors):
        assert secret not in text
        assert made["secret"] not in text
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert secret.encode() not in content, file
            assert made["secret"].encode() not in content, file


def test_a_server_without_keys_is_for_this_machine_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can be reached from elsewhere"):
        check(ApiOptions(host="0.0.0.0", require_key=False))
    process = ApiProcess("--no-redis", environment={"SOLVENT_HOME": str(tmp_path)})
    with process, httpx2.Client(base_url=process.url, timeout=120, trust_env=False) as http:
        assert http.get("/v1/jobs").json() == {"data": [], "next": None}
        for headers in (
            {"host": "rebound.example"},
            {"x-forwarded-for": "8.8.8.8"},
            {"forwarded": "for=8.8.8.8"},
        ):
            answer = http.get("/v1/jobs", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert http.get("/v1/jobs", headers={"authorization": "Bearer sk-wrong"}).status_code == 401
    assert "no key is asked for" in process.errors
