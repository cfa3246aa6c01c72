"""The mixed programs of the soak: right, wrong, slow, greedy, crashing and hostile, each with what it must get."""

from __future__ import annotations

import atexit
import importlib.util
import random
import shlex
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from solvent.problems.problem import IoTest, Limits, Problem, ProblemKind, Verdict
from solvent.sandbox.base import Program, RunLimits, RunStatus, Sandbox
from solvent.sandbox.judge import judge

SUITE = Path(__file__).resolve().parent.parent / "tests" / "support" / "hostile_suite.py"
"""The hostile suite of a checkout; an installed package has none and uses the few programs below."""

_LIMITS = Limits(cpu_time_s=1, wall_time_s=20, memory_mb=64, output_mb=1, compile_time_s=20)
_SHORT = _LIMITS.model_copy(update={"cpu_time_s": 0.2})
_SLEEPY = _LIMITS.model_copy(update={"cpu_time_s": 0.2, "wall_time_s": 0.4})
_TEXT = "t" * (64 << 10)
_COPY = "import sys\nsys.stdout.write(sys.stdin.read())\n"
_EAT = "for (int i = 0; i < 300; i++) memset(malloc(1 << 20), 1, 1 << 20);"
_EAT_HEAD = "#include <cstdlib>\n#include <cstring>\n"


@dataclass(frozen=True)
class Outcome:
    """How one program ended. `wrong` says why that is not what it must get; `ours`: the sandbox itself failed."""

    name: str
    wrong: str = ""
    ours: bool = False


@dataclass(frozen=True)
class Case:
    """One program to run. `run` takes the sandbox and the job's name."""

    name: str
    run: Callable[[Sandbox, str], Awaitable[Outcome]]


@dataclass(frozen=True)
class _Family:
    share: float
    name: str
    language: str
    source: str
    verdict: Verdict
    limits: Limits = _LIMITS
    stdin: str = ""
    expected: str = ""


def _cpp(body: str, head: str = "#include <cstdio>\n#include <cstdlib>\n") -> str:
    return f"{head}int main() {{ {body} }}\n"


_SUM = "a, b = map(int, input().split())\nprint(a + b)\n"
_CPP_SUM = 'long a, b; if (scanf("%ld %ld", &a, &b) != 2) return 1; printf("%ld\\n", a + b);'
_AC, _WA, _TLE, _MLE, _OLE, _RE, _CE = (
    Verdict.AC,
    Verdict.WA,
    Verdict.TLE,
    Verdict.MLE,
    Verdict.OLE,
    Verdict.RE,
    Verdict.CE,
)
_IMPORTS = "import collections, heapq, itertools, json, math, re\n"

_FAMILIES = (
    _Family(40, "python right", "python", _SUM, _AC),
    _Family(8, "python imports", "python", f"{_IMPORTS}{_SUM}", _AC),
    _Family(6, "python wrong", "python", _SUM.replace("a + b", "a - b - 1"), _WA),
    _Family(4, "python exception", "python", f"{_SUM}raise ValueError(3)\n", _RE),
    _Family(2, "python exit code", "python", f"{_SUM}import sys\nsys.exit(137)\n", _RE),
    _Family(2, "python syntax", "python", "def f(:\n", _CE),
    _Family(0.7, "python slow", "python", "while True: pass\n", _TLE, _SHORT),
    _Family(0.2, "python sleeps", "python", "import time\ntime.sleep(30)\n", _TLE, _SLEEPY),
    _Family(0.8, "python memory", "python", "x = [bytes([1]) * (1 << 20) for _ in range(300)]\n", _MLE),
    _Family(0.8, "python output", "python", "while True: print('x' * 4096)\n", _OLE),
    _Family(2, "python large", "python", _COPY, _AC, stdin=_TEXT, expected=_TEXT),
    _Family(1, "python talks on stderr", "python", f"import sys\nsys.stderr.write('e' * 300000)\n{_SUM}", _AC),
    _Family(20, "c++ right", "cpp", _cpp(_CPP_SUM), _AC),
    _Family(4, "c++ wrong", "cpp", _cpp(_CPP_SUM.replace("a + b", "a - b - 1")), _WA),
    _Family(1.5, "c++ segment violation", "cpp", _cpp("volatile int *p = nullptr; return *p;"), _RE),
    _Family(1.5, "c++ abort", "cpp", _cpp("abort();"), _RE),
    _Family(0.5, "c++ compile error", "cpp", "int main() { return x; }\n", _CE),
    _Family(0.7, "c++ slow", "cpp", _cpp("for (volatile int i = 0;; i = i + 1) {}"), _TLE, _SHORT),
    _Family(0.8, "c++ memory", "cpp", _cpp(_EAT, _EAT_HEAD), _MLE),
    _Family(0.8, "c++ output", "cpp", _cpp('for (;;) puts("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");'), _OLE),
)
_LANGUAGES = ("python", "c", "cpp")
"""Those that every sandbox of ours has."""
_NEW_SOURCE = {"python": 0.5, "cpp": 0.005}
"""Share of programs whose text was not seen before; a C++ compilation costs fifty runs."""


def cases(seed: int, hostile: float, backend: str) -> Iterator[Case]:
    """Yield programs without end; the same seed gives the same ones.

    Args:
        seed: of the choice.
        hostile: share of hostile programs, 0 to 1.
        backend: hostile programs have an own expectation for some backends.
    """
    choice = random.Random(seed)
    bad = hostile_cases(backend)
    weights = [weight for weight, _ in bad]
    shares = [family.share for family in _FAMILIES]
    while True:
        if choice.random() < hostile:
            yield choice.choices(bad, weights)[0][1]
        else:
            yield _ordinary(choice.choices(_FAMILIES, shares)[0], choice)


def _ordinary(family: _Family, choice: random.Random) -> Case:
    source, stdin, expected = family.source, family.stdin, family.expected
    if choice.random() < _NEW_SOURCE[family.language]:
        mark = "#" if family.language == "python" else "//"
        source = f"{source}{mark} {choice.getrandbits(64):x}\n"
    if not stdin:
        a, b = choice.randrange(10**9), choice.randrange(10**9)
        stdin, expected = f"{a} {b}\n", f"{a + b}\n"
    program = Program(language=family.language, source=source)
    test = IoTest(name="1", stdin=stdin, expected=expected)
    problem = Problem(id="soak", kind=ProblemKind.STDIO, statement="Add.", limits=family.limits, hidden_tests=(test,))

    async def run(sandbox: Sandbox, job: str) -> Outcome:
        found = await judge(sandbox, problem, program, (test,))
        wrong = ""
        if found.verdict is not family.verdict:
            wrong = f"{found.verdict.value} instead of {family.verdict.value}: {found.message[:300]}"
        return Outcome(family.name, wrong, found.verdict is Verdict.IE)

    return Case(family.name, run)


def hostile_cases(backend: str) -> list[tuple[float, Case]]:
    """Return the hostile programs with their weights: those that need their whole time limit come less often."""
    return _suite_cases(backend) if SUITE.exists() else [(1.0, _own_case(name)) for name in _HOSTILE]


def _suite_cases(backend: str) -> list[tuple[float, Case]]:
    suite = _load_suite()
    found = []
    stack = ExitStack()
    atexit.register(stack.close)
    host = stack.enter_context(suite.host(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))))
    for one in suite.load():
        fields = one.fields
        skipped = {"verdict", "victim", "compile", "runs", "keep", "cells", "connected", "beside"} & set(fields)
        backends = one.get("backends", backend).split(", ")
        refused = one.get("compile", "ok", backend) != "ok"
        if skipped or refused or one.language not in _LANGUAGES or backend not in backends:
            continue
        accepted = one.accepted(backend)
        timed = accepted & {RunStatus.CPU_TIME, RunStatus.WALL_TIME}
        seconds = 0.03 + (one.limits().wall_time_s if RunStatus.WALL_TIME in accepted else 0) * 0.5
        seconds += one.limits().cpu_time_s if timed else 0
        found.append((1 / seconds**2, Case(f"hostile {one.id}", _suite_run(suite, one, host.facts, backend))))
    return found


def _suite_run(
    suite: ModuleType, one: object, facts: dict[str, str], backend: str
) -> Callable[[Sandbox, str], Awaitable[Outcome]]:
    async def run(sandbox: Sandbox, job: str) -> Outcome:
        hostile = one
        build = await sandbox.build(hostile.program(facts), time_s=20, memory_mb=1024, job=job)  # type: ignore[attr-defined]  # loaded by path
        outcome = suite.Outcome(build.ok, build.log, build.reason)
        if build.ok:
            arguments = tuple(shlex.split(hostile.get("arguments", "")))  # type: ignore[attr-defined]  # as above
            stdin = hostile.stdin(facts)  # type: ignore[attr-defined]  # as above
            outcome.runs.append(
                await sandbox.run(build, limits=hostile.limits(), stdin=stdin, arguments=arguments, job=job)  # type: ignore[attr-defined]  # as above
            )
        problems = suite.judge_outcome(hostile, backend, outcome)
        ours = any(result.status is RunStatus.FAULT for result in outcome.runs)
        return Outcome(f"hostile {hostile.id}", "; ".join(problems)[:600], ours)  # type: ignore[attr-defined]  # as above

    return run


def _load_suite() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hostile_suite", SUITE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hostile_suite"] = module
    spec.loader.exec_module(module)
    return module


_RUN_LIMITS = RunLimits(cpu_time_s=0.3, wall_time_s=1, memory_mb=64, output_bytes=1 << 20)
_ANY_END = frozenset(RunStatus) - {RunStatus.FAULT}
_HOSTILE = {
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n",
    "daemon": """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: open('/tmp/daemon', 'a').close()
    os._exit(0)
""",
    "fills the disk": """
for folder in ('/tmp', '/dev/shm', '.'):
    try:
        with open(folder + '/x', 'wb', 0) as file:
            while True: file.write(bytes(1 << 20))
    except OSError: pass
""",
    "many files": """
try:
    for number in range(10**6): open(f'/tmp/{number}', 'w').close()
except OSError: pass
""",
    "deep folders": """
import os
try:
    while True:
        os.mkdir('d')
        os.chdir('d')
except OSError: pass
""",
    "kills everybody": """
import os
for pid in (1, -1, *range(2, 300)):
    try: os.kill(pid, 9)
    except OSError: pass
""",
    "stops itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n",
    "memory of children": """
import os, time
for _ in range(8):
    if os.fork() == 0:
        data = bytearray(b'x' * (32 << 20))
        time.sleep(9)
        os._exit(0)
time.sleep(9)
""",
    "threads": """
import threading, time
try:
    while True: threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
except RuntimeError: pass
""",
    "sparse file": "with open('x', 'wb') as file: file.truncate(1 << 40)\n",
    "leaves links": """
import os
for folder in ('/tmp', '/dev/shm', '.'):
    os.symlink('/etc/passwd', folder + '/l')
    os.mkfifo(folder + '/p')
    os.mkdir(folder + '/d', 0)
""",
}


def _own_case(name: str) -> Case:
    program = Program(language="python", source=_HOSTILE[name])

    async def run(sandbox: Sandbox, job: str) -> Outcome:
        build = await sandbox.build(program, time_s=20, memory_mb=512, job=job)
        result = await sandbox.run(build, limits=_RUN_LIMITS, job=job)
        wrong = "" if result.status in _ANY_END else f"the sandbox failed: {result.fault}"
        return Outcome(f"hostile {name}", wrong, result.status is RunStatus.FAULT)

    return Case(f"hostile {name}", run)
