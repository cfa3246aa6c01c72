"""Model servers for the cluster's tests, each a process that is killed and started again as a test likes.

`StarterModel` is the real bundled model. `ScriptedServer` says what a script tells it: for decisions and faults only.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from starter_process import StarterProcess

from solvent.benchmarks.servers import free_port
from solvent.models.script_file import ScriptLine

PROGRAM = Path(__file__).parent / "scripted_server.py"
STOP_S = 30.0


@dataclass(frozen=True)
class ServerCounts:
    """What a model server has generated since it was made, also for requests that were cut."""

    prompt_tokens: int
    completion_tokens: int


class ModelServer(Protocol):
    """A process that serves a model."""

    name: str
    """Of the profile."""

    @property
    def profile(self) -> str:
        """The profile's TOML."""
        ...

    def start(self) -> None:
        """Start it, on the same port each time; returns when it answers."""
        ...

    def kill(self) -> None:
        """SIGKILL it."""
        ...

    def stop(self) -> None:
        """Ask it to end and wait for that; does nothing where it does not run."""
        ...

    def counts(self) -> ServerCounts | None:
        """Return its own count of tokens; None where that died with it."""
        ...


class StarterModel:
    """`solvent models serve starter`.

    Args:
        options: further options of the command.
    """

    name = "starter-server"

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self._options = options
        self._process: StarterProcess | None = None
        self._counts = True

    @property
    def profile(self) -> str:
        """See `ModelServer.profile`: the one that ships, with this port."""
        shipped = (resources.files("solvent.configs") / "models" / f"{self.name}.toml").read_text()
        profile = shipped.replace('"http://127.0.0.1:8089/v1"', f'"http://127.0.0.1:{self.port}/v1"')
        assert profile != shipped
        return profile

    def start(self) -> None:
        """See `ModelServer.start`."""
        assert self._process is None, "it runs"
        self._process = StarterProcess("--port", str(self.port), *self._options)
        self._process.__enter__()

    def kill(self) -> None:
        """See `ModelServer.kill`."""
        assert self._process is not None, "it does not run"
        self._process.kill()
        self._process = None
        self._counts = False

    def stop(self) -> None:
        """See `ModelServer.stop`."""
        process, self._process = self._process, None
        if process is not None:
            self._counts = False
            process.__exit__()

    def counts(self) -> ServerCounts | None:
        """See `ModelServer.counts`."""
        if not self._counts or self._process is None:
            return None
        metrics = self._process.metrics()
        return ServerCounts(int(metrics["vllm:prompt_tokens_total"]), int(metrics["vllm:generation_tokens_total"]))


class ScriptedServer:
    """The scripted model behind HTTP; its count survives its death.

    Args:
        folder: of script and log.
        script: lines of the script, `ScriptLine` as mappings.
        token_s: pause before each token.
        cut_margin_tokens: of the profile; by default a reply that was cut counts at all that was reserved for it.
    """

    name = "scripted-server"

    def __init__(
        self,
        folder: Path,
        script: Iterable[Mapping[str, Any]],
        *,
        token_s: float = 0.0,
        cut_margin_tokens: int | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._script, self._log = folder / "script.jsonl", folder / "tokens.log"
        lines = [ScriptLine.model_validate(line) for line in script]
        self._script.write_text("".join(line.model_dump_json() + "\n" for line in lines))
        self._log.touch()
        self._token_s = token_s
        self._margin = cut_margin_tokens
        self._process: subprocess.Popen[str] | None = None

    @property
    def profile(self) -> str:
        """See `ModelServer.profile`."""
        fields: dict[str, str | int] = {
            "name": self.name,
            "backend": "openai",
            "base_url": f"http://127.0.0.1:{self.port}/v1",
            "model": "served",
            "context_tokens": 4000,
            "reply_tokens": 200,
            "prefix": "vllm",
            "count": "tokenize",
        }
        if self._margin is not None:
            fields["cut_margin_tokens"] = self._margin
        written = (f'"{value}"' if isinstance(value, str) else str(value) for value in fields.values())
        return "".join(f"{name} = {value}\n" for name, value in zip(fields, written, strict=True))

    def start(self) -> None:
        """See `ModelServer.start`."""
        assert self._process is None, "it runs"
        arguments = [str(self._script), str(self._log), str(self.port), str(self._token_s)]
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("serving at "), "the scripted server did not start"

    def kill(self) -> None:
        """See `ModelServer.kill`."""
        assert self._process is not None, "it does not run"
        self._process.kill()
        self._end()

    def stop(self) -> None:
        """See `ModelServer.stop`."""
        if self._process is not None:
            self._process.terminate()
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        assert process is not None
        process.wait(STOP_S)
        assert process.stdout is not None
        process.stdout.close()

    def requests(self) -> dict[str, Request]:
        """Return all requests that began, by the number that the log gives them."""
        found: dict[str, Request] = {}
        for line in self._log.read_text().splitlines():
            kind, number, *more = line.split()
            if kind == "B":
                found[number] = Request(int(more[0]))
            elif kind == "T":
                found[number].completion_tokens += 1
            elif kind == "X":
                found[number].over_at = float(more[0])
            else:
                found[number].completion_tokens, found[number].whole = int(more[0]), True
        return found

    def counts(self) -> ServerCounts:
        """See `ModelServer.counts`."""
        requests = self.requests().values()
        return ServerCounts(
            sum(request.prompt_tokens for request in requests), sum(request.completion_tokens for request in requests)
        )


@dataclass
class Request:
    """One request as the scripted server has it in its log."""

    prompt_tokens: int
    completion_tokens: int = 0
    whole: bool = False
    """It was answered to its end."""
    over_at: float | None = None
    """When nothing was generated for it any more (Unix time)."""
