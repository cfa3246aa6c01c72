"""Slots: never exceeded, jobs take turns, nobody starves, one may be alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.sandbox.turns import Turns


class Caller:
    """A task that takes a slot and keeps it until it is told to give it back."""

    def __init__(self, turns: Turns, name: str, log: list[str], *, job: str = "", alone: bool = False) -> None:
        self.name = name
        self.done = asyncio.Event()
        self.started = False
        self.alone = alone
        self.task = asyncio.create_task(self._work(turns, job, log))

    async def _work(self, turns: Turns, job: str, log: list[str]) -> None:
        await (turns.take_all() if self.alone else turns.take(job))
        self.started = True
        log.append(self.name)
        try:
            await self.done.wait()
        finally:
            self.started = False
            turns.give_back()


async def settle() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def finish(*callers: Caller) -> None:
    for caller in callers:
        caller.done.set()
    await settle()


async def test_jobs_take_turns_and_keep_their_order() -> None:
    turns, log = Turns(1), list[str]()
    first = Caller(turns, "first", log)
    await settle()
    names = ["a1", "a2", "a3", "b1", "b2", "c1"]
    waiting = [Caller(turns, name, log, job=name[0]) for name in names]
    await settle()
    assert turns.waiting == 6
    for _ in range(7):
        await finish(*(one for one in (first, *waiting) if one.started))
    assert log == ["first", "a1", "b1", "c1", "a2", "b2", "a3"]
    assert (turns.running, turns.waiting) == (0, 0)


async def test_one_who_wants_to_be_alone_waits_for_all_and_keeps_all_waiting() -> None:
    turns, log = Turns(2), list[str]()
    early = [Caller(turns, "early", log) for _ in range(2)]
    await settle()
    alone = Caller(turns, "alone", log, alone=True)
    late = Caller(turns, "late", log)
    await finish(early[0])
    assert log == ["early", "early"]
    await finish(early[1])
    assert log[2:] == ["alone"]
    await finish(alone)
    assert log[3:] == ["late"]
    await finish(late)


async def test_those_who_want_to_be_alone_do_not_starve_the_others() -> None:
    turns, log = Turns(2), list[str]()
    alone = [Caller(turns, "alone", log, alone=True) for _ in range(3)]
    others = [Caller(turns, "other", log) for _ in range(4)]
    await settle()
    for _ in range(12):
        await finish(*(one for one in (*alone, *others) if one.started))
    assert log == ["alone", "other", "other", "alone", "other", "other", "alone"]


async def test_a_call_that_is_cancelled_with_its_turn_gives_it_on() -> None:
    turns, log = Turns(1), list[str]()
    for alone in (False, True):
        first = Caller(turns, "first", log)
        await settle()
        cancelled, last = Caller(turns, "cancelled", log, alone=alone), Caller(turns, "last", log)
        await settle()
        # Its turn comes, and in the same moment it is cancelled.
        first.done.set()
        await asyncio.sleep(0)
        cancelled.task.cancel()
        await settle()
        assert log == ["first", "last"]
        await finish(last)
        assert (turns.running, turns.waiting) == (0, 0)
        log.clear()


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.sampled_from(["a", "b", "c"])),
        st.tuples(st.just("alone"), st.just("")),
        st.tuples(st.sampled_from(["finish", "cancel"]), st.integers(0, 20)),
        st.tuples(st.just("step"), st.integers(1, 3)),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(st.integers(1, 3), ACTIONS)
def test_whatever_happens_slots_are_kept_and_everybody_gets_a_turn(
    slots: int, actions: list[tuple[str, object]]
) -> None:
    async def play() -> None:
        turns, log = Turns(slots), list[str]()
        callers: list[Caller] = []
        for action, value in actions:
            if action in ("call", "alone"):
                callers.append(Caller(turns, str(len(callers)), log, job=str(value), alone=action == "alone"))
            elif action == "step":
                assert isinstance(value, int)
                for _ in range(value):
                    await asyncio.sleep(0)
            elif callers:
                assert isinstance(value, int)
                caller = callers[value % len(callers)]
                act: Callable[[], object] = caller.done.set if action == "finish" else caller.task.cancel
                act()
            check(turns, callers)
        for _ in range(2 * len(callers) + 2):
            await settle()
            check(turns, callers)
            for caller in callers:
                caller.done.set()
        await asyncio.gather(*(caller.task for caller in callers), return_exceptions=True)
        assert (turns.running, turns.waiting) == (0, 0)

    def check(turns: Turns, callers: list[Caller]) -> None:
        active = [caller for caller in callers if caller.started]
        assert len(active) <= turns.running <= slots
        if any(caller.alone for caller in active):
            assert len(active) == 1

    asyncio.run(asyncio.wait_for(play(), 20))


@pytest.mark.parametrize("slots", [1, 2, 8])
async def test_no_wait_where_a_slot_is_free(slots: int) -> None:
    turns = Turns(slots)
    for number in range(slots):
        coroutine = turns.take("")
        with pytest.raises(StopIteration):
            coroutine.send(None)
        assert turns.running == number + 1
