"""Hands out the endpoints: a fair queue in front of them, and watches over those that failed."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

from solvent.errors import ProviderError, ProviderOverloaded, ProviderUnavailable
from solvent.models.profiles import RetryPolicy, RouterOptions
from solvent.models.retry import back_off_s
from solvent.models.router.breaker import BreakerState
from solvent.models.router.choice import Candidate, choose, home
from solvent.models.router.endpoint import Endpoint

REMEMBERED_SESSIONS = 4096


@dataclass(eq=False)
class _Waiter:
    session: str
    tokens: int
    avoid: frozenset[str]
    granted: asyncio.Future[Lease]


class Lease:
    """One request's hold on an endpoint; `release` gives it back, and is safe to call twice."""

    def __init__(self, board: Board, endpoint: Endpoint, tokens: int) -> None:
        self.endpoint = endpoint
        self._board = board
        self._tokens = tokens
        self._trial = endpoint.breaker.state is BreakerState.HALF_OPEN
        self._open = True
        self.began = board.now()
        endpoint.breaker = endpoint.breaker.sent()
        endpoint.running += 1
        endpoint.outstanding_tokens += tokens

    def answered(self) -> None:
        """The endpoint answered as a sound one does."""
        self.endpoint.overloads = 0
        self.endpoint.breaker = self.endpoint.breaker.answered(trial=self._trial)
        self._board.changed()

    def failed(self, *, sure: bool) -> None:
        """The endpoint failed; `sure`: nothing listens there."""
        self._board.failed(self.endpoint, sure=sure, trial=self._trial)

    def overloaded(self, error: ProviderOverloaded) -> None:
        """The endpoint asked to come back later."""
        self._board.hold(self.endpoint, error)

    def release(self) -> None:
        """Give the endpoint back."""
        if self._open:
            self._open = False
            endpoint = self.endpoint
            endpoint.running -= 1
            endpoint.outstanding_tokens -= self._tokens
            endpoint.breaker = endpoint.breaker.abandoned(trial=self._trial)
            self._board.changed()


class Board:
    """The endpoints of a router and who waits for them. For one event loop.

    Sessions wait in turn, so that none waits behind another's thousand requests; within a session, first come is first
    served. The one whose turn it is is not overtaken by a smaller one.

    Args:
        name: of the profile, for messages.
        endpoints: at least one.
        options: see `RouterOptions`.
        retry: back-off of an endpoint that asks to come back later, where it does not say when.
        clock: seconds that never go back.
        sleep: waits so many seconds of that clock.
    """

    def __init__(
        self,
        name: str,
        endpoints: Sequence[Endpoint],
        options: RouterOptions,
        retry: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.endpoints = tuple(endpoints)
        self.now = clock
        self._name = name
        self._options = options
        self._retry = retry
        self._sleep = sleep
        self._random = Random(options.seed)  # noqa: S311 - spreads looks and retries, guards nothing
        self._queues: OrderedDict[str, deque[_Waiter]] = OrderedDict()
        self._homes: OrderedDict[str, str] = OrderedDict()
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._none_since: float | None = None

    @property
    def waiting(self) -> int:
        """How many requests wait for an endpoint."""
        return sum(len(queue) for queue in self._queues.values())

    async def lease(self, session: str, tokens: int, avoid: frozenset[str] = frozenset()) -> Lease:
        """Wait for an endpoint and return the hold on it.

        Args:
            session: whose turn it takes, and whose home is preferred.
            tokens: prompt and reserved completion.
            avoid: names of endpoints to take only where there is no other.

        Raises:
            ProviderUnavailable: no endpoint took requests for `wait_s`.
        """
        waiter = _Waiter(session, tokens, avoid, asyncio.get_running_loop().create_future())
        self._queues.setdefault(session, deque()).append(waiter)
        self.changed()
        try:
            await self._wait(waiter)
            return waiter.granted.result()
        except BaseException:
            granted = waiter.granted
            if granted.done() and not granted.cancelled():
                granted.result().release()
            else:
                self._leave(waiter)
            raise

    def changed(self) -> None:
        """Grant what can be granted now."""
        now = self.now()
        while self._queues:
            session, queue = next(iter(self._queues.items()))
            endpoint = self._place(queue[0], now)
            if endpoint is None:
                break
            waiter = queue.popleft()
            self._queues.move_to_end(session)
            if not queue:
                del self._queues[session]
            if not waiter.granted.done():
                waiter.granted.set_result(Lease(self, endpoint, waiter.tokens))
        if any(endpoint.admits(now) or endpoint.breaker.on_trial for endpoint in self.endpoints):
            self._none_since = None
        elif self._none_since is None:
            self._none_since = now

    def failed(self, endpoint: Endpoint, *, sure: bool, trial: bool) -> None:
        """Tell the breaker of a failure, and watch over an endpoint whose breaker opened."""
        endpoint.breaker = endpoint.breaker.failed(
            self.now(), self._options, self._random.random(), sure=sure, trial=trial
        )
        if not endpoint.alive:
            self._start("watch", endpoint, self._watch)
        self.changed()

    def hold(self, endpoint: Endpoint, error: ProviderError) -> None:
        """Send an endpoint nothing until it wants to be asked again."""
        # Requests that were refused together are one wish.
        if self.now() >= endpoint.held_until:
            endpoint.overloads += 1
        delay_s = back_off_s(error, attempt=endpoint.overloads, policy=self._retry, random=self._random)
        endpoint.held_until = max(endpoint.held_until, self.now() + delay_s)
        self._start("hold", endpoint, self._held)
        self.changed()

    async def aclose(self) -> None:
        """End all watching; safe to call twice."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, waiter: _Waiter) -> None:
        arrived, patience_s = self.now(), self._options.wait_s
        while not waiter.granted.done():
            left_s = patience_s
            if self._none_since is not None:
                left_s -= self.now() - max(arrived, self._none_since)
            if left_s <= 0:
                names = ", ".join(f"{endpoint.name} at {endpoint.url}" for endpoint in self.endpoints)
                raise ProviderUnavailable(
                    f"{self._name}: no endpoint took a request for {patience_s:g} s (router.wait_s): {names}",
                    remedy="start the endpoints, or correct them in the profile",
                )
            await asyncio.wait({waiter.granted}, timeout=left_s)

    def _leave(self, waiter: _Waiter) -> None:
        queue = self._queues.get(waiter.session)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._queues[waiter.session]
        # It may have been the one that the others waited behind.
        self.changed()

    def _place(self, waiter: _Waiter, now: float) -> Endpoint | None:
        able = [endpoint for endpoint in self.endpoints if endpoint.admits(now) and endpoint.has_room(waiter.tokens)]
        if not able:
            return None
        candidates = [Candidate(e.name, e.weight, e.outstanding_tokens) for e in able]
        chosen = choose(self._home(waiter.session), candidates, self._options, waiter.avoid)
        return next(endpoint for endpoint in able if endpoint.name == chosen)

    def _home(self, session: str) -> str:
        alive = [(endpoint.name, endpoint.weight) for endpoint in self.endpoints if endpoint.alive]
        known = self._homes.pop(session, None)
        if known is None or all(name != known for name, _ in alive):
            known = home(session, alive)
        self._homes[session] = known
        if len(self._homes) > REMEMBERED_SESSIONS:
            self._homes.popitem(last=False)
        return known

    def _start(self, why: str, endpoint: Endpoint, work: Callable[[Endpoint], Awaitable[None]]) -> None:
        key = (why, endpoint.name)
        if key in self._tasks:
            return

        async def run() -> None:
            try:
                await work(endpoint)
            finally:
                del self._tasks[key]
                self.changed()

        self._tasks[key] = asyncio.create_task(run(), name=f"{why} {endpoint.name}")

    async def _watch(self, endpoint: Endpoint) -> None:
        while not endpoint.alive:
            await self._sleep(max(0.0, endpoint.breaker.look_at - self.now()))
            sound = await endpoint.look()
            endpoint.breaker = endpoint.breaker.looked(self.now(), self._options, self._random.random(), sound=sound)

    async def _held(self, endpoint: Endpoint) -> None:
        while (left_s := endpoint.held_until - self.now()) > 0:
            await self._sleep(left_s)
