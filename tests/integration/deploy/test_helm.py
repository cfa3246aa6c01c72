"""The chart: rendered by Helm, checked against schemas of Kubernetes, its query run on the service's tables."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from deploy_tools import REPOSITORY, require_tool, run
from kubernetes_schemas import VERSIONS, Schemas, require_schemas
from stored_jobs import job_records, plan

from solvent.workers.database import open_service_database
from solvent.workers.opening import libpq_url
from solvent.workers.service_records import LeaseKind

CHART = REPOSITORY / "deploy" / "helm" / "solvent"
VARIANTS: dict[str, dict[str, Any]] = {
    "least": {"secret": "solvent"},
    "everything": {
        "secret": "solvent",
        "image": {
            "repository": "registry.example/solvent",
            "digest": "sha256:" + "0a" * 32,
            "pullSecrets": [{"name": "pull"}],
        },
        "env": {"SOLVENT_LEASE_S": 20, "SOLVENT_EMBEDDER": "hashed"},
        "envFrom": [{"secretRef": {"name": "endpoints"}}],
        "artifacts": {"existingClaim": "shared"},
        "api": {"replicas": 1, "allowFrom": [{"namespaceSelector": {}}], "nodeSelector": {"disk": "fast"}},
        "worker": {"concurrency": 16, "tolerations": [{"key": "solvent", "operator": "Exists"}]},
        "engine": {"mode": "external", "host": "unix:///run/user/1000/docker.sock", "runtime": "runsc"},
        "scaling": {"min": 0, "max": 50},
        "metrics": {"allowFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]},
    },
    "no keda": {"secret": "solvent", "scaling": {"enabled": False, "replicas": 3}, "networkPolicy": {"enabled": False}},
}


@pytest.fixture(scope="module")
def helm() -> str:
    return require_tool("helm")


def render(helm: str, values: dict[str, Any], *options: str) -> list[dict[str, Any]]:
    command = [helm, "template", "release", str(CHART), "--namespace", "solvent", "--values", "-", *options]
    return [one for one in yaml.safe_load_all(run(command, given=json.dumps(values))) if one]


@pytest.fixture(params=VARIANTS, scope="module")
def manifests(request: pytest.FixtureRequest, helm: str) -> list[dict[str, Any]]:
    return render(helm, VARIANTS[request.param])


def of_kind(manifests: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def pods(manifests: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in manifests:
        if one["kind"] in {"Deployment", "Job"}:
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def test_the_chart_has_no_fault_that_helm_knows(helm: str) -> None:
    run([helm, "lint", "--strict", "--quiet", str(CHART), "--set", "secret=solvent"])


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_what_kubernetes_takes(manifests: list[dict[str, Any]], version: str) -> None:
    schemas = Schemas(require_schemas(), version)
    problems = [problem for one in manifests for problem in schemas.problems(one)]
    assert not problems, "\n".join(problems)


def test_the_schemas_find_a_wrong_field(helm: str) -> None:
    schemas = Schemas(require_schemas(), VERSIONS[-1])
    for one in render(helm, VARIANTS["least"]):
        one["spec" if "spec" in one else "metadata"]["unheard"] = 1
        assert schemas.problems(one), one["kind"]


def test_no_container_may_more_than_it_needs(manifests: list[dict[str, Any]]) -> None:
    for name, pod in pods(manifests):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for one in containers(pod):
            where = f"{name}/{one['name']}"
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, where
            assert {"cpu", "memory"} == set(one["resources"]["limits"]) == set(one["resources"]["requests"]), where
            assert ":latest" not in one["image"], where
            # Secrets come as files.
            assert not any(
                "postgresql://" in str(entry) or "secretKeyRef" in str(entry) for entry in one.get("env", [])
            ), where


def test_only_the_proxy_sees_the_engine_of_the_node(helm: str) -> None:
    for _, pod in pods(render(helm, VARIANTS["least"])):
        paths = {volume["name"] for volume in pod["volumes"] if "hostPath" in volume}
        users = {one["name"] for one in containers(pod) for mount in one["volumeMounts"] if mount["name"] in paths}
        assert users <= {"engine"}
    assert not any("hostPath" in json.dumps(pod) for _, pod in pods(render(helm, VARIANTS["everything"])))


def test_a_stop_leaves_time_to_drain(helm: str) -> None:
    found = dict(pods(render(helm, {"secret": "s", "worker": {"drainSeconds": 600}, "api": {"drainSeconds": 50}})))
    worker, api = found["release-solvent-worker"], found["release-solvent-api"]
    assert worker["terminationGracePeriodSeconds"] > 600
    assert {"name": "SOLVENT_WORKER_DRAIN_S", "value": "600"} in worker["containers"][0]["env"]
    assert api["terminationGracePeriodSeconds"] > 50 + 5
    assert api["containers"][0]["args"][-2:] == ["--drain-s", "50"]


def test_probes_ask_what_is_answered(helm: str) -> None:
    found = dict(pods(render(helm, VARIANTS["least"])))
    api = found["release-solvent-api"]["containers"][0]
    assert (api["livenessProbe"]["httpGet"]["path"], api["readinessProbe"]["httpGet"]["path"]) == ("/live", "/ready")
    worker = found["release-solvent-worker"]["containers"][0]
    assert worker["livenessProbe"]["httpGet"] == {"path": "/live", "port": "metrics"}
    assert worker["ports"] == [{"name": "metrics", "containerPort": 9464}]
    assert {"name": "SOLVENT_WORKER_METRICS_PORT", "value": "9464"} in worker["env"]


def test_arguments_and_settings_are_known(manifests: list[dict[str, Any]]) -> None:
    from click.testing import CliRunner

    from solvent.service.cli.main import cli
    from solvent.settings import Settings

    for name, pod in pods(manifests):
        for one in containers(pod):
            said = CliRunner().invoke(cli, [*one["args"], "--help"])
            assert said.exit_code == 0, f"{name}: {one['args']}: {said.output}"
            for entry in one["env"]:
                if entry["name"].startswith("SOLVENT_"):
                    field = entry["name"].removeprefix("SOLVENT_").removesuffix("_FILE").lower()
                    assert field in Settings.model_fields, f"{name}: {entry['name']}"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "secret"),
        ({"secret": "s", "engine": {"mode": "external"}}, "engine.host"),
        ({"secret": "s", "engine": {"mode": "raw"}}, "mode"),
        ({"secret": "s", "image": {"repository": "x", "tag": "latest"}}, "tag"),
        ({"secret": "s", "worker": {"concurency": 1}}, "concurency"),
        ({"secret": "s", "scaling": {"max": 0}}, "max"),
        ({"secret": "s", "env": {"lower": 1}}, "lower"),
    ],
)
def test_wrong_values_are_refused(helm: str, values: dict[str, Any], message: str) -> None:
    done = subprocess.run(
        [helm, "template", "release", str(CHART), "--values", "-"],
        input=json.dumps(values),
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert message in done.stderr


def test_profiles_of_the_chart_are_profiles(helm: str, tmp_path: Path) -> None:
    from solvent.models.registry import load_profile

    maps = of_kind(render(helm, VARIANTS["least"]), "ConfigMap")
    for name, content in maps["release-solvent-profiles"]["data"].items():
        path = tmp_path / name
        path.write_text(content)
        assert load_profile(path).name == path.stem


@pytest.mark.postgres
async def test_workers_are_scaled_by_what_is_queued_and_running(helm: str, postgres_url: str) -> None:
    """The query that KEDA runs, in the database as the service made it."""
    manifest = of_kind(render(helm, {"secret": "s", "worker": {"concurrency": 64}}), "ScaledObject")[
        "release-solvent-worker"
    ]
    [trigger] = manifest["spec"]["triggers"]
    assert trigger["metadata"]["targetQueryValue"] == "48"

    def asked() -> int:
        with psycopg.connect(libpq_url(postgres_url)) as connection:
            row = connection.execute(trigger["metadata"]["query"]).fetchone()
            assert row is not None
            [number] = row
            assert type(number) is int
            return number

    database = await open_service_database(postgres_url)
    try:
        assert asked() == 0
        store = database.store
        jobs = job_records("job", 7)
        await store.submit(jobs)
        assert asked() == 7
        claim = await store.claim(LeaseKind.JOB, jobs[0].id, holder="a", lease_s=60)
        assert claim is not None
        await store.start_trajectories(claim, [plan("t1"), plan("t2"), plan("t3")])
        assert asked() == 7 + 3
    finally:
        await database.aclose()
