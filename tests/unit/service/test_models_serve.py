"""`solvent models serve`: what it refuses before it opens anything."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import pytest
from click.testing import CliRunner

from solvent.errors import ConfigError, DependencyError
from solvent.service.cli.models import models


def serve(arguments: Sequence[str]) -> BaseException | None:
    return CliRunner().invoke(models, ["serve", *arguments]).exception


def test_only_the_bundled_model_is_served() -> None:
    error = serve(["vllm"])
    assert isinstance(error, ConfigError)
    assert "openai" in error.message
    assert "vllm serve" in (error.remedy or "")


def test_a_key_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    error = serve(["starter", "--api-key-env", "NO_SUCH_KEY"])
    assert isinstance(error, ConfigError)
    assert "NO_SUCH_KEY" in error.message


def test_without_its_libraries_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name))
    error = serve(["starter"])
    assert isinstance(error, DependencyError)
    assert "uvicorn" in error.message
    assert "starlette" not in error.message
    assert error.remedy == "pip install 'solvent[serve]'"


def test_a_taken_port_is_a_clear_error() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        error = serve(["starter", "--port", str(taken.getsockname()[1])])
    assert isinstance(error, ConfigError)
    assert "--port" in (error.remedy or "")
