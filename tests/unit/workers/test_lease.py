"""A keeper of leases: what is lost or to stop is stopped, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import pytest

from solvent.errors import StoreError
from solvent.workers.lease import Ending, Held, Keeper, endings, job_of, split
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

    async def claim(self, kind: LeaseKind, id: str, *, holder: str, lease_s: float) -> Claim:
        return Claim(kind, id, holder, 1, 1, self.left_s)

    async def beat(self, holder: str, claims: Sequence[Claim], *, lease_s: float) -> Beat:
        self.beats.append([claim.id for claim in claims])
        self.beaten.set()
        await self.may_answer.wait()
        if isinstance(self.answer, StoreError):
            raise self.answer
        return self.answer


def keeper_of(store: LeaseStore, *, lease_s: float = LONG_S, beat_s: float = LONG_S) -> Keeper:
    return Keeper(cast(ServiceStore, store), "me", lease_s=lease_s, beat_s=beat_s)


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


async def test_beats_prolong_the_lease() -> None:
    """Many leases' time goes by, and nothing is lost: the work sees enough beats before it ends."""
    store = LeaseStore()
    keeper = keeper_of(store, lease_s=0.5, beat_s=0.001)

    async def until_beats(count: int) -> str:
        while len(store.beats) < count:
            store.beaten.clear()
            await store.beaten.wait()
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
