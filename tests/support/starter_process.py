"""`solvent models serve starter` as a process of its own, on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping

WAIT_S = 120.0


class StarterProcess:
    """The process; as a context manager it starts, serves and stops by SIGTERM.

    Args:
        options: further options of the command.
        environment: further variables.
    """

    def __init__(self, *options: str, environment: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-c", "from solvent.service.cli.main import main; main()"]
        self._command = [*command, "models", "serve", "starter", "--port", "0", *options]
        self._environment = {**os.environ, **(environment or {})}
        self.base_url = ""

    def __enter__(self) -> StarterProcess:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._environment
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.fullmatch(r"serving starter at (http://\S+/v1)\n", line)
        if found is None:
            _, errors = self._process.communicate()
            raise AssertionError(f"the server did not start: {line}{errors}")
        self.base_url = found[1]
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process.poll() is None:
            self.terminate()
        code, errors = self.wait()
        assert code == 0, errors
        assert "Traceback" not in errors, errors

    @property
    def root(self) -> str:
        """URL without /v1."""
        return self.base_url.removesuffix("/v1")

    def terminate(self) -> None:
        """Ask it to end, as a service manager does."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash of the machine does; no context manager ends it then."""
        self._process.kill()
        self._process.communicate()

    def wait(self) -> tuple[int, str]:
        """Return the exit code and what it wrote on standard error."""
        try:
            _, errors = self._process.communicate(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        except ValueError:  # it was waited for before
            errors = ""
        return self._process.returncode, errors

    def metrics(self) -> dict[str, float]:
        """Return each metric's value by its name, summed over labels."""
        with urllib.request.urlopen(f"{self.root}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        values: dict[str, float] = {}
        for line in lines:
            if not line.startswith("#"):
                name = line.partition("{")[0]
                values[name] = values.get(name, 0.0) + float(line.rsplit(" ", 1)[1])
        return values
