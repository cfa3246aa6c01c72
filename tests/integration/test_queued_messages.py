"""What waits in the queues can be told, however messages are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from servers import RedisServer

from solvent.workers.celery_app import CeleryMessages, id_of, make_app
from solvent.workers.local_messages import LocalMessages
from solvent.workers.messages import BATCH, INTERACTIVE, NEXT, TRAJECTORIES, Messages
from solvent.workers.service_records import QueuedJob

pytestmark = pytest.mark.redis


@pytest.fixture(params=["local", "celery"])
async def messages(request: pytest.FixtureRequest) -> AsyncIterator[Messages]:
    made: LocalMessages | CeleryMessages
    if request.param == "local":
        made = LocalMessages(1)
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        server.lose_data()
        made = CeleryMessages(make_app(server.url))
    yield made
    await made.aclose()


async def test_the_trajectories_that_are_taken_next_have_waited_longest(messages: Messages) -> None:
    assert await messages.next_trajectories() == []
    await messages.send_jobs([QueuedJob("first", BATCH)])
    names = [f"job/t{number}" for number in range(2 * NEXT)]
    await messages.send_trajectories(names, queue=BATCH)
    await messages.send_trajectories(["urgent/t0"], queue=INTERACTIVE)
    found = set(await messages.next_trajectories())
    assert found - {"urgent/t0"} == set(names[:NEXT])
    assert (await messages.waiting())[TRAJECTORIES] == 2 * NEXT + 1


@pytest.mark.parametrize(
    "message", ["", "nothing", "[]", '{"body": "e30="}', '{"body": "W10="}', '{"body": "W1sxXV0="}']
)
def test_a_message_of_somebody_else_has_no_id(message: str) -> None:
    assert id_of(message) is None
