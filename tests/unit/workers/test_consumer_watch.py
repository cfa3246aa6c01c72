"""When a worker that is given no messages is taken for deaf, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.errors import DependencyError
from solvent.workers.consumer_watch import Deafness, Look, Remedy, Traffic, watch_consumer

PATIENCE_S = 20.0


def deaf(at: float, received: int = 0) -> Look:
    return Look(at, waiting=True, has_room=True, received=received)


def judged(*looks: Look, most_tries: int = 2) -> list[Remedy]:
    deafness = Deafness(PATIENCE_S, most_tries)
    return [deafness.judge(look) for look in looks]


def test_messages_that_wait_in_vain_for_long_have_it_connect_again() -> None:
    assert judged(deaf(100), deaf(119), deaf(120)) == [Remedy.NONE, Remedy.NONE, Remedy.CONNECT_AGAIN]


def test_after_some_tries_it_gives_up() -> None:
    looks = [deaf(at) for at in (0, 20, 40, 60)]
    assert judged(*looks)[1:] == [Remedy.CONNECT_AGAIN, Remedy.CONNECT_AGAIN, Remedy.GIVE_UP]


def test_a_message_makes_all_good() -> None:
    looks = [deaf(0), deaf(20), deaf(25, received=1), deaf(45, received=1), deaf(65, received=1), deaf(85, received=1)]
    again = Remedy.CONNECT_AGAIN
    assert judged(*looks) == [Remedy.NONE, again, Remedy.NONE, again, again, Remedy.GIVE_UP]


@pytest.mark.parametrize("change", [{"waiting": False}, {"has_room": False}, {"received": 1}])
def test_one_good_look_is_enough(change: dict[str, Any]) -> None:
    good = Look(**{"at": 15.0, "waiting": True, "has_room": True, "received": 0, **change})
    later = [Look(at, waiting=True, has_room=True, received=good.received) for at in (20.0, 34.0, 35.0)]
    assert judged(deaf(0), good, *later) == [Remedy.NONE] * 4 + [Remedy.CONNECT_AGAIN]


@given(st.lists(st.tuples(st.floats(0.1, 30), st.booleans(), st.booleans(), st.booleans())))
def test_nothing_is_done_but_after_all_that_time_in_vain(steps: list[tuple[float, bool, bool, bool]]) -> None:
    deafness = Deafness(PATIENCE_S, most_tries=1000)
    at, received, in_vain_since = 0.0, 0, None
    for pause_s, waiting, has_room, comes in steps:
        at += pause_s
        received += comes
        vain = waiting and has_room and not comes
        remedy = deafness.judge(Look(at, waiting, has_room, received))
        if not vain:
            in_vain_since = at
            assert remedy is Remedy.NONE
        elif remedy is Remedy.CONNECT_AGAIN:
            assert in_vain_since is not None
            assert at - in_vain_since >= PATIENCE_S
            in_vain_since = at
        elif in_vain_since is None:
            in_vain_since = at
        else:
            assert at - in_vain_since < PATIENCE_S


def test_an_acknowledgement_that_was_lost_has_it_connect_again_once_redis_answers() -> None:
    def look(at: float, lost: int, *, answers: bool = True) -> Look:
        return Look(at, waiting=False, has_room=True, received=6, acks_lost=lost, answers=answers)

    looks = [look(0, 0), look(5, 2, answers=False), look(10, 6, answers=False), look(15, 6), look(20, 6), look(90, 7)]
    again = Remedy.CONNECT_AGAIN
    assert judged(*looks) == [Remedy.NONE] * 3 + [again, Remedy.NONE, again]


class Queues:
    """Says what waits, one answer after the other; None where Redis is away."""

    def __init__(self, *answers: int | None) -> None:
        self._answers = list(answers)

    @property
    def over(self) -> bool:
        return not self._answers

    async def waiting(self) -> Mapping[str, int]:
        answer = self._answers.pop(0)
        if answer is None:
            raise DependencyError("away")
        return {"batch": answer, "memory": 1}


async def watched(queues: Queues, traffic: Traffic, *, concurrency: int = 1, most_tries: int = 100) -> list[str]:
    done: list[str] = []
    await watch_consumer(
        queues,  # type: ignore[arg-type]  # the one method that is used
        traffic,
        queues=["batch"],
        concurrency=concurrency,
        connect_again=lambda: done.append("connect again"),
        give_up=lambda: done.append("give up"),
        stopping=lambda: queues.over,
        look_s=0.0,
        deafness=Deafness(0.0, most_tries),
    )
    return done


async def test_it_looks_at_its_own_queues_and_its_own_room() -> None:
    traffic = Traffic()
    assert await watched(Queues(0, 0, 0, 0), traffic) == []
    assert await watched(Queues(None, None, None), traffic) == []
    assert await watched(Queues(5, 5, 5, 5), traffic) == ["connect again"] * 2
    with traffic.message():
        assert await watched(Queues(5, 5, 5, 5), traffic) == []
        assert await watched(Queues(5, 5, 5, 5), traffic, concurrency=2) == ["connect again"] * 2
    assert (traffic.received, traffic.busy) == (1, 0)


async def test_it_hears_of_lost_acknowledgements() -> None:
    traffic = Traffic()
    traffic.ack_lost()
    assert await watched(Queues(None, None, 0, 0, 0), traffic) == ["connect again"]


async def test_it_ends_when_it_gave_up() -> None:
    assert await watched(Queues(*[5] * 10), Traffic(), most_tries=2) == ["connect again", "connect again", "give up"]
