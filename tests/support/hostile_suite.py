"""Hostile programs of tests/e2e/hostile: their headers, and how one is run and followed by probes in the same box."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shlex
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from solvent.problems.problem import CallTest, Checker, FunctionSpec, IoTest, Limits, Problem, ProblemKind
from solvent.sandbox.base import Program, RunLimits, RunningProgram, RunResult, RunStatus, Sandbox
from solvent.sandbox.judge import judge
from solvent.sandbox.languages import language_of_file, languages
from solvent.sandbox.tool import open_tool
from solvent.sandbox.tool_results import ToolLimits

FOLDER = Path(__file__).parent.parent / "e2e" / "hostile"
PROGRAMS = FOLDER / "programs"
ESCAPED = re.compile(rb"^ESCAPED", re.MULTILINE)
KEPT_BYTES = 1000
CONNECTED_S = 60.0
"""A connected program that has not ended by then hangs, whatever its limits say."""
MEMORY_MB = 1024
"""Memory of the sessions: one class of boxes, so that the probe comes into the box of the program."""

_FIELD = re.compile(r"^\s*(?://|#|/\*|\*)\s*([a-z_]+)(?:@([a-z-]+))?:\s*(.*?)\s*(?:\*/)?$")
_REPEAT = re.compile(r"@REPEAT (\d+) (.*?)@", re.DOTALL)
_PROBE_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TMPDIR": "/tmp",
    "HOME": None,
    "PWD": None,
}
_KNOWN = {
    "tries", "cpu_s", "wall_s", "memory_mb", "output_bytes", "processes", "file_size_mb", "open_files", "stack_mb",
    "stdin", "stdin_repeat", "arguments", "accept", "expect", "stderr", "code", "signal", "compile", "compile_s",
    "compile_mb", "log_never", "box", "runs", "victim", "backends", "machine", "cpu_at_least", "checker", "answer",
    "verdict", "function", "call", "stdout_size", "beside", "connected", "keep", "cells", "alone",
}  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """One program and what its header says; tests/e2e/hostile/README.md explains the fields."""

    path: Path
    fields: dict[str, str]

    @property
    def id(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def language(self) -> str:
        return language_of_file(self.path.name).name

    def get(self, name: str, default: str, backend: str = "") -> str:
        """Return a field, the one for this backend if there is one."""
        return self.fields.get(f"{name}@{backend}", self.fields.get(name, default))

    def accepted(self, backend: str) -> set[RunStatus]:
        return {RunStatus(word.strip()) for word in self.get("accept", "ok", backend).split(",")}

    def limits(self) -> RunLimits:
        cpu_s = float(self.get("cpu_s", "1"))
        return RunLimits(
            cpu_time_s=cpu_s,
            wall_time_s=float(self.get("wall_s", str(10 * cpu_s + 10))),
            memory_mb=int(self.get("memory_mb", "64")),
            output_bytes=int(self.get("output_bytes", "65536")),
            processes=int(self.get("processes", "32")),
            file_size_mb=int(self.get("file_size_mb", "32")),
            stack_mb=int(self.get("stack_mb", "0")) or None,
            open_files=int(self.get("open_files", "256")),
        )

    def program(self, facts: dict[str, str]) -> Program:
        source = self.path.read_text(encoding="utf-8")
        source = _REPEAT.sub(lambda match: match[2] * int(match[1]), fill(source, facts)).replace("@ZERO@", "\0")
        files = {}
        if '#include "hostile.h"' in source:
            files["hostile.h"] = (FOLDER / "support" / "hostile.h").read_text(encoding="utf-8")
        if re.search(r"^from hostile import|^import hostile", source, re.MULTILINE):
            files["hostile.py"] = (FOLDER / "support" / "hostile.py").read_text(encoding="utf-8")
        if "beside" in self.fields:
            name, _, text = self.fields["beside"].partition(" ")
            files[name] = text.encode().decode("unicode_escape")
        return Program(language=self.language, source=source, files=files)

    def stdin(self, facts: dict[str, str]) -> bytes:
        if "stdin_repeat" in self.fields:
            count, _, text = self.fields["stdin_repeat"].partition(" ")
            return text.encode().decode("unicode_escape").encode("latin-1") * int(count)
        return fill(self.get("stdin", ""), facts).encode().decode("unicode_escape").encode("latin-1")


def fill(text: str, facts: dict[str, str]) -> str:
    """Replace @NAME@ by the fact of that name."""
    for name, value in facts.items():
        text = text.replace(f"@{name.upper()}@", value)
    return text


def load() -> list[Hostile]:
    """Return all programs of languages that languages.toml has, in their order.

    Raises:
        ValueError: a header has an unknown field or none at all.
    """
    found = []
    extensions = {extension for language in languages().values() for extension in language.extensions}
    for path in sorted(PROGRAMS.glob("*/*")):
        if path.suffix not in extensions:
            continue
        fields = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            match = _FIELD.match(line)
            if match is None:
                break
            if match[1] == "coding":
                continue
            name, backend, value = match.groups()
            if name not in _KNOWN:
                raise ValueError(f"{path}: unknown field {name!r} in the header")
            fields[f"{name}@{backend}" if backend else name] = value
        if "tries" not in fields:
            raise ValueError(f"{path}: the header does not say what it tries")
        found.append(Hostile(path, fields))
    return found


@dataclass
class Outcome:
    """What a program did, as far as the sandbox tells."""

    compiled: bool
    log: str = ""
    reason: str = "ok"
    runs: list[RunResult] = field(default_factory=list)


@dataclass
class Found:
    """What the probes found after it."""

    problems: list[str]
    uids: list[int]
    supervisor: int
    """Start time of PID 1, which names the box."""


class Arena:
    """The only place of the suite that calls the sandbox. Its sandbox has one slot, so one box serves in turn."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def execute(self, hostile: Hostile, facts: dict[str, str]) -> Outcome:
        """Compile and run a program as often as its header says."""
        if "connected" in hostile.fields:
            return await self._connected(hostile, facts)
        async with self._sandbox.open(memory_mb=MEMORY_MB) as session:
            built = await session.compile(
                hostile.program(facts),
                time_s=float(hostile.get("compile_s", "10")),
                memory_mb=int(hostile.get("compile_mb", "512")),
            )
            outcome = Outcome(built.ok, built.log, built.reason)
            for _ in range(int(hostile.get("runs", "1")) if built.ok and "keep" not in hostile.fields else 0):
                result = await session.run(
                    limits=hostile.limits(),
                    stdin=hostile.stdin(facts),
                    arguments=tuple(shlex.split(hostile.get("arguments", ""))),
                )
                outcome.runs.append(result)
        if "keep" in hostile.fields:
            build = await self._sandbox.build(hostile.program(facts), time_s=10, memory_mb=512)
            keep = dict.fromkeys(hostile.fields["keep"].split(), KEPT_BYTES)
            result = await self._sandbox.run(build, limits=hostile.limits(), keep=keep)
            kept = "".join(f"{name}={data[:40]!r}\n" for name, data in sorted(result.files.items()))
            outcome.runs.append(result.model_copy(update={"stdout": result.stdout + kept.encode()}))
        return outcome

    async def _connected(self, hostile: Hostile, facts: dict[str, str]) -> Outcome:
        """Run a program with connected streams; its output is that which was received."""
        built = await self._sandbox.build(hostile.program(facts), time_s=10, memory_mb=512)
        if not built.ok:
            return Outcome(False, built.log, built.reason)
        received = []

        async def receive(running: RunningProgram) -> None:
            while part := await running.receive():
                received.append(part)

        async def send(running: RunningProgram) -> None:
            data = hostile.stdin(facts)
            for at in range(0, len(data), 1 << 16):
                await running.send(data[at : at + (1 << 16)])
            if hostile.fields["connected"] != "open":
                await running.close_stdin()

        async with (
            asyncio.timeout(CONNECTED_S),
            self._sandbox.connect(built, limits=hostile.limits()) as running,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(send(running))
            if hostile.fields["connected"] != "unread":
                group.create_task(receive(running))
            result = await running.result()
        return Outcome(True, runs=[result.model_copy(update={"stdout": b"".join(received)})])

    async def session(self, hostile: Hostile, facts: dict[str, str]) -> list[str]:
        """Run the cells of a program in a tool session; return what is wrong with what they came to."""
        cells = [cell.strip() for cell in re.split(r"^# %%$", hostile.program(facts).source, flags=re.MULTILINE)]
        limits = ToolLimits(
            cell_wall_s=float(hostile.get("wall_s", "2")),
            cell_cpu_s=float(hostile.get("cpu_s", "0.7")),
            grace_s=0.3,
            memory_mb=int(hostile.get("memory_mb", "256")),
        )
        async with asyncio.timeout(CONNECTED_S), open_tool(self._sandbox, limits) as tool:
            results = [await tool.execute(cell) for cell in cells]
        statuses = " ".join(result.status for result in results)
        problems = []
        if not re.fullmatch(hostile.fields["cells"], statuses):
            problems.append(f"the cells ended with {statuses!r}: {[result.model_dump() for result in results]}")
        told = results[-1].output + (results[-1].value.repr if results[-1].value else "")
        if not re.fullmatch(hostile.get("expect", "42"), told, re.DOTALL):
            problems.append(f"the last cell came to {told[:500]!r}")
        said = "".join(result.output for result in results).encode()
        if ESCAPED.search(said):
            problems.append(f"escaped: {said[:1000]!r}")
        return problems

    async def judged(self, hostile: Hostile, facts: dict[str, str]) -> tuple[str, str]:
        """Return verdict and message of the judge on a program that attacks the checker or the function harness."""
        limits = Limits(cpu_time_s=float(hostile.get("cpu_s", "1")), memory_mb=int(hostile.get("memory_mb", "64")))
        if "function" in hostile.fields:
            arguments, _, expected = hostile.fields["call"].partition(" => ")
            test = CallTest(name="1", arguments=tuple(json.loads(arguments)), expected=json.loads(expected))
            problem = Problem(
                id="hostile",
                kind=ProblemKind.FUNCTION,
                statement="",
                limits=limits,
                function=FunctionSpec(name=hostile.fields["function"]),
            )
            judgement = await judge(self._sandbox, problem, hostile.program(facts), [test])
        else:
            kind, *tolerances = hostile.fields["checker"].split()
            absolute, relative = (float(tolerances[0]), float(tolerances[-1])) if tolerances else (None, None)
            checker = Checker(type=kind, absolute_tolerance=absolute, relative_tolerance=relative)  # type: ignore[arg-type]  # pydantic checks it
            problem = Problem(id="hostile", kind=ProblemKind.STDIO, statement="", limits=limits, checker=checker)
            answer = _REPEAT.sub(lambda match: match[2] * int(match[1]), hostile.get("answer", ""))
            answer = answer.encode("latin-1", "backslashreplace").decode("unicode_escape")
            io_test = IoTest(name="1", stdin=hostile.stdin(facts).decode("latin-1"), expected=answer)
            judgement = await judge(self._sandbox, problem, hostile.program(facts), [io_test])
        return judgement.verdict.value, judgement.message

    async def victim(self, secret: str) -> None:
        """Run a legitimate program with a secret, whose box the next program comes into."""
        source = (FOLDER / "probe" / "victim.py").read_text(encoding="utf-8")
        result = await self._run(source, "python", f"{secret}\n".encode(), arguments=(secret,))
        assert result.stdout == f"{secret}\n".encode(), result

    async def probe(self, exclude: tuple[str, ...] = ()) -> Found:
        """Run both probes, one after the other; findings of the Python one that begin as in `exclude` are left out."""
        own = self._sandbox.info.guarantees["uid_per_run"]
        python = languages()["python"]
        asked = {
            "environment": {**_PROBE_ENVIRONMENT, **python.environment},
            "uid_per_run": own,
            "open_files": _PROBE.open_files,
            "file_bytes": max(_PROBE.file_size_mb << 20, _PROBE.output_bytes + 4096),
            "processes": max(_PROBE.processes, python.processes),
            "stack_bytes": _PROBE.memory_mb << 20,
        }
        source = (FOLDER / "probe" / "probe.py").read_text(encoding="utf-8")
        result = await self._run(source, "python", json.dumps(asked).encode())
        if result.status is not RunStatus.OK:
            return Found([f"the Python probe ended with {_told(result)}"], [], 0)
        told: dict[str, Any] = json.loads(result.stdout)
        problems = [finding for finding in told["found"] if not exclude or not finding.startswith(exclude)]
        if told["answer"] != 332833500:
            problems.append(f"the Python probe computed {told['answer']}")
        native = (FOLDER / "probe" / "probe.c").read_text(encoding="utf-8")
        header = (FOLDER / "support" / "hostile.h").read_text(encoding="utf-8")
        result = await self._run(native, "c", b"41\n", **{"hostile.h": header})
        words = result.stdout.decode(errors="replace").split()
        if result.status is not RunStatus.OK or words[:2] != ["CLEAN", "42"]:
            problems.append(f"the C probe ended with {_told(result)}")
            return Found(problems, [told["uid"]], told["supervisor"])
        return Found(problems, [told["uid"], int(words[2])], told["supervisor"])

    async def _run(
        self, source: str, language: str, stdin: bytes, arguments: tuple[str, ...] = (), **files: str
    ) -> RunResult:
        async with self._sandbox.open(memory_mb=MEMORY_MB) as session:
            program = Program(language=language, source=source, files=files)
            built = await session.compile(program, time_s=20, memory_mb=512)
            assert built.ok, built.log
            return await session.run(limits=_PROBE, stdin=stdin, arguments=arguments)


_PROBE = RunLimits(cpu_time_s=2, wall_time_s=8, memory_mb=64, output_bytes=1 << 20)


def _told(result: RunResult) -> str:
    return (
        f"{result.status} (code {result.exit_code}, signal {result.signal}, {result.fault}): "
        f"{result.stdout[-2000:]!r} {result.stderr[-2000:]!r}"
    )


def judge_outcome(hostile: Hostile, backend: str, outcome: Outcome) -> list[str]:
    """Return what is wrong with what a program came to; pure."""
    wanted = hostile.get("compile", "ok", backend)
    problems = []
    never = hostile.get("log_never", "")
    if never and re.search(never, outcome.log):
        problems.append(f"the compiler's log tells what it must not: {outcome.log[:500]}")
    refused = not outcome.compiled or any(run.status is RunStatus.COMPILE for run in outcome.runs)
    if not outcome.compiled and wanted == "ok":
        problems.append(f"does not compile ({outcome.reason}): {outcome.log[-1500:]}")
    if wanted not in ("ok", "any") and not refused:
        problems.append("compiles, but must not")
    if wanted not in ("ok", "any", "error") and not outcome.compiled and outcome.reason not in wanted.split(", "):
        problems.append(f"the compiler stopped for {outcome.reason}, not {wanted}: {outcome.log[:500]}")
    if wanted == "error" or refused:
        return problems
    for run in outcome.runs:
        problems += _judge_run(hostile, backend, run)
    return problems


def _judge_run(hostile: Hostile, backend: str, run: RunResult) -> Iterator[str]:
    if run.status not in hostile.accepted(backend):
        yield f"ended with {_told(run)} after {run.cpu_s} s, {run.peak_memory_mb} MiB"
    if ESCAPED.search(run.stdout) or ESCAPED.search(run.stderr):
        yield f"escaped: {_told(run)}"
    expect = hostile.get("expect", r"\ACONTAINED\s*\Z" if run.status is RunStatus.OK else "", backend)
    if not re.search(expect.encode("latin-1", "backslashreplace"), run.stdout, re.DOTALL):
        yield f"printed {run.stdout[:300]!r}, which does not match {expect!r}: {_told(run)}"
    wanted_stderr = hostile.get("stderr", "")
    if not re.search(wanted_stderr.encode(), run.stderr, re.DOTALL):
        yield f"said {run.stderr[-500:]!r}, which does not match {wanted_stderr!r}"
    if "code" in hostile.fields and run.exit_code != int(hostile.fields["code"]):
        yield f"exit code {run.exit_code}"
    if "signal" in hostile.fields and run.signal != int(hostile.fields["signal"]):
        yield f"signal {run.signal}: {_told(run)}"
    if run.cpu_s < float(hostile.get("cpu_at_least", "0", backend)):
        yield f"only {run.cpu_s} s of CPU time were counted"
    if "stdout_size" in hostile.fields and len(run.stdout) != int(hostile.fields["stdout_size"]):
        yield f"{len(run.stdout)} bytes of output"


class Host:
    """What is outside of the boxes: secrets that a program could find, and sockets that it could reach."""

    def __init__(self, folder: Path) -> None:
        self.secret = f"secret-{secrets.token_hex(16)}"
        path = folder / "secret.txt"
        path.write_text(f"outside {self.secret}\n")
        path.chmod(0o644)
        self._listeners: list[socket.socket] = []
        tcp = socket.create_server(("0.0.0.0", 0), backlog=1)
        abstract, named = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        name = f"solvent-hostile-{secrets.token_hex(6)}"
        abstract.bind(f"\0{name}")
        named.bind(str(folder / "s"))
        (folder / "s").chmod(0o777)
        for listener in (tcp, abstract, named):
            listener.listen()
            listener.setblocking(False)
            self._listeners.append(listener)
        self.facts = {
            "secret_path": str(path),
            "secret": self.secret,
            "port": str(tcp.getsockname()[1]),
            "abstract": name,
            "socket_path": str(folder / "s"),
            "service_pid": str(os.getpid()),
        }

    def visitors(self) -> int:
        """Return how many connections came from anywhere."""
        count = 0
        for listener in self._listeners:
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                continue
            connection.close()
            count += 1
        return count

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()


@contextmanager
def host(folder: Path) -> Iterator[Host]:
    """Return a context with secrets and listeners outside of the boxes, and a secret in our own environment."""
    with ExitStack() as stack:
        made = Host(folder)
        stack.callback(made.close)
        os.environ["SOLVENT_HOSTILE_SECRET"] = made.secret
        stack.callback(os.environ.pop, "SOLVENT_HOSTILE_SECRET", None)
        yield made
