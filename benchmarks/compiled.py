"""Many tests of one C++ program: the judge, and what the same tests cost in other ways."""

from __future__ import annotations

import asyncio
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from solvent.benchmarks.api_ways import COMPILE_MB, COMPILE_S
from solvent.benchmarks.container_ways import ExecInWarmContainer
from solvent.benchmarks.ways import FusionStyle, WrongOutputError, shell, write
from solvent.problems.problem import IoTest, Limits, Problem, ProblemKind, Verdict
from solvent.sandbox.base import Program, Sandbox
from solvent.sandbox.judge import judge
from solvent.sandbox.languages import find_language

TESTS = 100
_LIMITS = Limits(cpu_time_s=2, memory_mb=256)
_SOURCE = """
#include <bits/stdc++.h>
using namespace std;
int main() {
    ios::sync_with_stdio(false);
    cin.tie(nullptr);
    int n;
    cin >> n;
    map<string, long long> sums;
    vector<pair<long long, string>> order;
    for (int i = 0; i < n; i++) {
        string name;
        long long value;
        cin >> name >> value;
        sums[name] += value;
    }
    for (auto& [name, sum] : sums) order.push_back({-sum, name});
    sort(order.begin(), order.end());
    for (auto& [sum, name] : order) cout << name << ' ' << -sum << '\\n';
}
"""


def source() -> str:
    """Return the program, as a text that no cache has seen."""
    return f"// {secrets.token_hex(8)}\n{_SOURCE}"


def source_without_precompiled_header() -> str:
    """Return the same program in a form in which g++ reads the header's text: something stands before it."""
    return f"static int before_the_header;\n{source()}"


def make_tests(count: int) -> tuple[IoTest, ...]:
    """Return small tests: names and values, summed by name and sorted."""
    found = []
    for number in range(count):
        pairs = [(f"k{(7 * i + number) % 5}", i * number) for i in range(20)]
        sums: dict[str, int] = {}
        for name, value in pairs:
            sums[name] = sums.get(name, 0) + value
        stdin = f"{len(pairs)}\n" + "".join(f"{name} {value}\n" for name, value in pairs)
        expected = "".join(f"{name} {sum_}\n" for name, sum_ in sorted(sums.items(), key=lambda one: (-one[1], one[0])))
        found.append(IoTest(name=f"t{number:03}", stdin=stdin, expected=expected))
    return tuple(found)


@dataclass(frozen=True)
class JudgeSample:
    """One program judged twice: never seen before, and again."""

    compile_s: float
    """Wall-clock seconds of the one build."""
    first_s: float
    """All of the first time: one build and all tests."""
    again_s: float
    """All of the second time: no build."""
    builds_first: int
    builds_again: int


async def sample_judge(sandbox: Sandbox, count: int = TESTS) -> JudgeSample:
    """Judge a new program on `count` tests, twice.

    Raises:
        WrongOutputError: it was not accepted.
    """
    program = Program(language="cpp", source=source())
    problem = Problem(
        id="sums", kind=ProblemKind.STDIO, statement="Sum by name.", limits=_LIMITS, hidden_tests=make_tests(count)
    )

    async def once() -> tuple[float, int]:
        builds = sandbox.metrics().builds - sandbox.metrics().cache_hits
        started = time.perf_counter()
        found = await judge(sandbox, problem, program, problem.hidden_tests)
        seconds = time.perf_counter() - started
        if found.verdict is not Verdict.AC or len(found.tests) != count:
            raise WrongOutputError(f"the judge says {found.verdict} {found.message[:300]}")
        return seconds, sandbox.metrics().builds - sandbox.metrics().cache_hits - builds

    first_s, builds_first = await once()
    again_s, builds_again = await once()
    return JudgeSample(max(0.0, first_s - again_s), first_s, again_s, builds_first, builds_again)


async def sample_build(sandbox: Sandbox, text: str) -> float:
    """Return the wall-clock seconds of building a C++ program.

    Raises:
        WrongOutputError: it does not compile.
    """
    program = Program(language="cpp", source=text)
    started = time.perf_counter()
    build = await sandbox.build(program, time_s=COMPILE_S, memory_mb=COMPILE_MB)
    if not build.ok:
        raise WrongOutputError(f"does not compile: {build.log[:300]}")
    return time.perf_counter() - started


def _seconds_of(work: Callable[[tuple[IoTest, ...]], None], cases: tuple[IoTest, ...], parallel: int) -> float:
    """Return the seconds in which so many threads do the work on equal shares of the cases."""
    with ThreadPoolExecutor(parallel) as pool:
        started = time.perf_counter()
        list(pool.map(work, [cases[index::parallel] for index in range(parallel)]))
        return time.perf_counter() - started


async def sample_bare(count: int, parallel: int) -> float:
    """Compile once with the machine's g++; return the seconds in which bare processes did `count` tests."""
    cases = make_tests(count)
    with tempfile.TemporaryDirectory(prefix="solvent-bench-") as folder:
        await shell("cat > main.cpp && g++ -std=gnu++17 -O2 -o main main.cpp", source().encode(), folder)

        def work(part: tuple[IoTest, ...]) -> None:
            for case in part:
                done = subprocess.run([f"{folder}/main"], input=case.stdin.encode(), capture_output=True, check=False)
                _check("bare", case, done.stdout)

        return await asyncio.to_thread(_seconds_of, work, cases, parallel)


async def sample_fusion(count: int, parallel: int) -> float:
    """Return the seconds of `count` tests where each is a request of its own: whole source, compiled, run."""
    gate = asyncio.Semaphore(parallel)

    async def one(case: IoTest) -> None:
        async with gate:
            with tempfile.TemporaryDirectory(prefix="solvent-bench-") as folder:
                write(folder, "main.cpp", source())
                await shell("g++ -std=c++17 -O2 main.cpp -o main", b"", folder)
                printed = await shell(f"{FusionStyle.limits} && ./main", case.stdin.encode(), folder)
                _check("SandboxFusion-style", case, printed)

    started = time.perf_counter()
    await asyncio.gather(*(one(case) for case in make_tests(count)))
    return time.perf_counter() - started


async def sample_exec(warm: ExecInWarmContainer, count: int, parallel: int) -> float:
    """Compile once by `docker exec`; return the seconds of `count` tests by `docker exec`."""
    compiler = ["/bin/sh", "-c", "cat > main.cpp && /usr/bin/g++ -std=gnu++17 -O2 -o main main.cpp"]
    await asyncio.to_thread(warm.execute, compiler, source().encode())
    cases = make_tests(count)

    def work(part: tuple[IoTest, ...]) -> None:
        for case in part:
            _check("docker exec", case, warm.execute(["/w/main"], case.stdin.encode()))

    return await asyncio.to_thread(_seconds_of, work, cases, parallel)


def precompiled_header_here() -> bool:
    """Return whether languages.toml names a place of precompiled headers for C++."""
    return bool(re.search(r"\bpch\b", " ".join(find_language("cpp").compile)))


def _check(way: str, case: IoTest, printed: bytes) -> None:
    if printed.decode(errors="replace").split() != case.expected.split():
        raise WrongOutputError(f"{way}: printed {printed[:200]!r} for the test {case.name}")
