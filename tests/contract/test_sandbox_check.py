"""The check that users run on their machines, on every backend of this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from sandboxes import BACKENDS, make_sandbox

from solvent.sandbox.check.contract import PROBES, Progress, check_sandbox


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
async def test_every_promise_holds(request: pytest.FixtureRequest, backend: str) -> None:
    sandbox = make_sandbox(backend, request)
    began: list[str] = []
    try:
        await sandbox.start()
        contract = await check_sandbox(sandbox, Progress(began.append, lambda _: None, lambda _: None))
    finally:
        await sandbox.aclose()
    assert {one.probe.name: one.detail for one in contract.findings if one.state == "broken"} == {}
    weaker = {one.probe.guarantee for one in contract.findings if one.state == "weaker"}
    assert weaker == {name for name, holds in contract.info.guarantees.items() if not holds}
    assert not weaker or backend == "plain-user"
    assert {found.language.name: found.detail for found in contract.languages if found.works is False} == {}
    assert contract.speed is not None
    assert len(began) > len(PROBES)


@pytest.mark.bubblewrap
@pytest.mark.usefixtures("require_bubblewrap")
def test_the_command_lists_languages_and_says_where_no_sandbox_is() -> None:
    command = [sys.executable, "-m", "solvent.service", "sandbox", "languages", "--backend", "local", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = {row["language"]: row for row in json.loads(done.stdout)}
    assert rows["python"]["state"] == "works"
    assert rows["python"]["version"].startswith("Python 3")
    nowhere = [*command[:-4], "check", "--backend", "docker"]
    environment = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = subprocess.run(nowhere, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 3
    assert "remedy: " in done.stdout
