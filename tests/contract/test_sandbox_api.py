"""Builds, runs and connected programs: what every backend must do for its callers."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from sandboxes import BACKENDS, make_sandbox

from solvent.errors import ConfigError
from solvent.sandbox.backend import BoxSandbox
from solvent.sandbox.base import Build, Program, RunLimits, RunningProgram, RunStatus, Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")

MB = 1 << 20
LIMITS = RunLimits(cpu_time_s=2, wall_time_s=10, memory_mb=128, output_bytes=MB)
HELLO_C = '#include <stdio.h>\nint main(void) { puts("hello NUMBER"); return 0; }'
ECHO = """
import sys
for line in sys.stdin.buffer:
    sys.stdout.buffer.write(b"<" + line.strip() + b">\\n")
    sys.stdout.buffer.flush()
print("bye", flush=True)
"""


async def built(sandbox: Sandbox, source: str, language: str = "python", **files: str) -> Build:
    program = Program(language=language, source=source, files=files)
    build = await sandbox.build(program, time_s=30, memory_mb=512)
    assert build.ok, build.log
    return build


async def line(program: RunningProgram) -> bytes:
    """Return what it prints up to the end of a line."""
    data = b""
    while not data.endswith(b"\n"):
        part = await program.receive()
        assert part, data
        data += part
    return data


class TestBuilds:
    async def test_a_program_that_was_built_before_costs_no_compilation(
        self, request: pytest.FixtureRequest, sandbox: BoxSandbox, tmp_path: Path
    ) -> None:
        backend = request.node.callspec.params["sandbox"]
        program = Program(language="c", source=HELLO_C.replace("NUMBER", "cached"))
        folder = tmp_path / "builds"
        own = make_sandbox(backend, request, cache=folder)
        await own.start()
        try:
            first, again = [await own.build(program, time_s=30, memory_mb=512) for _ in range(2)]
            assert (first.ok, first.cached, again.cached, again.cpu_s) == (True, False, True, 0.0)
            assert first.cpu_s > 0
            assert (again.files, own.metrics().builds, own.metrics().cache_hits) == (first.files, 2, 1)
        finally:
            await own.aclose()
        later = make_sandbox(backend, request, cache=folder)
        await later.start()
        try:
            kept = await later.build(program, time_s=30, memory_mb=512)
            assert (kept.cached, kept.files) == (True, first.files)
            assert (await later.run(kept, limits=LIMITS)).stdout == b"hello cached\n"
            [entry] = folder.glob("??/*")
            entry.write_bytes(entry.read_bytes()[:-1] + b"!")
        finally:
            await later.aclose()
        last = make_sandbox(backend, request, cache=folder)
        await last.start()
        try:
            anew = await last.build(program, time_s=30, memory_mb=512)
            assert (anew.ok, anew.cached) == (True, False)
        finally:
            await last.aclose()

    async def test_the_same_program_at_once_is_compiled_once(self, sandbox: Sandbox) -> None:
        before = sandbox.metrics()
        program = Program(language="c", source=HELLO_C.replace("NUMBER", f"once {time.time()}"))
        builds = await asyncio.gather(*(sandbox.build(program, time_s=30, memory_mb=512) for _ in range(6)))
        assert [build.cached for build in builds].count(False) == 1
        assert len({build.files for build in builds}) == 1
        after = sandbox.metrics()
        assert (after.builds - before.builds, after.cache_hits - before.cache_hits) == (6, 5)

    async def test_a_failed_build_is_remembered(self, sandbox: Sandbox) -> None:
        program = Program(language="c", source=f"int main(void) {{ return {time.time()} oops; }}")
        first, again = [await sandbox.build(program, time_s=30, memory_mb=512) for _ in range(2)]
        assert (first.ok, first.reason, first.cached) == (False, "error", False)
        assert again == first.model_copy(update={"cached": True, "cpu_s": 0.0})

    async def test_names_of_sources_cannot_lead_out_of_the_directory(self, sandbox: Sandbox) -> None:
        with pytest.raises(ConfigError, match="not a plain relative path"):
            await sandbox.build(Program(language="python", source="", files={"../x.py": ""}), time_s=30, memory_mb=512)

    async def test_what_does_not_compile_cannot_be_run(self, sandbox: Sandbox) -> None:
        build = await sandbox.build(Program(language="c", source="int"), time_s=30, memory_mb=512)
        with pytest.raises(ConfigError, match="does not compile"):
            await sandbox.run(build, limits=LIMITS)


class TestRuns:
    async def test_files_are_kept_if_they_are_regular_and_small_enough(self, sandbox: Sandbox) -> None:
        source = """
import os
os.mkdir("sub")
open("sub/a.bin", "wb").write(bytes(range(256)))
open("large", "w").write("x" * 1001)
os.symlink("/etc/passwd", "link")
os.mkfifo("fifo")
open("exact", "w").write("y" * 1000)
os.mkdir("folder")
"""
        names = ("sub/a.bin", "large", "link", "fifo", "exact", "absent", "folder", "main.py")
        build = await built(sandbox, source)
        result = await sandbox.run(build, limits=LIMITS, keep=dict.fromkeys(names, 1000))
        assert result.status is RunStatus.OK, result
        assert result.files == {"sub/a.bin": bytes(range(256)), "exact": b"y" * 1000, "main.py": source.encode()}

    @pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a//b", "", "a/./b", "a\0b", "x" * 600])
    async def test_paths_that_are_not_plain_are_refused(self, sandbox: Sandbox, name: str) -> None:
        build = await built(sandbox, "print(1)")
        with pytest.raises(ConfigError, match="not a plain relative path"):
            await sandbox.run(build, limits=LIMITS, files={name: b""})
        with pytest.raises(ConfigError, match="not a plain relative path"):
            await sandbox.run(build, limits=LIMITS, keep={name: 10})

    async def test_many_programs_at_once_give_each_its_own_answer(self, sandbox: Sandbox) -> None:
        build = await built(sandbox, "print(int(input()) ** 2)")
        results = await asyncio.gather(
            *(sandbox.run(build, limits=LIMITS, stdin=b"%d\n" % number, job=str(number % 5)) for number in range(40))
        )
        assert [int(result.stdout) for result in results] == [number**2 for number in range(40)]

    async def test_jobs_take_turns(self, sandbox: Sandbox) -> None:
        build = await built(sandbox, "import time; time.sleep(0.05)")
        ended: list[str] = []

        async def one(job: str) -> None:
            await sandbox.run(build, limits=LIMITS, job=job)
            ended.append(job)

        many = [asyncio.create_task(one("many")) for _ in range(12 * sandbox.slots)]
        await asyncio.sleep(0)
        await asyncio.gather(*(one("few") for _ in range(2)))
        # Those of the large job that ran or were next, and as many as the small one had.
        assert ended.count("many") <= 2 * sandbox.slots + 2
        await asyncio.gather(*many)

    async def test_a_cancelled_run_leaves_its_box_usable(self, sandbox: Sandbox) -> None:
        build = await built(sandbox, "import time\nprint('x', flush=True)\nif input() == 'sleep': time.sleep(60)")
        limits = LIMITS.model_copy(update={"wall_time_s": 60.0})
        await sandbox.run(build, limits=LIMITS, stdin=b"\n")
        before = sandbox.metrics()
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await sandbox.run(build, limits=limits, stdin=b"sleep\n")
        assert (await sandbox.run(build, limits=LIMITS, stdin=b"\n")).stdout == b"x\n"
        after = sandbox.metrics()
        assert after.cancelled - before.cancelled == 3
        if sandbox.info.guarantees["uid_per_run"]:
            assert after.boxes_replaced == before.boxes_replaced

    async def test_a_box_that_looks_wrong_is_replaced(self, sandbox: BoxSandbox) -> None:
        build = await built(sandbox, "print(1)")
        for _ in range(sandbox.slots + 1):
            before = sandbox.metrics().boxes_replaced
            lease = await sandbox._pool.lease(64)
            lease.box.usable = False
            sandbox._pool.give_back(lease)
            assert sandbox.metrics().boxes_replaced == before + 1
            assert (await sandbox.run(build, limits=LIMITS)).stdout == b"1\n"

    async def test_metrics_count_what_happened(self, sandbox: Sandbox) -> None:
        build = await built(sandbox, "import sys; sys.exit(int(input()))")
        before = sandbox.metrics()
        for code in (0, 0, 7):
            await sandbox.run(build, limits=LIMITS, stdin=b"%d\n" % code)
        after = sandbox.metrics()
        counted = {status: after.runs.get(status, 0) - before.runs.get(status, 0) for status in RunStatus}
        assert {status: count for status, count in counted.items() if count} == {RunStatus.OK: 2, RunStatus.EXIT: 1}
        assert (after.running, after.waiting, after.retried) == (0, 0, before.retried)
        assert 1 <= after.boxes <= sandbox.slots + 1

    async def test_slots_that_are_held_keep_programs_waiting(self, sandbox: Sandbox) -> None:
        build = await built(sandbox, "print(1)")
        async with asyncio.timeout(20):
            holders = [sandbox.slot() for _ in range(sandbox.slots)]
            for holder in holders:
                await holder.__aenter__()
            waiting = asyncio.create_task(sandbox.run(build, limits=LIMITS))
            await asyncio.sleep(0.05)
            assert (waiting.done(), sandbox.metrics().waiting) == (False, 1)
            for holder in holders:
                await holder.__aexit__(None, None, None)
            assert (await waiting).status is RunStatus.OK

    async def test_a_run_over_its_limit_is_told_by_its_cpu_time(self, sandbox: Sandbox) -> None:
        source = "import time\nwhile time.process_time() < 0.55: pass\nprint('done')"
        build = await built(sandbox, source)
        over = await sandbox.run(build, limits=LIMITS.model_copy(update={"cpu_time_s": 0.5}))
        assert (over.status, over.exit_code) == (RunStatus.CPU_TIME, None)
        assert over.cpu_s > 0.5
        within = await sandbox.run(build, limits=LIMITS.model_copy(update={"cpu_time_s": 1.0}))
        assert (within.status, within.stdout) == (RunStatus.OK, b"done\n")


class TestConnected:
    async def test_talk(self, sandbox: Sandbox) -> None:
        build = await built(sandbox, ECHO)
        async with sandbox.connect(build, limits=LIMITS) as program:
            for word in (b"one", b"two", b"three"):
                await program.send(word + b"\n")
                assert await line(program) == b"<" + word + b">\n"
            await program.close_stdin()
            assert await line(program) == b"bye\n"
            assert await program.receive() == b""
            assert await program.receive() == b""
            result = await program.result()
        assert (result.status, result.exit_code, result.stdout) == (RunStatus.OK, 0, b"")
        assert result.cpu_s > 0

    async def test_a_compiled_program_talks_too(self, sandbox: Sandbox) -> None:
        source = """
#include <cstdio>
int main() {
    int n;
    while (std::scanf("%d", &n) == 1) { std::printf("%d\\n", n * n); std::fflush(stdout); }
    return 5;
}
"""
        build = await built(sandbox, source, "cpp")
        async with sandbox.connect(build, limits=LIMITS) as program:
            for number in range(50):
                await program.send(b"%d\n" % number)
                assert await line(program) == b"%d\n" % number**2
            await program.close_stdin()
            result = await program.result()
        assert (result.status, result.exit_code) == (RunStatus.EXIT, 5)

    async def test_interrupt(self, sandbox: Sandbox) -> None:
        source = """
import time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("stopped")
"""
        build = await built(sandbox, source)
        async with sandbox.connect(build, limits=LIMITS) as program:
            assert await line(program) == b"ready\n"
            await program.interrupt()
            assert await line(program) == b"stopped\n"
            assert (await program.result()).status is RunStatus.OK

    async def test_kill_ends_everything_that_it_started(self, sandbox: Sandbox) -> None:
        source = "import os, time\nos.fork()\nprint('ready', flush=True)\ntime.sleep(60)"
        build = await built(sandbox, source)
        async with sandbox.connect(build, limits=LIMITS, keep={"main.py": 1000}) as program:
            await line(program)
            await program.kill()
            result = await program.result()
            assert (result.status, result.signal) == (RunStatus.SIGNAL, 9)
            assert await program.receive() in (b"", b"ready\n")
            await program.send(b"nobody hears it")
            await program.interrupt()
            await program.close_stdin()
            await program.kill()

    async def test_leaving_the_context_kills_it(self, sandbox: Sandbox) -> None:
        build = await built(sandbox, "import time\nprint('ready', flush=True)\ntime.sleep(60)")
        for _ in range(sandbox.slots + 1):
            async with sandbox.connect(build, limits=LIMITS.model_copy(update={"wall_time_s": 60.0})) as program:
                await line(program)
        async with asyncio.timeout(20):
            quick = await built(sandbox, "print(1)")
            assert (await sandbox.run(quick, limits=LIMITS)).stdout == b"1\n"

    async def test_large_streams_in_both_directions(self, sandbox: Sandbox) -> None:
        data = os.urandom(8 * MB)
        build = await built(
            sandbox, "import shutil, sys\nshutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer, 1 << 16)"
        )
        limits = LIMITS.model_copy(update={"output_bytes": 8 * MB})
        received = bytearray()
        async with sandbox.connect(build, limits=limits) as program:

            async def send() -> None:
                await program.send(data)
                await program.close_stdin()

            sending = asyncio.create_task(send())
            while part := await program.receive():
                received += part
            await sending
            assert (await program.result()).status is RunStatus.OK
        assert received == data

    async def test_a_program_that_does_not_read_holds_up_its_sender_only(self, sandbox: Sandbox) -> None:
        build = await built(sandbox, "import time\ntime.sleep(60)")
        quick = await built(sandbox, "print(1)")
        limits = LIMITS.model_copy(update={"wall_time_s": 60.0})
        async with sandbox.connect(build, limits=limits, slot=False) as program:
            sending = asyncio.create_task(program.send(bytes(16 * MB)))
            assert (await sandbox.run(quick, limits=LIMITS)).stdout == b"1\n"
            assert not sending.done()
            await program.kill()
            await sending

    @pytest.mark.parametrize(
        ("source", "limits", "expected"),
        [
            ("while True: pass", {"cpu_time_s": 0.3}, RunStatus.CPU_TIME),
            ("input()", {"wall_time_s": 0.5}, RunStatus.WALL_TIME),
            ("x = []\nwhile True: x.append(b'x' * (1 << 20))", {}, RunStatus.MEMORY),
            ("print('x' * (3 << 20))", {}, RunStatus.OUTPUT),
            ("import sys; sys.exit(3)", {}, RunStatus.EXIT),
        ],
    )
    async def test_limits_hold(
        self, sandbox: Sandbox, source: str, limits: dict[str, Any], expected: RunStatus
    ) -> None:
        build = await built(sandbox, source)
        received = 0
        async with sandbox.connect(build, limits=LIMITS.model_copy(update=limits)) as program:
            while part := await program.receive():
                received += len(part)
            assert (await program.result()).status is expected
        assert received <= MB

    async def test_files_arguments_and_standard_error(self, sandbox: Sandbox) -> None:
        source = """
import sys
open("left.txt", "w").write(open("given.txt").read() + sys.argv[1])
print("said", file=sys.stderr)
"""
        build = await built(sandbox, source)
        async with sandbox.connect(
            build, limits=LIMITS, arguments=("!",), files={"given.txt": b"given"}, keep={"left.txt": 100}
        ) as program:
            result = await program.result()
        assert (result.files, result.stderr) == ({"left.txt": b"given!"}, b"said\n")

    async def test_idle_programs_take_no_slot(self, sandbox: Sandbox) -> None:
        build, quick = await built(sandbox, ECHO), await built(sandbox, "print(1)")
        entered = asyncio.Semaphore(0)
        leave = asyncio.Event()

        async def idle() -> None:
            async with sandbox.connect(build, limits=LIMITS, slot=False) as program:
                await program.send(b"x\n")
                assert await line(program) == b"<x>\n"
                entered.release()
                await leave.wait()

        idles = [asyncio.create_task(idle()) for _ in range(sandbox.slots + 3)]
        for _ in idles:
            await entered.acquire()
        assert sandbox.metrics().running == 0
        assert (await sandbox.run(quick, limits=LIMITS)).stdout == b"1\n"
        leave.set()
        await asyncio.gather(*idles)

    async def test_two_programs_talk_to_each_other(self, sandbox: Sandbox) -> None:
        asker = """
import random
secret = 777
for _ in range(20):
    guess = int(input())
    print("lower" if guess > secret else "higher" if guess < secret else "right", flush=True)
    if guess == secret: break
"""
        guesser = """
low, high = 1, 1000
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    said = input()
    if said == "right": break
    if said == "lower": high = middle - 1
    else: low = middle + 1
"""
        one, other = await built(sandbox, asker), await built(sandbox, guesser)
        async with (
            sandbox.connect(one, limits=LIMITS, slot=False) as judge,
            sandbox.connect(other, limits=LIMITS) as player,
        ):

            async def relay(source: RunningProgram, target: RunningProgram) -> None:
                while part := await source.receive():
                    await target.send(part)
                await target.close_stdin()

            await asyncio.gather(relay(judge, player), relay(player, judge))
            assert [(await program.result()).status for program in (judge, player)] == [RunStatus.OK] * 2


@pytest.mark.parametrize("backend", BACKENDS)
async def test_an_unstarted_sandbox_refuses(backend: str, request: pytest.FixtureRequest) -> None:
    sandbox = make_sandbox(backend, request)
    assert sandbox.metrics().boxes == 0
    with pytest.raises(Exception, match="start"):
        await sandbox.build(Program(language="c", source=""), time_s=1, memory_mb=64)
