import subprocess
import sys

import pytest

HEAVY = {"langgraph", "openai", "docker", "numpy", "rich", "pydantic", "jinja2", "sympy", "httpx", "httpx2", "sqlite3"}
HEAVY |= {"fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "celery", "redis", "prometheus_client"}


def solvent(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "solvent.service", *arguments], capture_output=True, text=True, check=False
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['solvent', '--help']\n"
        "from solvent.service.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "print('modules:', ' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.rsplit("modules:", 1)[1].split()}
    assert loaded & HEAVY == set()


def test_help_tells_the_exit_codes_and_every_command() -> None:
    text = " ".join(solvent("--help").stdout.split())
    for wanted in (
        "solve",
        "batch",
        "judge",
        "problem",
        "run",
        "models",
        "strategies",
        "sandbox",
        "doctor",
        "130 interrupted",
    ):
        assert wanted in text


@pytest.mark.parametrize(
    "command", ["solve", "batch", "judge", "problem", "run", "models", "strategies", "sandbox", "doctor"]
)
def test_every_command_has_help(command: str) -> None:
    done = solvent(command, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: " in done.stdout


def test_a_misspelt_command_names_the_nearest() -> None:
    done = solvent("solv")
    assert done.returncode == 2
    assert "did you mean 'solve'" in done.stderr


def test_a_wrong_budget_is_a_usage_error() -> None:
    done = solvent("solve", "x.md", "--budget", "coins=3")
    assert done.returncode == 2
    assert "tokens, completion" in done.stderr
