"""`solvent serve api`, or `serve all`, as a process of its own, on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping

WAIT_S = 300.0
COMMAND = (sys.executable, "-c", "from solvent.service.cli.main import main; main()")


class ApiProcess:
    """The process; as a context manager it starts, serves and stops by SIGTERM.

    Args:
        options: further options of the command.
        environment: further variables.
        what: `api`, or `all`: with a worker in the same process.
    """

    def __init__(self, *options: str, environment: Mapping[str, str], what: str = "api") -> None:
        self._command = [*COMMAND, "serve", what, "--port", "0", *options]
        self._environment = {**os.environ, **environment}
        self.url = ""
        self.output = ""
        self.errors = ""

    def __enter__(self) -> ApiProcess:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._environment
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._reader = threading.Thread(target=self._read_errors)
        self._reader.start()
        self.output = self._process.stdout.readline()
        found = re.fullmatch(r"serving the API (?:and working )?at (http://\S+)\n", self.output)
        if found is None:
            code = self.wait()
            raise AssertionError(f"the server did not start ({code}): {self.output}{self.errors}")
        self.url = found[1]
        return self

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self.errors = self._process.stderr.read()

    def __exit__(self, *exception: object) -> None:
        if self._process.poll() is None:
            self.terminate()
        code = self.wait()
        assert code == 0, self.errors
        assert "Traceback" not in self.errors, self.errors

    def terminate(self) -> None:
        """Ask it to end, as a service manager does."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash of the machine does; `wait` is then called, and no context manager ends it."""
        self._process.kill()

    def wait(self) -> int:
        """Return the exit code; `output` and `errors` are then whole."""
        try:
            code = self._process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._reader.join(WAIT_S)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        if not self._process.stdout.closed:
            self.output += self._process.stdout.read()
            self._process.stdout.close()
            self._process.stderr.close()
        return code
