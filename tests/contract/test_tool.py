"""The stateful Python tool on every sandbox backend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from solvent.errors import DataError, SandboxError
from solvent.sandbox.base import Sandbox
from solvent.sandbox.tool import Tool, open_tool
from solvent.sandbox.tool_pool import ToolPool
from solvent.sandbox.tool_results import ToolLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = ToolLimits(cell_wall_s=60, cell_cpu_s=20, grace_s=0.3, memory_mb=256)
ENDLESS = "while True: pass"


@pytest_asyncio.fixture(loop_scope="module")
async def tool(sandbox: Sandbox) -> AsyncIterator[Tool]:
    async with open_tool(sandbox, LIMITS) as opened:
        yield opened


async def value(tool: Tool, code: str) -> str:
    result = await tool.execute(code)
    assert result.status == "ok", result
    return result.value.repr if result.value is not None else ""


async def test_cells_share_their_variables(tool: Tool) -> None:
    await value(tool, "x = 2 ** 10")
    result = await tool.execute("print('shown')\nx + 1")
    assert result.describe() == "shown\n1025"
    assert (result.number, result.state_lost, result.output_bytes) == (2, False, 6)
    assert result.wall_s > 0
    assert result.memory_mb > 1
    assert "ZeroDivisionError: division by zero" in (await tool.execute("x / 0")).describe()


async def test_sessions_see_nothing_of_each_other(sandbox: Sandbox, tool: Tool) -> None:
    await value(tool, "secret = 'zebra'\nopen('a.txt', 'w').write(secret)")
    async with open_tool(sandbox, LIMITS) as other:
        assert (await other.execute("secret")).status == "error"
        assert await other.files() == ()
        assert await value(other, "import glob; glob.glob('/w/*/a.txt') + glob.glob('/tmp/*')") == "[]"
    assert await value(tool, "secret") == "'zebra'"


async def test_time_limits(tool: Tool) -> None:
    await value(tool, "x = 1")
    for result in (await tool.execute(ENDLESS, timeout_s=0.3), await tool.execute(ENDLESS, cpu_s=0.2)):
        assert (result.status, result.state_lost) == ("timeout", False)
    stubborn = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{ENDLESS}"
    lost = await tool.execute(stubborn, timeout_s=0.3)
    assert (lost.status, lost.state_lost) == ("timeout", True)
    again = await tool.execute("x")
    assert (again.status, again.state_lost) == ("error", False)


@pytest.mark.parametrize(
    "code",
    [
        "import os; os._exit(0)",
        "import ctypes; ctypes.string_at(0)",
        "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
        "import os, signal; os.kill(-1, signal.SIGKILL)",
        "import os\nfor n in range(256):\n    try: os.write(n, b'\\xff' * 99)\n    except OSError: pass\nos._exit(0)",
        "import os; os.closerange(0, 256)",
        "import os, signal; os.kill(os.getppid(), signal.SIGSTOP); os._exit(0)",
    ],
)
async def test_a_lost_process_is_told_and_the_next_cell_starts_anew(sandbox: Sandbox, code: str) -> None:
    async with open_tool(sandbox, LIMITS.model_copy(update={"life_s": 3})) as tool:
        await value(tool, "x = 1")
        result = await tool.execute(code, timeout_s=2)
        assert result.status in ("died", "timeout"), result
        assert result.state_lost
        assert result.lost_because
        assert await value(tool, "'x' in globals()") == "False"


async def test_memory(tool: Tool) -> None:
    await value(tool, "x = 1")
    too_much = await tool.execute("y = bytearray(1 << 30)")
    assert too_much.error is not None
    assert too_much.error.type == "MemoryError"
    assert await value(tool, "x") == "1"
    child = "    if os.fork() == 0:\n        y = bytearray(120 << 20)\n        time.sleep(9)\n"
    result = await tool.execute(f"import os, time\nfor _ in range(6):\n{child}os.wait()")
    assert result.status in ("memory", "ok"), result
    assert await value(tool, "1") == "1"


async def test_fork_bombs_and_threads_end_with_the_cell(tool: Tool) -> None:
    await tool.execute("import os\nwhile True: os.fork()", timeout_s=1)
    assert await value(tool, "1 + 1") == "2"
    await value(tool, "import threading, time\ngap, last = 0.0, time.monotonic()")
    watching = """def watch():
    global gap, last
    while True:
        now = time.monotonic()
        gap, last = max(gap, now - last), now
"""
    await value(tool, watching)
    await value(tool, "threading.Thread(target=watch, daemon=True).start()")
    await asyncio.sleep(1)
    after = await tool.execute("seen = last\nwhile last == seen: time.sleep(0.001)\ngap")
    assert after.value is not None
    # It may go on for some milliseconds after a cell has ended, and no longer.
    assert float(after.value.repr) > 0.9
    result = await tool.execute("import subprocess; p = subprocess.Popen(['sleep', '99'], start_new_session=True)")
    assert result.stopped_processes == 1


async def test_what_does_not_exist_here_says_so(tool: Tool) -> None:
    for code, said in {
        "input()": "nobody answers",
        "!ls": "no shell commands",
        "%time 1": "no magics",
        "pip install x": "no package can be installed",
        "import no_such_module": "no package can be installed",
    }.items():
        assert said in (await tool.execute(code)).describe()
    assert (await tool.execute("import socket; socket.create_connection(('192.0.2.1', 80), 2)")).status == "error"


async def test_a_flood_is_cut(sandbox: Sandbox) -> None:
    limits = LIMITS.model_copy(update={"flood_bytes": 1 << 20, "output_bytes": 1000})
    async with open_tool(sandbox, limits) as tool:
        result = await tool.execute("while True: print('x' * 1000)")
        assert result.status == "output"
        assert len(result.output) < 1200
        assert not result.state_lost


async def test_files(tool: Tool) -> None:
    await tool.write("data/in.csv", b"1,2\n")
    result = await tool.execute("text = open('data/in.csv').read()\nopen('out.txt', 'w').write(text * 2)")
    assert [(file.name, file.size_bytes) for file in result.files] == [("out.txt", 8)]
    assert [file.name for file in await tool.files()] == ["data/in.csv", "out.txt"]
    assert await tool.read("out.txt") == b"1,2\n1,2\n"
    await value(tool, "import os; os.symlink('/etc/passwd', 'link'); os.mkfifo('pipe')")
    for name in ("link", "pipe", "data", "../x", "/etc/passwd", "missing"):
        with pytest.raises(DataError):
            await tool.read(name)
    with pytest.raises(DataError):
        await tool.write("big", bytes(LIMITS.file_bytes + 1))


async def test_restart_and_replay(sandbox: Sandbox) -> None:
    async with open_tool(sandbox, LIMITS, replay=True) as tool:
        await value(tool, "x = [1]")
        await value(tool, "x.append(2)")
        await tool.execute("x.append(1 / 0)")
        lost = await tool.execute("import os; os._exit(1)")
        assert lost.state_lost
        result = await tool.execute("x")
        assert result.value is not None
        assert (result.value.repr, result.replayed, result.state_lost) == ("[1, 2]", 2, False)
        assert await tool.restart(replay=True) == 3
        assert await value(tool, "x") == "[1, 2]"
        assert await tool.restart() == 0
        assert (await tool.execute("x")).status == "error"


async def test_replay_that_fails_says_so(sandbox: Sandbox) -> None:
    async with open_tool(sandbox, LIMITS, replay=True) as tool:
        await value(tool, "import os\nx = 1")
        await value(tool, "open('once', 'x').close()")
        await tool.execute("os._exit(1)")
        # The file is still there, since only the cells' process was lost.
        result = await tool.execute("x")
        assert (result.replayed, result.state_lost) == (1, True)
        assert "run again" in str(result.lost_because)
        assert (await tool.execute("x")).state_lost is False


async def test_limits_of_the_session(sandbox: Sandbox) -> None:
    async with open_tool(sandbox, LIMITS.model_copy(update={"cells": 2})) as tool:
        await value(tool, "x = 1")
        await value(tool, "x")
        assert (await tool.execute("x")).status == "limit"
    async with open_tool(sandbox, LIMITS.model_copy(update={"total_cpu_s": 0.5})) as tool:
        results = [await tool.execute(ENDLESS, cpu_s=0.3) for _ in range(4)]
        assert [result.status for result in results][-1] == "limit"
    with pytest.raises(SandboxError):
        await tool.execute("1")


async def test_cancelling_interrupts_the_cell_and_keeps_the_session(sandbox: Sandbox, tool: Tool) -> None:
    await value(tool, "x = 1")
    for code in (ENDLESS, f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{ENDLESS}"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await tool.execute(code)
        result = await tool.execute("x")
        assert result.status == ("ok" if code is ENDLESS else "error")
        assert result.state_lost is (code is not ENDLESS)
    assert sandbox.metrics().running == 0


async def test_a_session_needs_no_slot_while_it_waits(sandbox: Sandbox) -> None:
    contexts = [open_tool(sandbox, LIMITS, job=str(n)) for n in range(sandbox.slots + 2)]
    tools = [await context.__aenter__() for context in contexts]
    try:
        for number, tool in enumerate(tools):
            await value(tool, f"x = {number}")
        assert sandbox.metrics().running == 0
        assert await asyncio.gather(*(value(tool, "x") for tool in tools)) == [str(n) for n in range(len(tools))]
    finally:
        for context in contexts:
            await context.__aexit__(None, None, None)


async def test_the_pool_reclaims_what_was_idle_longest(sandbox: Sandbox) -> None:
    pool = ToolPool(sandbox, max_sessions=2)
    async with pool.open(LIMITS) as first, pool.open(LIMITS) as second, pool.open(LIMITS, replay=True) as third:
        await value(first, "x = 1")
        await value(second, "x = 2")
        assert pool.live == 2
        await value(third, "x = 3")
        assert (pool.live, pool.reclaimed) == (2, 1)
        lost = await first.execute("x")
        assert lost.status == "error"
        assert (lost.state_lost, lost.lost_because) == (True, "another session needed its place")
        assert (await first.execute("1")).state_lost is False
        # `second` was next to go; now it comes back at the cost of `third`, which replays.
        await second.execute("x")
        back = await third.execute("x")
        assert back.value is not None
        assert (back.value.repr, back.replayed, back.state_lost) == ("3", 1, False)
    assert pool.live == 0


async def test_the_pool_waits_for_busy_sessions(sandbox: Sandbox) -> None:
    pool = ToolPool(sandbox, max_sessions=1)
    async with pool.open(LIMITS) as first, pool.open(LIMITS) as second:
        results = await asyncio.gather(first.execute("import time; time.sleep(0.3); 1"), second.execute("2"))
        assert [result.status for result in results] == ["ok", "ok"]


async def test_the_pool_ends_sessions_that_are_idle_for_too_long(sandbox: Sandbox) -> None:
    pool = ToolPool(sandbox, max_idle_s=0.2)
    async with pool.open(LIMITS) as tool:
        await value(tool, "x = 1")
        async with asyncio.timeout(30):
            while pool.live:
                await asyncio.sleep(0.05)
        result = await tool.execute("'x' in globals()")
        assert result.value is not None
        assert (result.value.repr, result.state_lost) == ("False", True)


async def test_a_kernel_that_ended_while_idle_is_told(sandbox: Sandbox) -> None:
    async with open_tool(sandbox, LIMITS.model_copy(update={"life_s": 1.5})) as tool:
        await value(tool, "x = 1")
        await asyncio.sleep(2.5)
        result = await tool.execute("'x' in globals()")
        assert result.value is not None
        assert (result.value.repr, result.state_lost) == ("False", True)
        assert "too long" in str(result.lost_because)


async def test_packages_of_the_image(sandbox: Sandbox) -> None:
    async with open_tool(sandbox, LIMITS.model_copy(update={"memory_mb": 512})) as tool:
        await check_packages(tool)


async def check_packages(tool: Tool) -> None:
    found = await value(tool, "import importlib.util; importlib.util.find_spec('matplotlib') is not None")
    if found != "True":
        pytest.skip("matplotlib is not in this sandbox")
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nplt.plot([2, 1]);"
    result = await tool.execute(code)
    assert result.status == "ok", result
    assert [figure[:4] for figure in result.figures] == [b"\x89PNG"] * 2
    assert (await tool.execute("1")).figures == ()
    solved = await tool.execute("import sympy\nx = sympy.Symbol('x')\nsympy.integrate(sympy.cos(x) / 2, x)")
    assert solved.value is not None
    assert solved.value.latex == r"\frac{\sin{\left(x \right)}}{2}"
    assert await value(tool, "import numpy as np; int(np.arange(4).sum())") == "6"
    assert await value(tool, "import networkx as nx; nx.shortest_path(nx.path_graph(3), 0, 2)") == "[0, 1, 2]"
