"""The line to a kernel in its box. Nothing that comes from there is believed to be well-formed."""

from __future__ import annotations

import asyncio
import json
import struct
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from solvent.errors import SandboxError
from solvent.sandbox.base import Build, Program, RunLimits, RunningProgram, RunResult, RunStatus, Sandbox
from solvent.sandbox.tool_results import ToolLimits

_KERNEL = Path(__file__).resolve().parent / "kernel"
_HEADER = struct.Struct("<I")
_LARGEST_FRAME = 64 << 20
_PRINTED_BYTES = 1 << 31
"""Of all answers of a kernel."""
_START_S = 30.0
_STACK_MB = 64
_OWN_MEMORY_MB = 64
"""The monitor's, and a margin: what a cell's process may allocate ends before the limit of the whole."""
_OWN_PROCESSES = 2

BROKEN = "its process answered out of turn"

_ENDS = {
    RunStatus.MEMORY: ("memory", "it used more than the memory of the session"),
    RunStatus.CPU_TIME: ("limit", "the CPU time of the session is used up"),
    RunStatus.WALL_TIME: ("died", "the session was open for too long"),
    RunStatus.OUTPUT: ("died", "the session has sent too much"),
    RunStatus.FAULT: ("died", "the sandbox failed"),
}


class KernelLostError(Exception):
    """There is no kernel any more.

    Args:
        status: of the cell that ran: `memory`, `limit` or `died`.
        reason: why, for a person.
        cpu_s: CPU seconds of the kernel in all; 0 where that is not known.
    """

    def __init__(self, status: str, reason: str, cpu_s: float = 0.0) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.cpu_s = cpu_s


def kernel_program() -> Program:
    """Return the kernel as a program for a sandbox."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(_KERNEL.glob("solvent_*.py"))}
    return Program(language="python", source=(_KERNEL / "main.py").read_text(encoding="utf-8"), files=files)


class KernelLink:
    """One kernel, from its start to its end. One request at a time."""

    def __init__(self, program: RunningProgram, stack: AsyncExitStack) -> None:
        self._program = program
        self._stack = stack
        self._received = bytearray()
        self._asked = 0
        self._end = asyncio.ensure_future(program.result())
        self.closed = False
        self.abandoned: dict[str, Any] | None = None
        """The answer to a request whose call was cancelled."""

    @classmethod
    async def start(cls, sandbox: Sandbox, build: Build, limits: ToolLimits, cpu_s: float, job: str) -> KernelLink:
        """Start a kernel, in a box but in no slot.

        Raises:
            SandboxError: it does not start.
        """
        run = RunLimits(
            cpu_time_s=cpu_s,
            wall_time_s=limits.life_s,
            memory_mb=limits.memory_mb,
            output_bytes=_PRINTED_BYTES,
            processes=limits.processes + _OWN_PROCESSES,
            stack_mb=_STACK_MB,
        )
        async with AsyncExitStack() as stack:
            program = await stack.enter_async_context(sandbox.connect(build, limits=run, job=job, slot=False))
            link = cls(program, stack)
            settings = limits.model_dump(
                include={
                    "output_bytes",
                    "flood_bytes",
                    "value_characters",
                    "traceback_characters",
                    "figures",
                    "figure_bytes",
                }
            )
            settings["alone"] = True
            settings["data_bytes"] = (limits.memory_mb - _OWN_MEMORY_MB) << 20
            try:
                await link.ask({"do": "configure", "limits": settings}, _START_S)
            except KernelLostError as error:
                raise SandboxError(f"the tool's kernel does not start: {error.reason}") from error
            link._stack = stack.pop_all()
            return link

    async def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a request and return its answer, unchecked but for being JSON and the answer to this request.

        When the call is cancelled, the kernel is interrupted and its answer waited for, so that it can be used again.

        Raises:
            KernelLostError: there is none; the link is closed then.
        """
        self._asked += 1
        exchange = asyncio.ensure_future(self._exchange({**request, "id": self._asked}))
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(exchange)
        except TimeoutError:
            exchange.cancel()
            await self.close()
            raise KernelLostError("died", "its process did not answer any more") from None
        except asyncio.CancelledError:
            await asyncio.shield(self._abandon(exchange, request.get("grace_s", 0.0) + _START_S / 10))
            raise

    async def close(self) -> None:
        """End the kernel; safe to call twice."""
        self.closed = True
        self._end.cancel()
        await asyncio.shield(self._stack.aclose())

    async def _abandon(self, exchange: asyncio.Future[dict[str, Any]], patience_s: float) -> None:
        await self._program.interrupt()
        await asyncio.wait([exchange], timeout=patience_s)
        if not exchange.done():
            exchange.cancel()
            await self.close()
        elif not exchange.cancelled() and exchange.exception() is None:
            self.abandoned = exchange.result()

    async def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(request).encode()
        await self._program.send(_HEADER.pack(len(data)) + data)
        header = await self._take(_HEADER.size)
        [length] = _HEADER.unpack(header)
        if length > _LARGEST_FRAME:
            raise await self._broken()
        try:
            answer = json.loads(await self._take(length))
        except (ValueError, RecursionError):
            raise await self._broken() from None
        if not isinstance(answer, dict) or answer.pop("id", None) != request["id"] or self._received:
            raise await self._broken()
        return answer

    async def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            data = await self._program.receive()
            if not data:
                raise await self._ended()
            self._received += data
            if len(self._received) > _LARGEST_FRAME + (1 << 20):
                raise await self._broken()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    @property
    def ended(self) -> KernelLostError | None:
        """How the kernel has ended by itself, None while it runs."""
        return _how(self._end.result()) if self._end.done() and not self._end.cancelled() else None

    async def _ended(self) -> KernelLostError:
        error = _how(await self._program.result())
        await self.close()
        return error

    async def _broken(self) -> KernelLostError:
        await self.close()
        return KernelLostError("died", BROKEN)


def _how(result: RunResult) -> KernelLostError:
    status, reason = _ENDS.get(result.status, ("died", "its process ended"))
    return KernelLostError(status, reason, result.cpu_s)
