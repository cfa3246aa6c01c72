from pathlib import Path

import pytest
from pydantic import ValidationError

from solvent.settings import Settings


def test_the_environment_is_read_and_arguments_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOLVENT_HOME", str(tmp_path))
    monkeypatch.setenv("SOLVENT_CORES", "3")
    monkeypatch.setenv("SOLVENT_SANDBOX", "docker")
    settings = Settings(sandbox="local")
    assert (settings.home, settings.cores, settings.sandbox) == (tmp_path, 3, "local")


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLVENT_SANDBOX", "")
    assert Settings().sandbox == "auto"


@pytest.mark.parametrize(("name", "value"), [("SANDBOX", "none"), ("CORES", "0"), ("CORES", "many")])
def test_wrong_values_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SOLVENT_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_unknown_arguments_are_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Settings(colour="red")  # type: ignore[call-arg]  # that is the point
