"""Probes: nothing of a program is left for the next one, and a program can be ended at any time."""

from __future__ import annotations

import asyncio
import secrets
import time

from solvent.sandbox.base import RunStatus
from solvent.sandbox.check.probe import Broken, Probe, Runs, ending, limits_with

_LEAVE_FILES = """
import os
for folder in (".", "/w", "/tmp", "/dev/shm"):
    try:
        os.makedirs(os.path.join(folder, "left/deep"))
        for name in ("left/deep/file", "json.py", "sitecustomize.py", "a.pth"):
            with open(os.path.join(folder, name), "w") as file: file.write("raise SystemExit('poisoned')")
        os.symlink("/etc/passwd", os.path.join(folder, "link"))
        os.mkfifo(os.path.join(folder, "pipe"))
        os.chmod(os.path.join(folder, "left"), 0)
    except OSError: pass
"""
_FIND_FILES = """
import json, os
own = os.getcwd()
for folder in ("/w", "/tmp", "/dev/shm"):
    try: names = os.listdir(folder)
    except PermissionError: continue
    for name in names:
        path = os.path.join(folder, name)
        if not own.startswith(path): print("found", path)
for name in os.listdir("."):
    if name != "main.py": print("found", name, "in its own folder")
"""
_COUNT = "import os; print(sum(name.isdigit() for name in os.listdir('/proc')))"
_DAEMON = """
import os, signal
for number in range(1, 64):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            try: open("/tmp/daemon", "a").close()
            except OSError: pass
            if os.fork() > 0: os._exit(0)
    os._exit(0)
"""
_CHANGE_INTERPRETER = """
import builtins, json, os, sys
builtins.print = lambda *a: None
builtins.sum = lambda *a: 0
json.loads = None
sys.modules["heapq"] = None
sys.path.insert(0, "/tmp")
os.environ["LEFT"] = "1"
sys.setrecursionlimit(77)
os.nice(5)
os.umask(0o777)
"""
_PRISTINE = """
import heapq, json, os, sys
found = (sum([40, 2]), json.loads("[1]"), sys.getrecursionlimit() > 77, "LEFT" in os.environ, os.nice(0))
sys.stdout.write("%d %s %s %s %s" % found)
"""
_KEEP_INPUT = "import sys\ntext = sys.stdin.read().strip()\nkept = [text * 50 for _ in range(200)]\nprint(len(kept))"
_FIND_INPUT = """
import re, sys
half, other = sys.stdin.read().split()
wanted = re.compile(bytes(half, "ascii") + b"[0]?" + bytes(other, "ascii"))
found = 0
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        if " rw" not in line: continue
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        try:
            memory.seek(start)
            found += len(wanted.findall(memory.read(end - start)))
        except (OSError, ValueError, OverflowError): pass
if found: print("found the input of an earlier program", found, "times")
"""
_CANCEL_AFTER_S = 0.3
_SLEEP = "print('ready', flush=True)\nimport time\ntime.sleep(60)"


async def _files(runs: Runs) -> str:
    await runs.run(_LEAVE_FILES)
    for _ in range(runs.sandbox.slots + 1):
        await runs.nothing_printed(_FIND_FILES)
    return "files, links, pipes and poisoned modules are gone"


async def _processes(runs: Runs) -> str:
    before = await runs.number(_COUNT)
    await runs.run(_DAEMON, wall_time_s=2, cpu_time_s=1)
    after = max([(await runs.number(_COUNT)) for _ in range(runs.sandbox.slots + 1)])
    if after > before:
        raise Broken(f"{after} processes in the box, {before} before")
    return f"detached processes that ignore every signal are gone ({after} processes, as before)"


async def _interpreter(runs: Runs) -> str:
    await runs.run(_CHANGE_INTERPRETER)
    for _ in range(runs.sandbox.slots + 1):
        printed = await runs.printed(_PRISTINE)
        if printed != "42 [1] True False 0":
            raise Broken(f"changes of one program are seen by the next: {printed}")
    return "changed built-ins, modules, variables and priority are not seen by the next program"


async def _memory(runs: Runs) -> str:
    # In two halves, so that the searching program's own input is no find.
    half, other = secrets.token_hex(12), secrets.token_hex(12)
    await runs.run(_KEEP_INPUT, stdin=f"{half}0{other}".encode())
    for _ in range(runs.sandbox.slots + 1):
        await runs.nothing_printed(_FIND_INPUT, stdin=f"{half} {other}".encode(), cpu_time_s=5)
    return "the input of one program is not in the memory of the next"


async def _cancel(runs: Runs) -> str:
    build = await runs.build("import time; time.sleep(60)")
    limits = limits_with(wall_time_s=60)
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_CANCEL_AFTER_S):
            result = await runs.sandbox.run(build, limits=limits, job="check")
    except TimeoutError:
        seconds = time.perf_counter() - started - _CANCEL_AFTER_S
    else:
        raise Broken(f"a program that should sleep for a minute: {ending(result)}")
    await runs.still_serves()
    return f"a cancelled program was gone after {seconds * 1e3:.0f} ms"


async def _kill(runs: Runs) -> str:
    build = await runs.build(_SLEEP)
    async with runs.sandbox.connect(build, limits=limits_with(wall_time_s=60), job="check") as program:
        if await program.receive() != b"ready\n":
            raise Broken("a connected program's output did not come")
        await program.kill()
        result = await program.result()
    if (result.status, result.signal) != (RunStatus.SIGNAL, 9):
        raise Broken(f"a killed program: {ending(result)}")
    await runs.still_serves()
    return "a connected program was killed at once"


async def _conversation(runs: Runs) -> str:
    source = "import sys\nfor line in sys.stdin: print(int(line) * 2, flush=True)"
    build = await runs.build(source)
    async with runs.sandbox.connect(build, limits=limits_with(), job="check") as program:
        started = time.perf_counter()
        for number in range(20):
            await program.send(b"%d\n" % number)
            answer = await program.receive()
            if answer != b"%d\n" % (2 * number):
                raise Broken(f"sent {number}, received {answer!r}")
        each_ms = (time.perf_counter() - started) / 20 * 1e3
        await program.close_stdin()
        result = await program.result()
    if result.status is not RunStatus.OK:
        raise Broken(f"the program ended with {ending(result)}")
    return f"20 questions and answers, {each_ms:.2f} ms each"


async def _at_once(runs: Runs) -> str:
    """More calls than slots: all are answered, and never more than the slots run."""
    build = await runs.build("import sys; print(sys.stdin.read().strip())")
    count, most = 5 * runs.sandbox.slots, 0

    async def one(number: int) -> None:
        nonlocal most
        result = await runs.sandbox.run(build, limits=limits_with(), stdin=b"%d" % number, job=f"check-{number % 3}")
        most = max(most, runs.sandbox.metrics().running)
        if result.stdout != b"%d\n" % number:
            raise Broken(f"run {number}: {ending(result)}, printed {result.stdout[:50]!r}")

    for answer in await asyncio.gather(*(one(number) for number in range(count)), return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
    if most > runs.sandbox.slots:
        raise Broken(f"{most} programs at once with {runs.sandbox.slots} slots")
    return f"{count} calls, each with its own answer; at most {runs.sandbox.slots} at once"


async def _cache(runs: Runs) -> str:
    source = f"/* {secrets.token_hex(8)} */ int main(void) {{ return 0; }}"
    first, second = await runs.build(source, "c"), await runs.build(source, "c")
    if first.cached or not second.cached:
        raise Broken("a program that was built before was built again")
    return f"compiled once ({first.cpu_s:.2f} s of CPU time), then found"


async def _compiler(runs: Runs) -> str:
    reads = '#include <stdio.h>\n#include "/etc/shadow"\nint main(void) { return 0; }'
    if (await runs.build(reads, "c")).ok:
        raise Broken("a compiler reads /etc/shadow")
    bomb = "struct a{int x[1<<30];};template<int n>struct f{static const long v=f<n-1>::v+f<n-2>::v;};"
    bomb += "template<>struct f<0>{static const long v=0;};template<>struct f<1>{static const long v=1;};"
    bomb += "template<int n>struct deep{typedef typename deep<n-1>::type type; char c[n];};"
    bomb += "int main(){return sizeof(deep<100000>::type);}"
    build = await runs.build(bomb, "cpp", time_s=3)
    if build.ok:
        raise Broken("a program that cannot be compiled was built")
    await runs.still_serves()
    return f"it sees no file of the machine; a compiler bomb ends with {build.reason}"


PROBES = (
    Probe("files", "afterwards", "no file is left", _files),
    Probe("daemons", "afterwards", "no process is left", _processes),
    Probe("interpreter", "afterwards", "each program finds a fresh interpreter", _interpreter),
    Probe("earlier-input", "afterwards", "no trace of earlier inputs in memory", _memory),
    Probe("cancel", "control", "a run can be cancelled", _cancel),
    Probe("kill", "control", "a connected program can be killed", _kill),
    Probe("conversation", "control", "connected streams", _conversation),
    Probe("at-once", "control", "many calls at once", _at_once),
    Probe("compile-cache", "control", "a program is compiled once", _cache),
    Probe("compiler", "control", "the compiler is limited as well", _compiler),
)
