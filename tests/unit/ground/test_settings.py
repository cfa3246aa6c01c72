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


def test_a_secret_is_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://ada:secret@db/solvent\n")
    monkeypatch.setenv("SOLVENT_DATABASE_URL_FILE", str(tmp_path / "url"))
    settings = Settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://ada:secret@db/solvent"
    assert "secret" not in repr(settings)


def test_a_value_in_two_places_or_in_none_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOLVENT_REDIS_URL_FILE", str(tmp_path / "none"))
    with pytest.raises(ValidationError, match=r"SOLVENT_REDIS_URL_FILE: .* cannot be read"):
        Settings()
    monkeypatch.setenv("SOLVENT_REDIS_URL", "redis://localhost")
    with pytest.raises(ValidationError, match="both set"):
        Settings()


def test_retention_is_days_of_all_and_of_single_projects(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Settings().retention_days, Settings().retention_days_for) == (None, {})
    monkeypatch.setenv("SOLVENT_RETENTION_DAYS", "30")
    monkeypatch.setenv("SOLVENT_RETENTION_DAYS_FOR", "research=90, scratch=2.5,ever=0")
    assert Settings().retention_days == 30
    assert Settings().retention_days_for == {"research": 90, "scratch": 2.5, "ever": 0}


@pytest.mark.parametrize("wrong", ["research", "research=", "a=1", "a=-3", "a=nan", "a=2,b=1"])
def test_a_project_is_kept_for_two_days_or_for_ever(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("SOLVENT_RETENTION_DAYS_FOR", wrong)
    with pytest.raises(ValidationError, match="retention_days_for"):
        Settings()
