"""A stateful Python tool: cells that share their variables, in a sandbox.

async with open_tool(sandbox) as tool:
    result = await tool.execute("x = 2 ** 10")
    result = await tool.execute("x + 1")  # result.value.repr == "1025"
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from solvent.errors import DataError, SandboxError
from solvent.sandbox.base import Build, Sandbox
from solvent.sandbox.kernel_answer import CellAnswer, clean, result_of
from solvent.sandbox.kernel_link import BROKEN, KernelLink, KernelLostError, kernel_program
from solvent.sandbox.tool_files import SessionFiles
from solvent.sandbox.tool_results import CellError, CellResult, CellStatus, ToolLimits

if TYPE_CHECKING:
    from solvent.sandbox.tool_pool import Gate

_MARGIN_S = 15.0
"""Beyond a cell's limits, before a silent kernel counts as lost."""
_FILE_S = 30.0
_BUILD_S, _BUILD_MB = 30.0, 1024
_LONGEST_CODE = 1 << 20
_UNSTOPPABLE = "a cell that was interrupted did not stop, and was ended with its process"


@asynccontextmanager
async def open_tool(
    sandbox: Sandbox,
    limits: ToolLimits | None = None,
    *,
    job: str = "",
    replay: bool = False,
    gate: Gate | None = None,
) -> AsyncIterator[Tool]:
    """Return a context with a session of its own.

    A session holds a box for as long as it has variables, and one of the sandbox's slots only while a cell runs.

    Args:
        sandbox: a started sandbox.
        limits: of the session.
        job: who asks; cells that wait for a slot are served in turn by job.
        replay: run the cells that succeeded again when the variables were lost.
        gate: see ToolPool.

    Raises:
        SandboxError: the sandbox failed.
    """
    build = await sandbox.build(kernel_program(), time_s=_BUILD_S, memory_mb=_BUILD_MB, job=job)
    if not build.ok:
        raise SandboxError(f"the tool's kernel does not build: {build.log[:500]}")
    tool = Tool(sandbox, build, limits or ToolLimits(), job=job, replay=replay, gate=gate)
    try:
        yield tool
    finally:
        await tool.aclose()


class Tool(SessionFiles):
    """One session; made by `open_tool`. Calls wait for each other.

    Cancelling a call interrupts the cell; its variables stay unless it does not let itself be interrupted.
    """

    def __init__(
        self, sandbox: Sandbox, build: Build, limits: ToolLimits, *, job: str, replay: bool, gate: Gate | None
    ) -> None:
        self._sandbox = sandbox
        self._build = build
        self.limits = limits
        self._job = job
        self._replay = replay
        self._gate = gate
        self._lock = asyncio.Lock()
        self._kernel: KernelLink | None = None
        self._history: list[tuple[str, float, float]] = []
        """Cells that succeeded, with their limits: they made the variables."""
        self._stale = False
        """Whether the kernel has none of these variables any more."""
        self._ran = False
        """Whether the kernel has run any cell."""
        self._lost_because: str | None = None
        """Why variables are gone, until a result has told it."""
        self._closed = False
        self.cells = 0
        """Cells that were asked for so far."""
        self.cpu_s = 0.0
        """CPU seconds of all cells so far."""
        self._cpu_before_s = 0.0
        """Those before the present kernel."""

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._lock.locked()

    @property
    def alive(self) -> bool:
        """Whether it holds a box now."""
        return self._kernel is not None

    async def execute(self, code: str, *, timeout_s: float | None = None, cpu_s: float | None = None) -> CellResult:
        """Run a cell. Nothing that it does is raised.

        Args:
            code: Python.
            timeout_s: wall-clock limit instead of the session's; with it, the CPU limit is no larger.
            cpu_s: CPU limit instead of the session's.

        Raises:
            SandboxError: the sandbox failed.
        """
        wall_s = timeout_s or self.limits.cell_wall_s
        cpu_s = cpu_s or self.limits.cell_cpu_s
        async with self._lock:
            self._refuse_if_closed()
            self.cells += 1
            refused = self._refusal(code)
            if refused is not None:
                return self._stopped("limit", refused)
            try:
                replayed = await self._bring_back()
                result = await self._run(code, wall_s, cpu_s)
            finally:
                self._used()
            if result.status == "ok" and not result.state_lost:
                self._history.append((code, wall_s, cpu_s))
            lost, self._lost_because = result.lost_because or self._lost_because, None
            return result.model_copy(
                update={"replayed": replayed, "state_lost": lost is not None, "lost_because": lost}
            )

    async def restart(self, *, replay: bool = False) -> int:
        """Start a new process, without variables and files. With `replay`, successful cells are run again.

        Returns:
            The cells that were run again, up to the first that failed.
        """
        async with self._lock:
            self._refuse_if_closed()
            await self._drop()
            self._lost_because = None
            if not replay:
                self._history.clear()
            try:
                return await self._bring_back(replay=replay)
            finally:
                self._lost_because = None
                self._used()

    async def reclaim(self, reason: str) -> bool:
        """Give the box up if no call is under way; the next cell tells that its variables are lost."""
        if self._lock.locked():
            return False
        async with self._lock:
            await self._lose(reason)
        return True

    async def aclose(self) -> None:
        """End the session; safe to call twice."""
        self._closed = True
        await self._drop()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise SandboxError("the tool's session was closed")

    def _refusal(self, code: str) -> str | None:
        if self.cells > self.limits.cells:
            return f"all {self.limits.cells} cells of the session are used up"
        if self.cpu_s >= self.limits.total_cpu_s:
            return f"all {self.limits.total_cpu_s:g} s of CPU time of the session are used up"
        if len(code) > _LONGEST_CODE:
            return f"the cell has {len(code)} characters, of at most {_LONGEST_CODE}"
        return None

    async def _bring_back(self, *, replay: bool | None = None) -> int:
        """See that there is a kernel; after a loss, run the successful cells again. Return how many were run."""
        await self._start()
        if not self._stale:
            return 0
        history, self._history, self._stale = self._history, [], False
        if not (self._replay if replay is None else replay):
            return 0
        for code, wall_s, cpu_s in history:
            result = await self._run(code, wall_s, cpu_s)
            if result.status != "ok" or result.state_lost:
                self._lost_because = "not all earlier cells could be run again"
                if self._stale or self._kernel is None:
                    self._history.clear()
                    await self._start()
                break
            self._history.append((code, wall_s, cpu_s))
        else:
            self._lost_because = None
        return len(self._history)

    async def _start(self) -> KernelLink:
        await self._note_losses()
        if self._kernel is None:
            if self._gate is not None:
                await self._gate.admit(self)
            left_s = max(1.0, self.limits.total_cpu_s - self.cpu_s)
            try:
                self._kernel = await KernelLink.start(self._sandbox, self._build, self.limits, left_s, self._job)
            except BaseException:
                self._left()
                raise
            self._cpu_before_s = self.cpu_s
            self._stale, self._ran = bool(self._history), False
        return self._kernel

    async def _note_losses(self) -> None:
        """See what became of a cell whose call was cancelled, and of a kernel that was idle."""
        if self._kernel is None:
            return
        answer, self._kernel.abandoned = self._kernel.abandoned, None
        if self._kernel.closed:
            await self._lose(_UNSTOPPABLE)
        elif self._kernel.ended is not None:
            await self._lose(self._kernel.ended.reason)
        elif answer is not None and answer.get("alive") is False:
            self._stale, self._lost_because = bool(self._history), _UNSTOPPABLE

    async def _run(self, code: str, wall_s: float, cpu_s: float) -> CellResult:
        kernel = await self._start()
        grace_s = self.limits.grace_s
        request = {"do": "run", "cell": self.cells, "code": code, "wall_s": wall_s, "cpu_s": cpu_s, "grace_s": grace_s}
        try:
            async with self._sandbox.slot(job=self._job):
                self._ran = True
                answer = await kernel.ask(request, wall_s + grace_s + _MARGIN_S)
            found = CellAnswer.model_validate(clean(answer))
        except KernelLostError as error:
            self.cpu_s = max(self.cpu_s, self._cpu_before_s + error.cpu_s)
            await self._drop()
            return self._stopped(error.status, error.reason, lost=error.reason)
        except ValidationError:
            await self._drop()
            return self._stopped("died", BROKEN, lost=BROKEN)
        self.cpu_s += found.cpu_s
        if not found.alive:
            self._stale = bool(self._history)
        return result_of(found, self.cells, wall_s, cpu_s)

    def _stopped(self, status: str, reason: str, lost: str | None = None) -> CellResult:
        known: CellStatus = "memory" if status == "memory" else "limit" if status == "limit" else "died"
        error = CellError(type="Stopped", message=reason)
        return CellResult(number=self.cells, status=known, error=error, state_lost=lost is not None, lost_because=lost)

    async def _ask_for_file(self, request: dict[str, Any]) -> dict[str, Any]:
        async with self._lock:
            self._refuse_if_closed()
            kernel = await self._start()
            try:
                return await kernel.ask(request, _FILE_S)
            except KernelLostError as error:
                await self._lose(error.reason)
                raise DataError(f"the session is lost: {error.reason}") from error
            finally:
                self._used()

    async def _lose(self, reason: str) -> None:
        """End the kernel for a reason that the next result has to tell."""
        if self._kernel is not None and self._ran:
            self._lost_because = reason
        await self._drop()

    async def _drop(self) -> None:
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            await kernel.close()
            self._left()

    def _used(self) -> None:
        if self._gate is not None:
            self._gate.used(self)

    def _left(self) -> None:
        if self._gate is not None:
            self._gate.left(self)
