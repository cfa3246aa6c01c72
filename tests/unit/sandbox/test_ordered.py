"""Results come in order, whatever runs when; what is needless does not run."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.sandbox.ordered import run_in_order


@given(st.permutations(range(6)), st.integers(1, 7), st.sets(st.integers(0, 5)))
def test_results_are_given_in_order_however_the_runs_end(order: list[int], width: int, unwanted: set[int]) -> None:
    async def main() -> None:
        gates = [asyncio.Event() for _ in range(6)]
        running: set[int] = set()
        given_results: list[int] = []
        discarded: list[int] = []
        most = 0

        async def run(index: int) -> int:
            nonlocal most
            running.add(index)
            most = max(most, len(running))
            try:
                await gates[index].wait()
            finally:
                running.discard(index)
            return index

        async def open_gates() -> None:
            for index in order:
                gates[index].set()
                await asyncio.sleep(0)

        def take(index: int, result: int) -> set[int]:
            assert index == result
            given_results.append(index)
            return {later for later in unwanted if later > index}

        opening = asyncio.create_task(open_gates())
        await run_in_order(6, width, run, take, discarded.append)
        await opening
        assert given_results == [index for index in range(6) if index == 0 or index not in unwanted]
        assert not set(discarded) & set(given_results)
        assert set(discarded) <= unwanted
        assert most <= width
        assert not running

    asyncio.run(main())


async def test_an_error_cancels_the_others_and_keeps_what_was_given() -> None:
    cancelled: list[int] = []
    taken: list[int] = []

    async def run(index: int) -> int:
        if index == 1:
            raise ValueError("broken")
        if index > 1:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.append(index)
        return index

    with pytest.raises(ValueError, match="broken"):
        await run_in_order(9, 4, run, lambda index, _: taken.append(index) or (), lambda _: None)
    assert taken == [0]
    assert cancelled


async def test_cancelling_ends_every_run_before_it_returns() -> None:
    alive: set[int] = set()

    async def run(index: int) -> int:
        alive.add(index)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            alive.discard(index)
        return index

    task = asyncio.create_task(run_in_order(5, 3, run, lambda _, __: (), lambda _: None))
    while len(alive) < 3:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive
