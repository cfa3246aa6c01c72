"""`solvent models show`: a profile, and the command that serves its model."""

from __future__ import annotations

import json

from click.testing import CliRunner

from solvent.service.cli.models import models

COMMAND = r"""vllm serve Qwen/Qwen3-8B \
  --max-model-len 32768 \
  --enable-prefix-caching \
  --scheduling-policy priority"""


def test_a_profile_for_vllm_is_shown_with_its_command() -> None:
    shown = CliRunner().invoke(models, ["show", "qwen3-8b"])
    assert shown.exit_code == 0, shown.output
    assert shown.output.endswith(f"serve it with:\n{COMMAND}\n")
    assert "\nserve:" not in shown.output, "the command says it"
    body = json.loads(CliRunner().invoke(models, ["show", "qwen3-8b", "--json"]).stdout)
    assert body["serve_command"] == COMMAND
    assert body["profile"]["serve"][0] == "--enable-prefix-caching"


def test_one_that_needs_no_vllm_has_none() -> None:
    shown = CliRunner().invoke(models, ["show", "starter"])
    assert "serve it with" not in shown.output
    assert "card:" in shown.output
    assert json.loads(CliRunner().invoke(models, ["show", "starter", "--json"]).stdout)["serve_command"] is None
