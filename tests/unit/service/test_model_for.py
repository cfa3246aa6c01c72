from __future__ import annotations

from pathlib import Path

import click
import pytest

from solvent.agents.job import JobSpec
from solvent.errors import ConfigError
from solvent.problems.problem import Problem, ProblemKind
from solvent.service.cli.options import load_settings, parse_model_for, roles_of
from solvent.workers.embedded import check_models


def test_options_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLVENT_MODEL_FOR", "refine=cheap, verify=judge")
    assert roles_of(load_settings(model_for=parse_model_for(()))) == {"refine": "cheap", "verify": "judge"}
    assert roles_of(load_settings(model_for=parse_model_for(("refine=a=b",)))) == {"refine": "a=b"}


@pytest.mark.parametrize("text", ["refine", "refine=", "=cheap"])
def test_an_option_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="ROLE=PROFILE"):
        parse_model_for((text,))


@pytest.mark.parametrize(("text", "words"), [("cook=cheap", "there is no role 'cook'"), ("refine", "'refine' is not")])
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, text: str, words: str) -> None:
    monkeypatch.setenv("SOLVENT_MODEL_FOR", text)
    with pytest.raises(ConfigError, match=words):
        roles_of(load_settings())


def test_a_model_is_not_given_a_role_that_it_cannot_play(tmp_path: Path) -> None:
    profile = tmp_path / "solver.toml"
    profile.write_text('name = "solver"\nbackend = "starter"\ncontext_tokens = 512\nroles = ["solve", "tests"]\n')
    problem = Problem(id="p", kind=ProblemKind.STDIO, statement="x")
    spec = JobSpec(id="j", problem=problem, model_for={"verify": str(profile)})
    with pytest.raises(ConfigError, match="solver: its model cannot play the role verify") as raised:
        check_models(load_settings(), spec)
    assert raised.value.remedy == "it plays solve, tests; give verify to another one"
