"""Keeps the leases of a worker process, and stops the work whose lease was lost or that is to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from enum import StrEnum
from typing import Any, TypeVar

from solvent.errors import StoreError
from solvent.workers.room import Room
from solvent.workers.service_records import Beat, Claim, LeaseKind, LeaseLostError
from solvent.workers.service_store import HolderStore

T = TypeVar("T")
SQLITE_BEAT_S = 1.0
"""Time between beats on SQLite, which cannot say that a job is to stop."""
RETRY_S = 1.0
"""When to beat again where the database did not answer."""
DEADLINE_SLACK_S = 1.0
"""A claim that is to stop this near to its deadline stops because of it."""
FEWEST_ATTEMPTS = 4
"""With fewer, one or two deaths of a worker would empty the next ones for each thing that it held."""

logger = logging.getLogger(__name__)


class Ending(StrEnum):
    """Why the work of a claim has to end."""

    LOST = "lost"
    """Another may hold it now: nothing more may be written."""
    CANCELLED = "cancelled"
    DEADLINE = "deadline"


STOPS = frozenset({Ending.CANCELLED, Ending.DEADLINE})


def endings(beat: Beat, past_deadline: Callable[[Claim], bool]) -> dict[Claim, Ending]:
    """Return what a beat says of claims that cannot go on. Pure."""
    stopped = {claim: Ending.DEADLINE if past_deadline(claim) else Ending.CANCELLED for claim in beat.cancelled}
    return {**stopped, **dict.fromkeys(beat.lost, Ending.LOST)}


def split(trajectory_id: str) -> tuple[str, str]:
    """Return job and name of a trajectory's id, `JOB/NAME`. Pure.

    Names come from strategies and have no "/"; a job's id may.
    """
    job_id, _, name = trajectory_id.rpartition("/")
    return job_id, name


def job_of(claim: Claim) -> str:
    """Return the id of the job that a claim belongs to. Pure."""
    return claim.id if claim.kind is LeaseKind.JOB else split(claim.id)[0]


def alone_from(max_attempts: int) -> int | None:
    """Return the number of the attempt that is made alone in its process: the last; None where there are few. Pure."""
    return max_attempts if max_attempts >= FEWEST_ATTEMPTS else None


class Held:
    """A claim that this process holds.

    Args:
        claim: what was claimed.
        asked_at: when it was asked for (time of the loop); the lease begins no sooner.
        lease_s: how long it lasts without a beat.
    """

    def __init__(self, claim: Claim, *, asked_at: float, lease_s: float) -> None:
        self.claim = claim
        self._loop = asyncio.get_running_loop()
        self._endings: set[Ending] = set()
        self._tasks: dict[asyncio.Task[Any], frozenset[Ending]] = {}
        self._expiry = self._loop.call_at(asked_at + lease_s, self.end, Ending.LOST)
        self._deadline: float | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._letting_go = False
        self._said_lost = False
        if claim.left_s is not None:
            # Counted from the answer: never before the database itself says that it has passed.
            self._deadline = self._loop.time() + claim.left_s
            self._alarm = self._loop.call_at(self._deadline, self.end, Ending.DEADLINE)

    @property
    def ending(self) -> Ending | None:
        """Why the work has to end, if it has to; a loss counts most."""
        return next((ending for ending in Ending if ending in self._endings), None)

    @property
    def near_deadline(self) -> bool:
        """Whether the job's deadline has passed, or is about to."""
        return self._deadline is not None and self._loop.time() >= self._deadline - DEADLINE_SLACK_S

    @property
    def is_let_go(self) -> bool:
        """Whether its lease is being ended here, or was."""
        return self._letting_go

    @contextmanager
    def letting_go(self) -> Iterator[None]:
        """End the lease inside, by an operation of the store, whose answer alone says what became of the claim.

        A beat that meets this operation finds no lease: that is no loss, and must not cut what comes after the end.
        Where the operation fails the claim is kept again, and a loss that was found meanwhile counts.
        """
        self._letting_go = True
        try:
            yield
        except BaseException:
            self._letting_go = False
            if self._said_lost:
                self.end(Ending.LOST)
            raise

    def require(self) -> None:
        """Raise `LeaseLostError` where the claim is lost."""
        if Ending.LOST in self._endings:
            raise LeaseLostError(f"{self.claim.kind.value} {self.claim.id} is not held here any more")

    async def run(
        self, work: Coroutine[Any, Any, T] | asyncio.Task[T], *, until: frozenset[Ending] = STOPS
    ) -> T | None:
        """Run work until its end, a loss of the claim, or one of `until`; returns None where one of these cut it.

        Raises:
            LeaseLostError: the claim was lost; the work was cancelled and has ended.
        """
        task = asyncio.ensure_future(work)
        self._tasks[task] = until | {Ending.LOST}
        try:
            if self._endings & self._tasks[task]:
                task.cancel()
            return await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            if not self._endings & self._tasks[task]:
                # Not a stop: something that the work waited for was cancelled under it.
                raise StoreError(f"what {self.claim.kind.value} {self.claim.id} waited for was cancelled") from None
            return None
        finally:
            cut = self._tasks.pop(task)
            if Ending.LOST in self._endings & cut:
                self.require()

    def prolong(self, until: float) -> None:
        """Set when the lease ends (time of the loop) if no further beat succeeds."""
        self._expiry.cancel()
        self._expiry = self._loop.call_at(until, self.end, Ending.LOST)

    def end(self, why: Ending) -> None:
        """Have the work end."""
        if why is Ending.LOST and self._letting_go:
            self._said_lost = True
            return
        if why not in self._endings:
            self._endings.add(why)
            for task, until in self._tasks.items():
                if why in until:
                    task.cancel()

    def close(self) -> None:
        """Stop the clocks: the claim is over."""
        self._expiry.cancel()
        if self._alarm is not None:
            self._alarm.cancel()


class Keeper:
    """Claims, and beats for all claims of this process in one statement.

    A claim is taken for lost as soon as its lease may have ended, by this process's own monotonic clock, counted from
    the moment before the last beat that succeeded was sent: so before another can have it.

    Args:
        store: where leases are.
        holder: name of this process.
        lease_s: length of a lease.
        beat_s: time between beats.
        alone_from: an attempt of this number or later begins when nothing else is held here, and nothing else is
            claimed until it ended: if the process dies of it, nothing else can have been the cause.
    """

    def __init__(
        self, store: HolderStore, holder: str, *, lease_s: float, beat_s: float, alone_from: int | None = None
    ) -> None:
        self.holder = holder
        self._alone_from = alone_from
        self._room = Room()
        self._store = store
        self._lease_s = lease_s
        self._beat_s = beat_s
        self.lost = 0
        """Claims whose leases were lost so far."""
        self._held: dict[Claim, Held] = {}
        self._soon = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None

    @property
    def lease_s(self) -> float:
        """Length of a lease."""
        return self._lease_s

    @property
    def beat_s(self) -> float:
        """Time between beats."""
        return self._beat_s

    @property
    def claims(self) -> list[Claim]:
        """What is held now."""
        return list(self._held)

    def holds(self, kind: LeaseKind, id: str) -> bool:
        """Whether it is held here, and nothing has begun yet that ends its lease."""
        return any(
            claim.id == id and claim.kind is kind and held.ending is not Ending.LOST and not held.is_let_go
            for claim, held in self._held.items()
        )

    @asynccontextmanager
    async def claim(self, kind: LeaseKind, id: str) -> AsyncIterator[Held | None]:
        """Claim something, and keep it inside the context; None where it cannot be had.

        Whoever claims ends the lease, by one of the store's operations; what is left when the context ends lapses.

        Raises:
            StoreError: the database does not answer.
        """
        async with AsyncExitStack() as stack:
            inside = stack.enter_context(ExitStack())
            await self._room.enter()
            inside.callback(self._room.leave)
            asked_at = asyncio.get_running_loop().time()
            claim = await self._store.claim(
                kind, id, holder=self.holder, lease_s=self._lease_s, uncounted_from=self._alone_from
            )
            held = None if claim is None else stack.enter_context(self.keep(claim, asked_at=asked_at))
            if held is not None and self._alone_from is not None and held.claim.attempt >= self._alone_from:
                inside.close()
                # A stop ends the wait: then there is nothing to run.
                await held.run(stack.enter_async_context(self._room.alone()))
                await self._store.count_attempt(held.claim)
            yield held

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Work here inside the context without a claim of this keeper's: never beside an attempt that is made alone."""
        await self._room.enter()
        try:
            yield
        finally:
            self._room.leave()

    @contextmanager
    def keep(self, claim: Claim, *, asked_at: float) -> Iterator[Held]:
        """Keep a claim that this process has already, inside the context.

        Args:
            claim: of this holder.
            asked_at: when it was asked for (time of the loop).
        """
        held = self._held[claim] = Held(claim, asked_at=asked_at, lease_s=self._lease_s)
        self._begin()
        try:
            yield held
        finally:
            self.lost += held.ending is Ending.LOST
            del self._held[claim]
            held.close()

    def wake(self, job_id: str | None = None) -> None:
        """Beat now, if anything of this job (or anything at all) is held."""
        if any(job_id is None or job_of(claim) == job_id for claim in self._held):
            self._soon.set()

    async def aclose(self) -> None:
        """End the beats; safe to call twice."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
            self._beating = None

    def _begin(self) -> None:
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat_on(), name="lease keeper")

    async def _beat_on(self) -> None:
        pause_s = self._beat_s
        while True:
            try:
                async with asyncio.timeout(pause_s):
                    await self._soon.wait()
            except TimeoutError:
                pass
            self._soon.clear()
            pause_s = self._beat_s if await self._beat() else min(RETRY_S, self._beat_s)

    async def _beat(self) -> bool:
        """Beat once; returns whether the database answered."""
        claims = [claim for claim, held in self._held.items() if not held.is_let_go]
        if not claims:
            return True
        asked_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._lease_s / 2):
                beat = await self._store.beat(self.holder, claims, lease_s=self._lease_s)
        except (StoreError, TimeoutError) as error:
            logger.warning("no beat for %d leases: %s", len(claims), error or "the database did not answer in time")
            return False
        except Exception:  # a defect must not end the beats of everything else that is held
            logger.exception("no beat for %d leases", len(claims))
            return False
        over = endings(beat, lambda claim: claim in self._held and self._held[claim].near_deadline)
        for claim in claims:
            held = self._held.get(claim)
            if held is None:
                continue
            if over.get(claim) is not Ending.LOST:
                held.prolong(asked_at + self._lease_s)
            if claim in over:
                held.end(over[claim])
        return True
