"""What a box is asked for, and what its answer means."""

from __future__ import annotations

import pytest
from fake_box import FakeBoxSandbox, FakeMachine, Reply, Request
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.errors import ConfigError, SandboxError
from solvent.sandbox import wire
from solvent.sandbox.base import Build, Program, RunLimits, RunResult, RunStatus
from solvent.sandbox.cache import built_file
from solvent.sandbox.languages import find_language
from solvent.sandbox.requests import decide, is_borderline, plain_path, program_request, wire_limits

LIMITS = RunLimits(cpu_time_s=2, wall_time_s=6, memory_mb=100, output_bytes=1000, processes=3)


def build(language: str = "c") -> Build:
    return Build(language=language, ok=True, files=(built_file("main", 0o700, b"x"),))


@settings(deadline=None)
@given(st.sampled_from(list(RunStatus)), st.floats(0.01, 100), st.floats(0, 200), st.floats(0, 200))
def test_decisions_about_cpu_time(status: RunStatus, limit_s: float, cpu_s: float, again_s: float) -> None:
    first = RunResult(status=status, cpu_s=cpu_s)
    own_end = status in (RunStatus.OK, RunStatus.EXIT, RunStatus.SIGNAL)
    assert is_borderline(limit_s, first) == (own_end and cpu_s > limit_s)
    final = decide(limit_s, RunResult(status=status, cpu_s=again_s, exit_code=0))
    if own_end and again_s > limit_s:
        assert (final.status, final.exit_code, final.cpu_s) == (RunStatus.CPU_TIME, None, again_s)
    else:
        assert (final.status, final.exit_code) == (status, 0)


@settings(deadline=None)
@given(st.floats(0.001, 1000))
def test_a_run_may_go_a_little_beyond_its_limit_and_a_connected_one_may_not(cpu_time_s: float) -> None:
    limits = LIMITS.model_copy(update={"cpu_time_s": cpu_time_s})
    extended = wire_limits(limits, extended=True).cpu_us
    assert extended == pytest.approx(cpu_time_s * 1.3e6 + 20_000, abs=2)
    assert wire_limits(limits).cpu_us == pytest.approx(cpu_time_s * 1e6, abs=1)
    assert program_request(build(), limits=limits, zygote=False).run.limits.cpu_us == extended
    connected = program_request(build(), limits=limits, zygote=False, connected=True).run
    assert (connected.limits.cpu_us, connected.flags) == (wire_limits(limits).cpu_us, wire.STREAM)


def test_limits_as_sent() -> None:
    limits = wire_limits(LIMITS)
    assert limits[1:] == (6_000_000, 100 << 20, 1000, 64 << 10, 64 << 20, 100 << 20, 3, 256)
    assert wire_limits(LIMITS.model_copy(update={"stack_mb": 8})).stack_bytes == 8 << 20


def test_python_is_forked_where_there_is_an_interpreter_to_fork() -> None:
    forked = program_request(build("python"), limits=LIMITS, zygote=True, arguments=("a", "b")).run
    assert (forked.flags, forked.argv) == (wire.ZYGOTE, (b"main.py", b"a", b"b"))
    started = program_request(build("python"), limits=LIMITS, zygote=False, arguments=("a",)).run
    assert (started.flags, started.argv) == (0, (b"/usr/bin/python3", b"main.py", b"a"))


def test_a_virtual_machine_that_gives_up_beyond_its_limit_has_exceeded_it() -> None:
    language = find_language("pypy")
    assert language.memory_extra_mb
    request = program_request(build("pypy"), limits=LIMITS, zygote=True)
    assert request.memory_mb == 100 + language.memory_extra_mb
    assert request.run.limits.memory_bytes == request.memory_mb << 20

    def status(**fields: object) -> RunStatus:
        from fake_box import HEADER, result

        from solvent.sandbox import replies

        payload = memoryview(result(1, Reply(**fields)))[HEADER.size :]  # type: ignore[arg-type]  # fields of Reply
        return request.result(replies.decode_result(payload, request.run)).status

    assert status(status="exit", code=1, peak_bytes=101 << 20) is RunStatus.MEMORY
    assert status(status="exit", code=1, peak_bytes=99 << 20) is RunStatus.EXIT
    assert status(status="ok", peak_bytes=101 << 20) is RunStatus.OK


@settings(deadline=None)
@given(st.text(max_size=30))
def test_paths_lead_nowhere_else(name: str) -> None:
    try:
        path = plain_path(name)
    except ConfigError:
        return
    parts = path.split(b"/")
    assert all(part not in (b"", b".", b"..") for part in parts)
    assert b"\0" not in path


def test_an_argument_with_a_zero_character_is_refused() -> None:
    with pytest.raises(ConfigError, match="zero character"):
        program_request(build(), limits=LIMITS, zygote=False, arguments=("a\0b",))


def compiler(request: Request) -> Reply:
    if b"--version" in request.argv:
        return Reply(stdout=b"gcc 12")
    if b"fail" in request.files[b"main.c"][1]:
        return Reply("exit", code=1, stdout=b"main.c: error")
    if b"nothing" in request.files[b"main.c"][1]:
        return Reply(kept=(None,))
    return Reply(kept=(b"ELF " + request.files[b"main.c"][1],), stdout=b"a warning", cpu_us=500_000)


async def test_a_build_is_asked_for_once_for_each_thing_that_makes_it_what_it_is() -> None:
    machine = FakeMachine(compiler)
    sandbox = FakeBoxSandbox(machine)
    await sandbox.start()
    for source, more in (("a", {}), ("a", {}), ("b", {}), ("a", {"x.h": ""}), ("a", {"x.h": "y"})):
        program = Program(language="c", source=source, files=more)
        built = await sandbox.build(program, time_s=5, memory_mb=512)
        assert (built.ok, built.log, built.files[0].data) == (True, "a warning", f"ELF {source}".encode())
    assert len(machine.requests) == 5  # the version, and four programs
    assert sandbox.metrics().cache_hits == 1
    await sandbox.aclose()


async def test_failed_builds() -> None:
    machine = FakeMachine(lambda request: Reply() if not request.files else compiler_of_failures(request))
    sandbox = FakeBoxSandbox(machine)
    await sandbox.start()
    failed = await sandbox.build(Program(language="c", source="fail"), time_s=5, memory_mb=512)
    assert (failed.ok, failed.reason, failed.log) == (False, "error", "main.c: error")
    empty = await sandbox.build(Program(language="c", source="nothing"), time_s=5, memory_mb=512)
    assert (empty.ok, empty.log) == (False, "the compiler left no file main (at most 256 MiB)")
    slow = await sandbox.build(Program(language="c", source="slow"), time_s=5, memory_mb=512)
    assert (slow.ok, slow.reason) == (False, "time")
    # With more time it may compile, so this failure is no answer for another limit.
    again = await sandbox.build(Program(language="c", source="slow"), time_s=50, memory_mb=512)
    assert (again.cached, sandbox.metrics().cache_hits) == (False, 0)
    with pytest.raises(SandboxError, match="could not be started: no memory"):
        await sandbox.build(Program(language="c", source="fault"), time_s=5, memory_mb=512)
    with pytest.raises(ConfigError, match=r"C17 .* is not installed"):
        await sandbox.build(Program(language="c", source="missing"), time_s=5, memory_mb=512)
    await sandbox.aclose()


def compiler_of_failures(request: Request) -> Reply:
    source = request.files[b"main.c"][1]
    kept = (None,)
    return {
        b"fail": Reply("exit", code=1, stdout=b"main.c: error", kept=kept),
        b"nothing": Reply(kept=kept),
        b"slow": Reply("cpu_time", code=None, kept=kept),
        b"fault": Reply("fault", code=None, fault="no memory", kept=kept),
        b"missing": Reply("fault", code=None, fault="execute: no such file", missing=True, kept=kept),
    }[source]


async def test_python_is_built_without_a_box_where_it_is_forked() -> None:
    machine = FakeMachine(compiler)
    sandbox = FakeBoxSandbox(machine)
    await sandbox.start()
    built = await sandbox.build(Program(language="python", source="print("), time_s=5, memory_mb=512)
    assert (built.ok, [file.name for file in built.files], machine.requests) == (True, ["main.py"], [])
    await sandbox.aclose()
