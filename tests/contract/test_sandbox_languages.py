"""What every language of languages.toml must do, on every backend; its seven programs are in sandbox_programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from solvent.errors import ConfigError
from solvent.sandbox.base import Build, Program, RunLimits, RunResult, RunStatus, Sandbox
from solvent.sandbox.languages import languages

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROGRAMS = Path(__file__).parent / "sandbox_programs"
MB = 1 << 20
LIMITS = RunLimits(cpu_time_s=2, wall_time_s=10, memory_mb=64, output_bytes=MB)


@pytest.fixture(params=list(languages()))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def source(language: str, name: str) -> str:
    [file] = (PROGRAMS / language).glob(f"{name}.*")
    return file.read_text(encoding="utf-8")


def with_program(name: str) -> list[str]:
    return [language for language in languages() if list((PROGRAMS / language).glob(f"{name}.*"))]


async def built(sandbox: Sandbox, language: str, text: str, **files: str) -> Build:
    try:
        return await sandbox.build(Program(language=language, source=text, files=files), time_s=30, memory_mb=1024)
    except ConfigError as error:
        if "is not installed in this sandbox" not in error.message:
            raise
        pytest.skip(f"{error.message} (scripts/sandbox_image.sh builds a root with all languages)")


async def run(sandbox: Sandbox, language: str, text: str, stdin: bytes = b"", **limits: Any) -> RunResult:
    build = await built(sandbox, language, text)
    assert build.ok, build.log
    return await sandbox.run(build, limits=LIMITS.model_copy(update=limits), stdin=stdin)


async def printed(sandbox: Sandbox, language: str, text: str, **limits: Any) -> str:
    result = await run(sandbox, language, text, **limits)
    assert result.status is RunStatus.OK, result
    return result.stdout.decode().strip()


class TestEachLanguage:
    async def test_says_hello(self, sandbox: Sandbox, language: str) -> None:
        result = await run(sandbox, language, source(language, "hello"))
        assert (result.status, result.exit_code, result.stdout) == (RunStatus.OK, 0, b"hello\n"), result
        assert result.cpu_s > 0
        assert result.wall_s > 0
        assert result.peak_memory_mb is not None
        assert 0 < result.peak_memory_mb < 64 + languages()[language].memory_extra_mb

    async def test_echoes_bytes_that_are_no_text(self, sandbox: Sandbox, language: str) -> None:
        data = bytes(range(256)) * 40
        assert (await run(sandbox, language, source(language, "echo"), data)).stdout == data

    async def test_says_why_it_does_not_compile(self, sandbox: Sandbox, language: str) -> None:
        build = await built(sandbox, language, source(language, "compile_error"))
        if build.ok:
            assert languages()[language].zygote
            result = await sandbox.run(build, limits=LIMITS)
            assert (result.status, result.stdout) == (RunStatus.COMPILE, b"")
            said = result.stderr.decode()
        else:
            assert (build.reason, build.files) == ("error", ())
            said = build.log
        assert languages()[language].source in said

    async def test_runtime_error(self, sandbox: Sandbox, language: str) -> None:
        result = await run(sandbox, language, source(language, "runtime_error"))
        assert result.status in (RunStatus.EXIT, RunStatus.SIGNAL), result

    async def test_cpu_time_limit(self, sandbox: Sandbox, language: str) -> None:
        result = await run(sandbox, language, source(language, "time"), cpu_time_s=0.5)
        assert result.status is RunStatus.CPU_TIME
        assert 0.5 <= result.cpu_s < 1.5

    async def test_memory_limit(self, sandbox: Sandbox, language: str) -> None:
        result = await run(sandbox, language, source(language, "memory"), cpu_time_s=10, wall_time_s=30)
        assert result.status is RunStatus.MEMORY, result

    async def test_output_limit_keeps_the_beginning(self, sandbox: Sandbox, language: str) -> None:
        result = await run(sandbox, language, source(language, "output"), cpu_time_s=10, wall_time_s=30)
        assert result.status is RunStatus.OUTPUT, result
        assert result.stdout_truncated
        assert result.stdout.startswith(b"xxxx")
        assert len(result.stdout) == LIMITS.output_bytes

    @pytest.mark.parametrize("language", with_program("threads"))
    async def test_threads(self, sandbox: Sandbox, language: str) -> None:
        text = source(language, "threads")
        assert await printed(sandbox, language, text, memory_mb=256, wall_time_s=20) == "140"


class TestPython:
    async def test_libraries_of_the_image(self, sandbox: Sandbox) -> None:
        assert (await built(sandbox, "pypy", "")).ok  # the same root holds both; skips where it is not built
        text = source("python", "libraries")
        shown = await printed(sandbox, "python", text, memory_mb=512, cpu_time_s=20, wall_time_s=60)
        assert shown == "agg [1.0, 1.0] x**2 4 2.0 PNG"


class TestCpp:
    @pytest.mark.parametrize("language", ["cpp", "cpp20"])
    async def test_the_header_of_everything_is_precompiled(self, sandbox: Sandbox, language: str) -> None:
        assert (await built(sandbox, "pypy", "")).ok  # skips where the root is not built
        # With another precompiled header of the same name first, the compiler would say so.
        text = '#include <bits/stdc++.h>\n#pragma GCC warning "seen"\nint main() { std::cout << 1; }'
        build = await built(sandbox, language, text)
        assert build.ok
        plain = await built(sandbox, language, f"#define NOT_FIRST 1\nstruct S {{}};\n{text}")
        assert plain.ok
        # The compiler takes a precompiled header only as the first thing of a source.
        assert build.cpu_s < plain.cpu_s or build.cached or plain.cached

    async def test_several_sources(self, sandbox: Sandbox) -> None:
        text = '#include "twice.h"\n#include <cstdio>\nint main() { std::printf("%d", twice(21)); }'
        build = await built(
            sandbox, "cpp", text, **{"twice.h": "int twice(int);", "twice.cc": "int twice(int n) { return 2 * n; }"}
        )
        assert build.ok, build.log
        assert (await sandbox.run(build, limits=LIMITS)).stdout == b"42"


class TestJava:
    async def test_the_main_class_may_have_any_name_and_package(self, sandbox: Sandbox) -> None:
        text = """
package far.away;
class Helper { static int twice(int n) { return 2 * n; } }
public class Solution {
    interface Shape { int sides(); }
    enum Kind { ONE, TWO }
    public static void main(String[] words) {
        Shape square = () -> 4;
        System.out.println(Helper.twice(square.sides()) + " " + Kind.TWO + " " + words.length);
    }
}
"""
        assert await printed(sandbox, "java", text, memory_mb=128) == "8 TWO 0"

    async def test_several_sources_and_the_main_class_of_the_main_one(self, sandbox: Sandbox) -> None:
        helper = "public class Helper { public static int n = 7; public static void main(String[] a) {} }"
        text = "public class Start { public static void main(String[] a) { System.out.print(Helper.n); } }"
        build = await built(sandbox, "java", text, **{"Helper.java": helper})
        assert build.ok, build.log
        assert (await sandbox.run(build, limits=LIMITS)).stdout == b"7"

    async def test_no_main_class_is_a_compile_error(self, sandbox: Sandbox) -> None:
        build = await built(sandbox, "java", "class Empty { void main() {} }")
        assert (build.ok, build.reason) == (False, "error")
        assert "Main.java: no class has a method public static void main(String[])" in build.log

    async def test_deep_recursion(self, sandbox: Sandbox) -> None:
        text = """
class Main {
    static int depth(int n) { return n == 0 ? 0 : 1 + depth(n - 1); }
    public static void main(String[] a) { System.out.println(depth(200_000)); }
}
"""
        assert await printed(sandbox, "java", text, memory_mb=128) == "200000"

    async def test_a_heap_near_the_limit_is_allowed(self, sandbox: Sandbox) -> None:
        text = """
class Main {
    public static void main(String[] a) {
        byte[][] kept = new byte[150][];
        for (int i = 0; i < 5 * kept.length; i++) {
            kept[i % kept.length] = new byte[1 << 20];
            java.util.Arrays.fill(kept[i % kept.length], (byte) 1);
        }
        System.out.println(kept.length);
    }
}
"""
        assert await printed(sandbox, "java", text, memory_mb=256, cpu_time_s=5) == "150"

    async def test_memory_that_the_machine_refuses_at_once_is_a_runtime_error(self, sandbox: Sandbox) -> None:
        text = "class Main { public static void main(String[] a) { System.out.print(new long[1 << 30].length); } }"
        result = await run(sandbox, "java", text)
        assert (result.status, result.exit_code) == (RunStatus.EXIT, 1)
        assert b"OutOfMemoryError" in result.stderr


class TestJavaScript:
    async def test_deep_recursion(self, sandbox: Sandbox) -> None:
        text = "const depth = (n) => (n === 0 ? 0 : 1 + depth(n - 1));\nconsole.log(depth(100000));"
        assert await printed(sandbox, "javascript", text, memory_mb=128) == "100000"

    async def test_input_by_lines(self, sandbox: Sandbox) -> None:
        text = """
const lines = require("readline").createInterface({ input: process.stdin });
let sum = 0;
lines.on("line", (line) => (sum += Number(line)));
lines.on("close", () => console.log(sum));
"""
        assert (await run(sandbox, "javascript", text, b"1\n2\n39\n")).stdout == b"42\n"


class TestGo:
    async def test_packages_of_the_standard_library(self, sandbox: Sandbox) -> None:
        text = """
package main

import (
	"bufio"
	"container/heap"
	"fmt"
	"math/big"
	"os"
	"sort"
	"strings"
)

type ints []int

func (a ints) Len() int           { return len(a) }
func (a ints) Less(i, j int) bool { return a[i] < a[j] }
func (a ints) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *ints) Push(x any)        { *a = append(*a, x.(int)) }
func (a *ints) Pop() any          { old := *a; x := old[len(old)-1]; *a = old[:len(old)-1]; return x }

func main() {
	queue := &ints{3, 1, 2}
	heap.Init(queue)
	words := strings.Fields("b a")
	sort.Strings(words)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintln(out, heap.Pop(queue), words, new(big.Int).Exp(big.NewInt(2), big.NewInt(70), nil))
}
"""
        assert await printed(sandbox, "go", text) == "1 [a b] 1180591620717411303424"
