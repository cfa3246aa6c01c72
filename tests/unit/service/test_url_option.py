from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from solvent.errors import ConfigError, DataError, NotFound
from solvent.problems.readers import read_rows
from solvent.service.cli.main import cli
from solvent.service.cli.remote import item_of
from solvent.service.client import Client, path_of

NOWHERE = "http://127.0.0.1:9"


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"SOLVENT_URL": "", **environment})


@pytest.mark.parametrize("command", ["models", "strategies", "judge", "problem", "sandbox", "doctor", "serve", "keys"])
def test_other_commands_refuse_a_server(command: str) -> None:
    done = run("--url", NOWHERE, command, "--help")
    assert done.exit_code == 2
    assert f"`solvent {command}` does not work against a server yet" in done.output


def test_the_variable_is_refused_where_it_could_be_meant() -> None:
    assert run("models", "list", SOLVENT_URL=NOWHERE).exit_code == 2
    assert run("sandbox", "--help", SOLVENT_URL=NOWHERE).exit_code == 0, "a sandbox is always this machine's"


@pytest.mark.parametrize(
    "arguments",
    [
        ("solve", "x.md", "--resume", "job-1"),
        ("solve", "x.md", "--sandbox", "local"),
        ("batch", "run", "x.jsonl", "--jobs", "3"),
        ("batch", "run", "x.jsonl", "--resume"),
        ("batch", "submit", "x.jsonl", "--sandbox", "local"),
    ],
)
def test_options_of_this_machine_are_refused(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x.md", "x.jsonl"):
        Path(name).write_text('{"statement": "Say 3.", "answer": "3"}\n', encoding="utf-8")
    done = run("--url", NOWHERE, *arguments)
    assert done.exit_code == 2
    assert "is for jobs of this machine" in done.output


def test_urls_and_ids_are_checked_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match="no URL"):
        Client("localhost:8088")
    for wrong in ("", "..", "job/1", "job 1", "job?x"):
        with pytest.raises(NotFound):
            path_of(wrong)
    assert path_of("batch-1") == "/v1/batches/batch-1"
    assert path_of("job-1") == "/v1/jobs/job-1"


def test_rows_are_sent_so_that_they_read_the_same() -> None:
    rows = [
        {"id": "a", "statement": "Add.", "public_tests": [{"stdin": "1", "expected": "2"}], "custom_id": "mine"},
        {
            "task_id": "x/1",
            "prompt": "def f(a):\n    ...",
            "entry_point": "f",
            "test": "def check(c):\n    assert c(1)",
        },
        {"problem": "1 + 1?", "answer": "2"},
    ]
    read = list(read_rows(rows, "set.jsonl"))
    again = list(read_rows([item_of(found) for found in read], "request"))
    assert not any(isinstance(found, DataError) for found in again)
    assert [found.model_copy(update={"source": ""}) for found in again if not isinstance(found, DataError)] == [
        found.model_copy(update={"source": ""}) for found in read if not isinstance(found, DataError)
    ]


def test_a_row_that_cannot_be_read_keeps_its_place_without_its_path() -> None:
    (bad,) = read_rows([{"foo": 1}], "/home/me/secret/set.jsonl")
    assert isinstance(bad, DataError)
    sent = item_of(bad)["unreadable"]
    assert sent["custom_id"] == "set.jsonl:1"
    assert sent["message"].startswith("no known format")
