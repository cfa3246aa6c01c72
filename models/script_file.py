"""Scripts of the scripted model as JSONL files, so that a test can run a real `solvent` process against one."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from solvent import errors
from solvent.errors import ConfigError, ProviderError, ProviderOverloaded
from solvent.models.base import ChatRequest
from solvent.models.scripted import Reply, ScriptedModel, prompt_key

if TYPE_CHECKING:
    from solvent.models.profiles import ModelProfile

_ERRORS = {
    name: getattr(errors, name)
    for name in (
        "ProviderOverloaded",
        "ProviderUnavailable",
        "ProviderRejected",
        "PromptTooLong",
        "ProviderProtocolError",
    )
}


class ScriptError(BaseModel):
    """An error that a reply ends with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    """Name of a ProviderError subclass."""
    message: str = "scripted error"
    may_have_generated: bool = False
    retry_after_s: float | None = None

    @model_validator(mode="after")
    def _known(self) -> ScriptError:
        if self.type not in _ERRORS:
            raise ValueError(f"unknown error type {self.type!r}; known: {', '.join(_ERRORS)}")
        return self

    def build(self) -> ProviderError:
        """Return the exception."""
        if self.type == "ProviderOverloaded":
            error: ProviderError = ProviderOverloaded(self.message, retry_after_s=self.retry_after_s)
            error.may_have_generated = self.may_have_generated
            return error
        built: ProviderError = _ERRORS[self.type](self.message, may_have_generated=self.may_have_generated)
        return built


class ScriptLine(BaseModel):
    """One line of a script.

    A line with `key` or `contains` answers every request that it matches; a line with neither answers one request.
    A request takes the first line whose key it has, else the first whose `contains` it has, else the next plain line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    texts: tuple[str, ...] = Field(default=("",), min_length=1)
    """Sample i gets texts[i]; the last serves all samples beyond the end."""
    key: str | None = None
    """`prompt_key` of the prompt, or the first hexadecimal digits of it."""
    contains: str | None = None
    """Text that stands somewhere in the prompt's messages."""
    error: ScriptError | None = None
    hold: bool = False
    """Never go on after `after_chunks` chunks: the place to kill the process at."""
    after_chunks: int = Field(default=0, ge=0)
    logprob: tuple[float, ...] = Field(default=(-0.25,), min_length=1)

    def reply(self) -> Reply:
        """Return the reply that this line describes."""
        return Reply(
            texts=self.texts,
            error=None if self.error is None else self.error.build(),
            gate=asyncio.Event() if self.hold else None,
            after_chunks=self.after_chunks,
            logprob=self.logprob,
        )


class ScriptFile:
    """A script and the log of the calls that it answered.

    Each call appends a JSON line (call, line, plain, key, n, seed, max_tokens, pid) to the log and flushes it to disk
    before the reply begins, under a lock; so several processes, or one that was killed and started again, go on in the
    same script where the last one was, and a test counts calls across all of them. `plain` says whether the line was
    taken in its turn, so that the log may go on under another script.

    Args:
        script: JSONL file of `ScriptLine`; empty lines are skipped.
        call_log: file that is appended to; without one, each process starts the script anew.
    """

    def __init__(self, script: Path, call_log: Path | None = None) -> None:
        self._path = script
        self._lines = read_script(script)
        self._call_log = call_log
        self._taken = 0

    def __call__(self, request: ChatRequest) -> Reply:
        """Return the reply to `request` and log the call.

        Raises:
            ConfigError: no line is left for it.
        """
        key = prompt_key(request.messages, request.prefix)
        if self._call_log is None:
            number = self._choose(request, key, self._taken)
            self._taken += 1 if self._plain(number) else 0
            return self._lines[number].reply()
        with self._call_log.open("a+", encoding="utf-8") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            log.seek(0)
            calls = [json.loads(line) for line in log if line.strip()]
            number = self._choose(request, key, sum(call["plain"] for call in calls))
            entry = {
                "call": len(calls) + 1,
                "line": number + 1,
                "plain": self._plain(number),
                "key": key,
                "n": request.n,
                "seed": request.sampling.seed,
                "max_tokens": request.sampling.max_tokens,
                "pid": os.getpid(),
            }
            log.write(json.dumps(entry) + "\n")
            log.flush()
            os.fsync(log.fileno())
        return self._lines[number].reply()

    def _plain(self, number: int) -> bool:
        return self._lines[number].key is None and self._lines[number].contains is None

    def _choose(self, request: ChatRequest, key: str, taken: int) -> int:
        for number, line in enumerate(self._lines):
            if line.key is not None and key.startswith(line.key):
                return number
        for number, line in enumerate(self._lines):
            if line.contains is not None and any(line.contains in message.content for message in request.messages):
                return number
        plain = [number for number in range(len(self._lines)) if self._plain(number)]
        if taken >= len(plain):
            raise ConfigError(
                f"{self._path}: no line answers the request with key {key[:12]}, and all {len(plain)} plain lines are "
                "taken",
                remedy="add a line to the script",
            )
        return plain[taken]


def read_script(path: Path) -> list[ScriptLine]:
    """Read a script.

    Raises:
        ConfigError: the file cannot be read, or a line is malformed; names the line and the field.
    """
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise ConfigError(f"cannot read the script {path}: {cause}") from cause
    lines = []
    for number, row in enumerate(rows, start=1):
        if not row.strip():
            continue
        try:
            lines.append(ScriptLine.model_validate_json(row))
        except ValidationError as cause:
            first = cause.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"{path}:{number}: {f'field {field}: ' if field else ''}{first['msg']}") from cause
    return lines


def open_scripted(profile: ModelProfile) -> ScriptedModel:
    """Open the scripted model of a profile.

    Raises:
        ConfigError: the profile names no script, or it is malformed.
    """
    if profile.script is None:
        raise ConfigError(f"profile {profile.name}: the backend scripted needs `script`, a JSONL file")
    return ScriptedModel(
        ScriptFile(profile.script, profile.call_log), name=profile.name, context_tokens=profile.context_tokens
    )
