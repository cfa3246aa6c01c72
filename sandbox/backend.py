"""What backends with our supervisor share: builds, runs and connected programs in the boxes of a pool."""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.sandbox import replies, seccomp, wire
from solvent.sandbox.base import (
    Build,
    Program,
    RunLimits,
    RunningProgram,
    RunResult,
    RunStatus,
    SandboxInfo,
    SandboxMetrics,
    SandboxSession,
)
from solvent.sandbox.box import Box, BoxLostError, Channel
from solvent.sandbox.builder import Builder
from solvent.sandbox.cache import DEFAULT_BYTES, BuildCache
from solvent.sandbox.connected import ConnectedProgram
from solvent.sandbox.layout import BOX_MARGIN_MB, WRITABLE, usable_cores
from solvent.sandbox.pool import SMALLEST_BOX_MB, Pool
from solvent.sandbox.requests import MEASURES_ALONE, Request, decide, fault, is_borderline, program_request
from solvent.sandbox.session import ProgramSession
from solvent.sandbox.turns import Turns

ENGINE_WAIT_S = 30.0
_SLOTS_OF_UIDS = 20_000


class BoxSandbox(ABC):
    """A Sandbox whose programs run in boxes with our supervisor.

    Args:
        slots: programs at once; default: the cores.
        cache: folder of the compile cache; default: builds are kept in memory only.
        cache_bytes: most that the folder may hold.
        engine_wait_s: how long a run waits for an engine that went away before it is a fault.
    """

    def __init__(
        self,
        slots: int | None = None,
        *,
        cache: Path | None = None,
        cache_bytes: int = DEFAULT_BYTES,
        engine_wait_s: float = ENGINE_WAIT_S,
    ) -> None:
        self._slots = slots or usable_cores()
        self._cache_folder = cache
        self._cache_bytes = cache_bytes
        self._turns = Turns(self._slots)
        self._pool = Pool(self._turns, self._open_box, engine_wait_s=engine_wait_s)
        self._pool.closed = True
        self._slots_of_uids: set[int] = set()
        self._info: SandboxInfo | None = None
        self._builder: Builder | None = None
        self._zygote = False
        self._statuses: Counter[RunStatus] = Counter()
        self._cancelled = self._retried = self._rerun_alone = 0

    @property
    def info(self) -> SandboxInfo:
        """See Sandbox.info."""
        if self._info is None:
            raise SandboxError("the sandbox has not been started")
        return self._info

    @property
    def slots(self) -> int:
        """See Sandbox.slots."""
        return self._slots

    def metrics(self) -> SandboxMetrics:
        """See Sandbox.metrics."""
        return SandboxMetrics(
            runs=dict(self._statuses),
            cancelled=self._cancelled,
            builds=self._builder.builds if self._builder else 0,
            cache_hits=self._builder.cache_hits if self._builder else 0,
            retried=self._retried,
            rerun_alone=self._rerun_alone,
            boxes=self._pool.alive,
            boxes_started=self._pool.started,
            boxes_replaced=self._pool.replaced,
            waiting=self._turns.waiting,
            running=self._turns.running,
        )

    async def start(self) -> None:
        """See Sandbox.start."""
        if self._info is not None:
            return
        cache = BuildCache(self._cache_folder, self._cache_bytes)
        await self._prepare()
        self._pool.closed = False
        try:
            box, ready = await self._open_told(SMALLEST_BOX_MB)
        except SandboxUnavailable:
            raise
        except SandboxError as error:
            raise SandboxUnavailable(error.message, remedy=error.remedy or self._remedy()) from error
        self._zygote = ready.zygote
        self._pool.share = ready.uid_per_run
        self._builder = Builder(cache, self._attempts, identity=self._identity(ready), zygote=ready.zygote)
        self._info = self._describe(ready)
        self._pool.keep(box)
        self._pool.warm()

    async def build(self, program: Program, *, time_s: float, memory_mb: int, job: str = "") -> Build:
        """See Sandbox.build."""
        if self._builder is None:
            raise SandboxError("the sandbox is not running: call start first")
        return await self._builder.build(program, time_s=time_s, memory_mb=memory_mb, job=job)

    async def run(
        self,
        build: Build,
        *,
        limits: RunLimits,
        stdin: bytes = b"",
        arguments: tuple[str, ...] = (),
        files: Mapping[str, bytes] | None = None,
        keep: Mapping[str, int] | None = None,
        job: str = "",
    ) -> RunResult:
        """See Sandbox.run."""
        request = program_request(
            build, limits=limits, zygote=self._zygote, stdin=stdin, arguments=arguments, files=files, keep=keep
        )
        try:
            result = await self._run(request, job)
            for _ in range(MEASURES_ALONE):
                if not is_borderline(limits.cpu_time_s, result):
                    break
                self._rerun_alone += 1
                result = await self._run(request, job, alone=True)
            result = decide(limits.cpu_time_s, result)
        except asyncio.CancelledError:
            self._cancelled += 1
            raise
        self._statuses[result.status] += 1
        return result

    @asynccontextmanager
    async def connect(
        self,
        build: Build,
        *,
        limits: RunLimits,
        arguments: tuple[str, ...] = (),
        files: Mapping[str, bytes] | None = None,
        keep: Mapping[str, int] | None = None,
        job: str = "",
        slot: bool = True,
    ) -> AsyncIterator[RunningProgram]:
        """See Sandbox.connect."""
        request = program_request(
            build, limits=limits, zygote=self._zygote, arguments=arguments, files=files, keep=keep, connected=True
        )
        lease = await self._pool.lease(
            request.memory_mb, keys=request.keys, job=job, tenant=_tenant(request, job), slot=slot
        )
        try:
            program = ConnectedProgram(lease.box, request, self._count)
            try:
                yield program
            finally:
                program.kill_now()
        finally:
            self._pool.give_back(lease)

    @asynccontextmanager
    async def slot(self, *, job: str = "") -> AsyncIterator[None]:
        """See Sandbox.slot."""
        await self._turns.take(job)
        try:
            yield
        finally:
            self._turns.give_back()

    def open(self, *, memory_mb: int, job: str = "") -> AbstractAsyncContextManager[SandboxSession]:
        """See Sandbox.open."""
        return ProgramSession(self, job=job)

    async def aclose(self) -> None:
        """See Sandbox.aclose."""
        self._info = None
        self._builder = None
        await self._pool.aclose()
        await self._finish()

    def _count(self, result: RunResult) -> None:
        self._statuses[result.status] += 1

    async def _run(self, request: Request, job: str, *, alone: bool = False) -> RunResult:
        """Run, and once more in a fresh box if the sandbox failed."""
        try:
            return request.result(await self._attempts(request, job, alone=alone))
        except SandboxError as error:
            return fault(error.message)

    async def _attempts(self, request: Request, job: str, *, alone: bool = False) -> replies.Result:
        """Return the box's answer; a fault only if a fresh box failed too.

        Raises:
            SandboxError: no box answered.
        """
        try:
            reply = await self._attempt(request, job, alone=alone)
        except BoxLostError:
            if self._pool.closed:
                raise
        else:
            if reply.status != RunStatus.FAULT or reply.missing:
                return reply
        self._retried += 1
        return await self._attempt(request, job, alone=alone, fresh=True)

    async def _attempt(self, request: Request, job: str, *, alone: bool, fresh: bool = False) -> replies.Result:
        lease = await self._pool.lease(
            request.memory_mb,
            keys=request.keys,
            job=job,
            tenant=_tenant(request, job),
            fresh=fresh,
            alone=alone,
        )
        try:
            return await lease.box.run(request.run, request.timeout_s)
        finally:
            self._pool.give_back(lease)

    async def _open_box(self, memory_mb: int) -> Box:
        return (await self._open_told(memory_mb))[0]

    async def _open_told(self, memory_mb: int) -> tuple[Box, replies.Ready]:
        """Make a fresh box and wait until its supervisor serves; return what that tells of itself too.

        Raises:
            EngineLostError: the engine does not answer.
            SandboxError: it does not start.
        """
        slot = secrets.randbelow(_SLOTS_OF_UIDS)
        while slot in self._slots_of_uids:
            slot = secrets.randbelow(_SLOTS_OF_UIDS)
        self._slots_of_uids.add(slot)
        box = Box(memory_mb, slot, self._pool.lost, self._slots_of_uids.discard)
        try:
            channel = await self._open_channel(box, memory_mb + BOX_MARGIN_MB)
            config = wire.encode_config(
                slot=slot, zygote=True, roots=WRITABLE, mounts=self._mounts(), seccomp_filter=seccomp.build()
            )
            ready = await box.start(channel, config)
            if ready.offers_socket:
                await self._shorten(box, channel)
        except BaseException:
            await asyncio.shield(box.close())
            raise
        return box, ready

    def _mounts(self) -> list[tuple[str, str, bool]]:
        """Return path, options and executability of the tmpfs that the supervisor has to mount."""
        return []

    async def _shorten(self, box: Box, channel: Channel) -> None:
        """Take a shorter way to the supervisor of a box that has just started, where there is one."""
        return

    @abstractmethod
    async def _prepare(self) -> None:
        """Check what is needed, and remove what dead processes left."""

    @abstractmethod
    async def _open_channel(self, box: Box, memory_mb: int) -> Channel:
        """Start a box that may use `memory_mb` in all; what its supervisor says goes to `box`."""

    @abstractmethod
    def _identity(self, ready: replies.Ready) -> str:
        """Name the root file system of the boxes: equal only where the compilers are equal."""

    @abstractmethod
    def _describe(self, ready: replies.Ready) -> SandboxInfo:
        """Return what holds here, by what a first supervisor found."""

    @abstractmethod
    def _remedy(self) -> str:
        """Return what to do where no box starts."""

    @abstractmethod
    async def _finish(self) -> None:
        """Release what the backend itself holds."""


def _tenant(request: Request, job: str) -> str:
    """Return whose program it is: where programs share a uid, only the same program of the same job shares a box."""
    return job + b"".join(request.keys).hex() if request.keys else f"{job} {secrets.token_hex(8)}"
