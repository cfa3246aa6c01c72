"""A keeper of leases: what is lost or to stop is stopped, and nothing else is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import pytest

from solvent.errors import StoreError
from solvent.workers.lease import Ending, Held, Keeper, alone_from, endings, job_of, split
from solvent.workers.service_records import Beat, Claim, LeaseKind, LeaseLostError
from solvent.workers.service_store import ServiceStore

LONG_S = 3600.0


class LeaseStore:
    """Grants every claim, and answers beats as a test says."""

    def __init__(self, *, left_s: float | None = None) -> None:
        self.left_s = left_s
        self.answer: Beat | StoreError = Beat()
        self.beats: list[list[str]] = []
        self.beaten = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.attempts: dict[str, int] = {}
        self.counted: list[str] = []

    async def claim(
        self, kind: LeaseKind, id: str, *, holder: str, lease_s: float, uncounted_from: int | None = None
    ) -> Claim:
        return Claim(kind, id, holder, 1, self.attempts.get(id, 1), self.left_s)

    async def count_attempt(self, claim: Claim) -> None:
        self.counted.append(claim.id)

    async def beat(self, holder: str, claims: Sequence[Claim], *, lease_s: float) -> Beat:
        self.beats.append([claim.id for claim in claims])
        self.beaten.set()
        await self.may_answer.wait()
        if isinstance(self.answer, StoreError):
            raise self.answer
        return self.answer


def keeper_of(
    store: LeaseStore, *, lease_s: float = LONG_S, beat_s: float = LONG_S, alone_from: int | None = None
) -> Keeper:
    return Keeper(cast(ServiceStore, store), "me", lease_s=lease_s, beat_s=beat_s, alone_from=alone_from)


def held_now(held: Held | None) -> Held:
    assert held is not None
    return held


class Work:
    """Runs until it is cancelled, and says so."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = False

    async def run(self) -> str:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True
        return "never"


def claim_of(id: str, kind: LeaseKind = LeaseKind.JOB) -> Claim:
    return Claim(kind, id, "me", 1, 1)


def test_a_loss_counts_more_than_a_cancel() -> None:
    a, b, c = claim_of("a"), claim_of("b"), claim_of("c")
    said = endings(Beat(lost=[a], cancelled=[a, b, c]), lambda claim: claim is c)
    assert said == {a: Ending.LOST, b: Ending.CANCELLED, c: Ending.DEADLINE}


def test_ids_of_jobs_may_have_slashes() -> None:
    assert split("team/job-1/t0") == ("team/job-1", "t0")
    assert job_of(claim_of("team/job-1/t0", LeaseKind.TRAJECTORY)) == "team/job-1"
    assert job_of(claim_of("team/job-1")) == "team/job-1"


async def test_work_that_ends_returns_what_it_returns() -> None:
    keeper = keeper_of(LeaseStore())
    async with keeper.claim(LeaseKind.JOB, "job") as held:
        assert await held_now(held).run(asyncio.sleep(0, "value")) == "value"
        assert [claim.id for claim in keeper.claims] == ["job"]
    assert keeper.claims == []
    await keeper.aclose()


@pytest.mark.parametrize("ending", [Ending.CANCELLED, Ending.DEADLINE])
async def test_work_that_is_to_stop_is_cut(ending: Ending) -> None:
    work = Work()
    async with keeper_of(LeaseStore()).claim(LeaseKind.TRAJECTORY, "job/t0") as held:
        running = asyncio.create_task(held_now(held).run(work.run()))
        await work.begun.wait()
        held_now(held).end(ending)
        assert await running is None
        assert work.ended
        assert await held_now(held).run(Work().run()) is None, "what begins afterwards is cut as well"


async def test_work_that_may_not_be_cut_goes_on_through_a_cancel() -> None:
    go_on = asyncio.Event()
    async with keeper_of(LeaseStore()).claim(LeaseKind.JOB, "job") as held:
        running = asyncio.create_task(held_now(held).run(go_on.wait(), until=frozenset()))
        held_now(held).end(Ending.CANCELLED)
        go_on.set()
        assert await running is True
        assert held_now(held).ending is Ending.CANCELLED


async def test_what_is_lost_is_cut_and_raises() -> None:
    work = Work()
    async with keeper_of(LeaseStore()).claim(LeaseKind.JOB, "job") as held:
        running = asyncio.create_task(held_now(held).run(work.run(), until=frozenset()))
        await work.begun.wait()
        held_now(held).end(Ending.LOST)
        with pytest.raises(LeaseLostError):
            await running
        assert work.ended


async def test_a_loss_reaches_work_inside_work() -> None:
    inner = Work()
    async with keeper_of(LeaseStore()).claim(LeaseKind.JOB, "job") as held:
        claim = held_now(held)

        async def outer() -> None:
            await claim.run(inner.run(), until=frozenset({Ending.CANCELLED}))

        running = asyncio.create_task(claim.run(outer(), until=frozenset()))
        await inner.begun.wait()
        claim.end(Ending.LOST)
        with pytest.raises(LeaseLostError):
            await running
        assert inner.ended


async def test_a_cancel_from_outside_is_no_stop_of_the_claim() -> None:
    work = Work()
    async with keeper_of(LeaseStore()).claim(LeaseKind.JOB, "job") as held:
        running = asyncio.create_task(held_now(held).run(work.run()))
        await work.begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert work.ended


async def test_a_deadline_that_has_passed_cuts_at_once() -> None:
    async with keeper_of(LeaseStore(left_s=0.0)).claim(LeaseKind.TRAJECTORY, "job/t0") as held:
        assert await held_now(held).run(Work().run()) is None
        assert held_now(held).ending is Ending.DEADLINE


async def test_a_wake_up_beats_for_everything_that_is_held_if_it_is_meant() -> None:
    store = LeaseStore()
    keeper = keeper_of(store)
    async with keeper.claim(LeaseKind.JOB, "a"), keeper.claim(LeaseKind.TRAJECTORY, "b/t0") as held:
        keeper.wake("t0")
        keeper.wake("b")
        running = asyncio.create_task(held_now(held).run(Work().run()))
        store.answer = Beat(cancelled=[held_now(held).claim])
        assert await running is None
    assert store.beats == [["a", "b/t0"]]
    keeper.wake()
    await keeper.aclose()


async def test_without_an_answer_the_lease_ends_by_the_own_clock() -> None:
    store = LeaseStore()
    store.answer = StoreError("the database is away")
    work = Work()
    keeper = keeper_of(store, lease_s=0.05, beat_s=0.01)
    async with keeper.claim(LeaseKind.JOB, "job") as held:
        with pytest.raises(LeaseLostError):
            await held_now(held).run(work.run())
    assert work.ended
    assert store.beats
    await keeper.aclose()


async def test_beats_prolong_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many leases' time goes by, and nothing is lost: the work sees enough beats before it ends."""
    store = LeaseStore()
    keeper = keeper_of(store, lease_s=LONG_S, beat_s=0.001)
    passed_s = 0.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time.monotonic() + passed_s)

    async def until_beats(count: int) -> str:
        nonlocal passed_s
        while len(store.beats) < count:
            store.beaten.clear()
            await store.beaten.wait()
            passed_s += LONG_S / 4
        return "whole"

    async with keeper.claim(LeaseKind.JOB, "job") as held:
        first: Any = held_now(held)._expiry.when()
        assert await held_now(held).run(until_beats(20)) == "whole"
        assert held_now(held)._expiry.when() > first
    await keeper.aclose()


async def beat_answers(store: LeaseStore, answer: Beat) -> None:
    """Let the beat that is under way have this answer, and the keeper act on it."""
    store.answer = answer
    store.may_answer.set()
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_beat_that_meets_the_end_of_its_lease_cuts_nothing() -> None:
    """The beat is under way, the store ends the lease, the beat finds none; what comes after the end is not cut."""
    store = LeaseStore()
    keeper = keeper_of(store)
    async with keeper.claim(LeaseKind.JOB, "job") as held:
        claim = held_now(held)

        async def rest() -> str:
            store.may_answer.clear()
            keeper.wake("job")
            await store.beaten.wait()
            with claim.letting_go():
                await beat_answers(store, Beat(lost=[claim.claim]))
            await asyncio.sleep(0)
            return "has news again"

        assert await claim.run(rest(), until=frozenset()) == "has news again"
        assert claim.ending is None
        store.beaten.clear()
        async with keeper.claim(LeaseKind.JOB, "other"):
            keeper.wake()
            await store.beaten.wait()
    assert store.beats == [["job"], ["other"]], "what was let go is not beaten for"
    assert keeper.lost == 0
    await keeper.aclose()


async def test_a_lease_that_could_not_be_ended_is_kept_on_and_its_loss_counts() -> None:
    store = LeaseStore()
    keeper = keeper_of(store)
    work = Work()
    async with keeper.claim(LeaseKind.JOB, "job") as held:
        claim = held_now(held)
        with pytest.raises(StoreError), claim.letting_go():
            raise StoreError("the database is away")
        assert not claim.is_let_go

        async def rest() -> None:
            with suppress(StoreError), claim.letting_go():
                claim.end(Ending.LOST)
                raise StoreError("the database is away")
            await work.run()

        with pytest.raises(LeaseLostError):
            await claim.run(rest(), until=frozenset())
    assert keeper.lost == 1


async def turns() -> None:
    """Let everything go on that can."""
    for _ in range(20):
        await asyncio.sleep(0)


class Claimer:
    """Claims something, and holds it until it is to let go."""

    def __init__(self, keeper: Keeper, id: str) -> None:
        self.held: Held | None = None
        self.go = asyncio.Event()
        self.task = asyncio.create_task(self._run(keeper, id))

    async def _run(self, keeper: Keeper, id: str) -> None:
        async with keeper.claim(LeaseKind.TRAJECTORY, id) as held:
            self.held = held
            await self.go.wait()

    async def let_go(self) -> None:
        self.go.set()
        await self.task


async def test_a_last_attempt_begins_and_counts_once_nothing_else_is_held() -> None:
    store = LeaseStore()
    store.attempts = {"job/last": 5, "job/other-last": 5, "job/a": 4}
    keeper = keeper_of(store, alone_from=5)
    before = Claimer(keeper, "job/a")
    await turns()
    last = Claimer(keeper, "job/last")
    await turns()
    after, other_last = Claimer(keeper, "job/b"), Claimer(keeper, "job/other-last")
    await turns()
    assert before.held
    assert not last.held
    assert [claim.id for claim in keeper.claims] == ["job/a", "job/last"], "it is held, so that nobody else begins it"
    assert store.counted == [], "who dies now has not tried it"
    await before.let_go()
    await turns()
    assert last.held
    assert store.counted == ["job/last"]
    assert not after.held
    assert not other_last.held
    await last.let_go()
    await turns()
    assert after.held
    assert not other_last.held
    await after.let_go()
    await turns()
    assert other_last.held
    await other_last.let_go()
    assert store.counted == ["job/last", "job/other-last"]
    await keeper.aclose()


async def test_a_last_attempt_waits_for_who_works_beside_the_claims_and_keeps_them_out() -> None:
    store = LeaseStore()
    store.attempts = {"job/last": 5}
    keeper = keeper_of(store, alone_from=5)
    done, inside = asyncio.Event(), asyncio.Event()

    async def distil() -> None:
        async with keeper.beside():
            inside.set()
            await done.wait()

    first = asyncio.create_task(distil())
    await inside.wait()
    last = Claimer(keeper, "job/last")
    await turns()
    assert not last.held
    inside.clear()
    second = asyncio.create_task(distil())
    done.set()
    await first
    await turns()
    assert last.held
    assert not inside.is_set()
    await last.let_go()
    await second
    await keeper.aclose()


async def test_a_cancel_ends_the_wait_to_be_alone() -> None:
    store = LeaseStore()
    store.attempts = {"job/last": 5}
    keeper = keeper_of(store, alone_from=5)
    before = Claimer(keeper, "job/a")
    await turns()
    last = Claimer(keeper, "job/last")
    await turns()
    [claim] = [claim for claim in keeper.claims if claim.id == "job/last"]
    store.answer = Beat(cancelled=[claim])
    keeper.wake("job")
    await turns()
    assert before.held
    assert last.held
    assert last.held.ending is Ending.CANCELLED
    assert await last.held.run(Work().run()) is None
    await last.let_go()
    after = Claimer(keeper, "job/b")
    await turns()
    assert after.held
    await asyncio.gather(before.let_go(), after.let_go())
    await keeper.aclose()


@pytest.mark.parametrize(("attempts", "alone"), [(1, None), (3, None), (4, 4), (5, 5)])
def test_few_attempts_are_not_made_alone(attempts: int, alone: int | None) -> None:
    assert alone_from(attempts) == alone
