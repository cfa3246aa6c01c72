"""Real `solvent worker` processes over real servers and a scripted model whose calls are logged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from solvent.models.script_file import ScriptLine
from solvent.models.scripted import tokens_of

CONTEXT_TOKENS = 4000


class Place:
    """Folder and settings that workers of one test share.

    Args:
        folder: home, profile, script and log of the calls.
        database_url: of an empty database.
        redis_url: of an empty Redis.
        script: lines of the scripted model's script.
    """

    def __init__(self, folder: Path, database_url: str, redis_url: str, script: Iterable[Mapping[str, Any]]) -> None:
        self.home = folder / "home"
        self.config_dir = folder / "config"
        self.script, self.call_log = folder / "script.jsonl", folder / "calls.jsonl"
        self.lines = [ScriptLine.model_validate(line) for line in script]
        self.script.write_text("".join(line.model_dump_json() + "\n" for line in self.lines))
        models = self.config_dir / "models"
        models.mkdir(parents=True)
        (models / "scripted.toml").write_text(
            f'name = "scripted"\nbackend = "scripted"\ncontext_tokens = {CONTEXT_TOKENS}\n'
            f'script = "{self.script}"\ncall_log = "{self.call_log}"\n'
        )
        self.settings: dict[str, str] = {
            "home": str(self.home),
            "config_dir": str(self.config_dir),
            "database_url": database_url,
            "redis_url": redis_url,
            "lease_s": "15",
            "beat_s": "1",
            "reap_s": "1",
            # On a busy machine a lease may lapse though its holder lives; that must cost time only.
            "worker_attempts": "50",
            "sandbox": "local",
        }

    def environment(self, **changes: str) -> dict[str, str]:
        settings = {**self.settings, **changes}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SOLVENT_")}
        return {**clean, **{f"SOLVENT_{name.upper()}": value for name, value in settings.items()}}

    def worker(self, *options: str, **changes: str) -> Worker:
        return Worker(self.environment(**changes), options)

    def calls(self) -> list[dict[str, Any]]:
        """What the model was asked, in order, by all processes."""
        return [json.loads(line) for line in self.call_log.read_text().splitlines()] if self.call_log.exists() else []

    def generated(self, call: Mapping[str, Any]) -> int:
        """Completion tokens of a call that was answered whole."""
        return len(tokens_of(self.lines[call["line"] - 1].texts[0]))


class Worker:
    """One process. Use as a context manager: it is killed at the end, if it still runs."""

    def __init__(self, environment: dict[str, str], options: Iterable[str]) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "solvent.service", "worker", *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def until(self, beginning: str) -> str:
        """Read lines until one that begins so."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith(beginning):
                return self.lines[-1]
        raise AssertionError(f"no line begins with {beginning!r}:\n" + "\n".join(self.lines))

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Read what is left and return the exit code."""
        assert self._process.stdout is not None
        self.lines += self._process.stdout.read().splitlines()
        return self._process.wait()
