"""docker-compose.yml: valid for Compose, and every service as hardened as it can be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from deploy_tools import REPOSITORY, require_compose, run

from solvent.models.registry import list_profiles
from solvent.service.cli.main import cli
from solvent.settings import Settings

FILES = ("docker-compose.yml", "docker-compose.local.yml")
OWN = {"prepare", "starter", "migrate", "api", "engine", "worker"}
ONE_SHOT = {"prepare", "migrate"}
PROFILES = ["--profile", "cpu", "--profile", "gpu"]


def config(*files: str) -> dict[str, Any]:
    given = [option for file in files for option in ("--file", file)]
    text = run([*require_compose(), *given, *PROFILES, "config", "--format", "json"])
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    return config(FILES[0])


@pytest.fixture(scope="module")
def services(stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = stack["services"]
    return found


@pytest.mark.parametrize("files", [FILES[:1], FILES])
@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_compose_validates_it(files: tuple[str, ...], profile: str) -> None:
    given = [option for file in files for option in ("--file", file)]
    run([*require_compose(), *given, "--profile", profile, "config", "--quiet"])


def test_all_that_the_service_needs_is_there(services: dict[str, dict[str, Any]]) -> None:
    expected = {"redis", "postgres", "chroma", "vllm", "prometheus", "grafana"} | OWN
    assert set(services) == expected
    assert services["vllm"]["profiles"] == ["gpu"]
    assert services["starter"]["profiles"] == ["cpu"]


def test_images_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        image = service["image"]
        if name in OWN:
            assert re.fullmatch(r"solvent-(service|starter):\d+\.\d+\.\d+", image), name
        else:
            assert re.fullmatch(
                r"docker\.io/[a-z/-]+:v?\d+\.\d+\.\d+[a-z-]*|.*:v?\d+\.\d+(\.\d+)?[a-z-]*@sha256:[0-9a-f]{64}", image
            ), name


def test_every_service_is_limited_and_hardened(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        limits = service["deploy"]["resources"]["limits"]
        assert float(limits["cpus"]) > 0, name
        assert int(limits["memory"]) > 0, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        if name == "prepare":
            # It gives the volumes away, once.
            assert service["cap_add"] == ["CHOWN"]
            assert service["network_mode"] == "none"
        else:
            assert not service.get("cap_add"), name
            assert int(service["user"].split(":")[0]) > 0, f"{name} is root"
        if name in ONE_SHOT:
            assert service["restart"] == "no", name
        else:
            assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name
            assert service["restart"] == "unless-stopped", name


def test_only_the_proxy_sees_the_engine(services: dict[str, dict[str, Any]]) -> None:
    sockets = {
        name
        for name, service in services.items()
        if any("docker.sock" in str(volume.get("source")) for volume in service.get("volumes", []))
    }
    assert sockets == {"engine"}
    assert services["engine"]["network_mode"] == "none"
    assert services["worker"]["environment"]["DOCKER_HOST"] == "unix:///run/engine/engine.sock"


def test_nothing_is_reached_from_elsewhere(services: dict[str, dict[str, Any]], stack: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if service.get("ports")}
    assert set(published) == {"api", "prometheus", "grafana"}
    assert all(port["host_ip"] == "127.0.0.1" for ports in published.values() for port in ports)
    assert stack["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis", "chroma", "starter", "worker", "migrate"):
        assert set(services[name]["networks"]) == {"inside"}, name


def test_secrets_are_files(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|DATABASE_URL|REDIS_URL", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert value.removeprefix("/run/secrets/") in {one["source"] for one in service["secrets"]}, (
                    f"{name}: {variable}"
                )


def test_commands_and_settings_are_known(services: dict[str, dict[str, Any]]) -> None:
    for name in OWN - {"prepare"}:
        said = CliRunner().invoke(cli, [*services[name]["command"], "--help"])
        assert said.exit_code == 0, f"{name}: {said.output}"
        for variable in services[name].get("environment", {}):
            if variable.startswith("SOLVENT_"):
                assert variable.removeprefix("SOLVENT_").removesuffix("_FILE").lower() in Settings.model_fields, (
                    f"{name}: {variable}"
                )


def test_a_worker_has_time_to_drain(services: dict[str, dict[str, Any]]) -> None:
    assert services["worker"]["stop_grace_period"] == "5m30s"
    assert Settings().worker_drain_s < 330


def test_profiles_name_services_of_the_stack(services: dict[str, dict[str, Any]]) -> None:
    folder = REPOSITORY / "configs" / "compose"
    found = {
        entry.name: entry.profile
        for entry in list_profiles(Settings(config_dir=folder))
        if entry.path.is_relative_to(folder)
    }
    assert set(found) == {"starter-server", "vllm"}
    for name, profile in found.items():
        assert profile is not None, name
        assert str(profile.base_url).split("//")[1].split(":")[0] in services
        plain = {entry.name: entry.profile for entry in list_profiles(Settings())}[name]
        assert plain is not None
        # The same model, reached in another place.
        changed = {"base_url", "notes"}
        assert profile.model_dump(exclude=changed) == plain.model_dump(exclude=changed)
    assert services["worker"]["environment"]["SOLVENT_MODEL"] == "starter-server"


def test_the_local_stack_changes_no_hardening(services: dict[str, dict[str, Any]]) -> None:
    local = config(*FILES)["services"]
    for name, service in local.items():
        for field in ("read_only", "cap_drop", "security_opt", "networks", "deploy", "secrets"):
            assert service.get(field) == services[name].get(field), f"{name}: {field}"
        assert service["user"] not in {"root", "0", "0:0"} or name == "prepare"


def test_what_is_built_comes_from_pinned_and_locked_parts() -> None:
    dockerfile = (REPOSITORY / "deploy/images/Dockerfile").read_text()
    assert re.search(
        r"^ARG BASE=docker\.io/library/python:3\.11-slim-bookworm@sha256:[0-9a-f]{64}$", dockerfile, re.MULTILINE
    )
    for line in dockerfile.splitlines():
        if "pip install" in line:
            assert "--require-hashes" in line or "--no-index" in line or line.rstrip().endswith("\\"), line
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert not any("secrets" in line or ".env" in line for line in ignored if line.startswith("!"))


def test_secrets_are_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    environment = {"SOLVENT_SECRETS": str(folder), "SOLVENT_DOCKER_SOCKET": str(tmp_path / "none.sock")}
    run(["scripts/stack_secrets.sh"], environment=environment)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(made) == {"postgres_password", "redis_password", "grafana_password", "database_url", "redis_url"}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert made["postgres_password"] in made["database_url"]
    assert len(set(made.values())) == len(made)
    run(["scripts/stack_secrets.sh"], environment=environment)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made
