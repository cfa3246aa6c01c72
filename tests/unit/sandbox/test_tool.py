"""The tool against kernels that lie: whatever comes from a box, the session ends as lost and nothing else happens."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from solvent.errors import DataError, SandboxError
from solvent.sandbox.base import Build, RunResult, RunStatus, Sandbox
from solvent.sandbox.kernel_answer import CellAnswer, FileList, clean, result_of
from solvent.sandbox.tool import open_tool

GOOD = {
    "status": "ok", "report": {"cell": 1, "value": {"repr": "1", "type": "int"}}, "died": {}, "killed": 0,
    "alive": True, "output": "", "output_bytes": 0, "wall_s": 0.1, "cpu_s": 0.1, "memory_bytes": 1, "files": [],
}  # fmt: skip
Reply = Callable[[dict[str, Any]], bytes]


def framed(answer: object) -> bytes:
    data = json.dumps(answer).encode()
    return struct.pack("<I", len(data)) + data


class ScriptedProgram:
    """A kernel that answers each request with what `reply` makes of it; b"" ends it."""

    def __init__(self, reply: Reply, status: RunStatus = RunStatus.EXIT) -> None:
        self._reply = reply
        self._status = status
        self._received = b""
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._ended = asyncio.Event()
        self.interrupted = 0

    async def send(self, data: bytes) -> None:
        self._received += data
        [length] = struct.unpack_from("<I", self._received)
        if len(self._received) >= 4 + length:
            request = json.loads(self._received[4 : 4 + length])
            self._received = self._received[4 + length :]
            is_cell = request["do"] != "configure"
            answer = self._reply(request) if is_cell else framed({"id": request["id"]})
            if not answer:
                self._ended.set()
            self._answers.put_nowait(answer)

    async def close_stdin(self) -> None:
        """Nothing to do."""

    async def receive(self) -> bytes:
        return await self._answers.get()

    async def interrupt(self) -> None:
        self.interrupted += 1

    async def kill(self) -> None:
        self._ended.set()

    async def result(self) -> RunResult:
        await self._ended.wait()
        return RunResult(status=self._status, cpu_s=7.0)


class ScriptedSandbox:
    """As much of a sandbox as the tool needs."""

    def __init__(self, *programs: ScriptedProgram) -> None:
        self.programs = list(programs)
        self.open = 0
        self.in_slot = 0

    async def build(self, *_: object, **__: object) -> Build:
        return Build(language="python", ok=True)

    @asynccontextmanager
    async def connect(self, *_: object, slot: bool, **__: object) -> AsyncIterator[ScriptedProgram]:
        assert not slot
        self.open += 1
        try:
            yield self.programs.pop(0)
        finally:
            self.open -= 1

    def slot(self, **_: object) -> AbstractAsyncContextManager[None]:
        @asynccontextmanager
        async def hold() -> AsyncIterator[None]:
            self.in_slot += 1
            try:
                yield
            finally:
                self.in_slot -= 1

        return hold()


def good(request: dict[str, Any]) -> bytes:
    return framed({**GOOD, "id": request["id"]})


def sandbox_of(*programs: ScriptedProgram) -> tuple[Sandbox, ScriptedSandbox]:
    made = ScriptedSandbox(*programs)
    return cast(Sandbox, made), made


@pytest.mark.parametrize(
    "reply",
    [
        lambda r: b"",
        lambda r: struct.pack("<I", 1 << 31),
        lambda r: struct.pack("<I", 4) + b"{{{{",
        lambda r: struct.pack("<I", 200_000) + b"[" * 200_000,
        lambda r: framed([]),
        lambda r: framed({**GOOD, "id": r["id"] + 1}),
        lambda r: framed({**GOOD}),
        lambda r: framed({"id": r["id"]}),
        lambda r: good(r) + b"more",
        lambda r: framed({**GOOD, "id": r["id"], "status": "passed"}),
        lambda r: framed({**GOOD, "id": r["id"], "wall_s": float("nan")}),
        lambda r: framed({**GOOD, "id": r["id"], "cpu_s": -1}),
        lambda r: framed({**GOOD, "id": r["id"], "output": "x" * (1 << 21)}),
        lambda r: framed({**GOOD, "id": r["id"], "report": {"value": {"repr": 5, "type": "int"}}}),
        lambda r: framed({**GOOD, "id": r["id"], "files": [["x"] * 9] * 2000}),
        lambda r: framed({**GOOD, "id": r["id"], "alive": 1}),
        lambda r: b"\0" * (66 << 20),
    ],
)
async def test_odd_answers_lose_the_session_and_the_next_cell_has_a_new_one(reply: Reply) -> None:
    sandbox, scripted = sandbox_of(ScriptedProgram(reply), ScriptedProgram(good))
    async with open_tool(sandbox) as tool:
        result = await tool.execute("1")
        assert (result.status, result.state_lost) == ("died", True)
        assert scripted.open == 0
        again = await tool.execute("1")
        assert (again.status, again.state_lost) == ("ok", False)
    assert (scripted.open, scripted.in_slot) == (0, 0)


@pytest.mark.parametrize(
    ("ended", "status"), [(RunStatus.MEMORY, "memory"), (RunStatus.CPU_TIME, "limit"), (RunStatus.FAULT, "died")]
)
async def test_the_sandbox_says_why_a_kernel_ended(ended: RunStatus, status: str) -> None:
    sandbox, _ = sandbox_of(ScriptedProgram(lambda r: b"", ended))
    async with open_tool(sandbox) as tool:
        result = await tool.execute("1")
        assert (result.status, result.state_lost) == (status, True)
        assert tool.cpu_s == 7.0


async def test_a_silent_kernel_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvent.sandbox.tool._MARGIN_S", 0.0)
    sandbox, scripted = sandbox_of(ScriptedProgram(lambda r: b"\0"))
    async with open_tool(sandbox) as tool:
        result = await tool.execute("1", timeout_s=0.01)
        assert (result.status, result.lost_because) == ("died", "its process did not answer any more")
    assert scripted.open == 0


async def test_a_cancelled_cell_is_interrupted_and_its_answer_not_taken_for_the_next() -> None:
    held: list[bytes] = []
    ready = asyncio.Event()

    def hold(request: dict[str, Any]) -> bytes:
        if request["code"] == "hold":
            held.append(good(request))
            ready.set()
            return held[0][:3]
        return framed({**GOOD, "id": request["id"], "output": "mine"})

    program = ScriptedProgram(hold)

    async def interrupt() -> None:
        program.interrupted += 1
        program._answers.put_nowait(held[0][3:])

    program.interrupt = interrupt  # type: ignore[method-assign]  # the script answers when it is interrupted
    sandbox, scripted = sandbox_of(program)
    async with open_tool(sandbox) as tool:
        task = asyncio.create_task(tool.execute("hold"))
        await ready.wait()
        assert scripted.in_slot == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (program.interrupted, scripted.in_slot) == (1, 0)
        assert (await tool.execute("next")).output == "mine"


async def test_files_of_a_lying_kernel() -> None:
    def reply(request: dict[str, Any]) -> bytes:
        answers: dict[str, dict[str, Any]] = {
            "files": {"files": [["a", 1], [1, "b"], ["c", -1], []]},
            "read": {"data": "%"},
        }
        answer = answers.get(request["do"], {"failed": "no"})
        return framed({**answer, "id": request["id"]})

    sandbox, _ = sandbox_of(ScriptedProgram(reply))
    async with open_tool(sandbox) as tool:
        assert [file.name for file in await tool.files()] == ["a"]
        with pytest.raises(DataError, match="cannot be read"):
            await tool.read("a")
        with pytest.raises(DataError, match="no"):
            await tool.write("a", b"")


async def test_a_closed_session_says_so() -> None:
    sandbox, _ = sandbox_of()
    async with open_tool(sandbox) as tool:
        pass
    with pytest.raises(SandboxError, match="closed"):
        await tool.execute("1")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(list(GOOD)), json_values, max_size=5), json_values)
def test_any_answer_is_a_result_or_refused(changes: dict[str, Any], report: Any) -> None:
    try:
        answer = CellAnswer.model_validate(clean({**GOOD, "report": report, **changes}))
    except ValidationError:
        return
    result = result_of(answer, 1, 1.0, 1.0)
    result.model_dump_json()
    result.describe().encode()


def test_file_lists_are_bounded() -> None:
    with pytest.raises(ValidationError):
        FileList.model_validate({"files": [["a", 1]] * 1001})
