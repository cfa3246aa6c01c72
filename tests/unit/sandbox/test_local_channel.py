"""The process of a local box: when it is closed, nothing that it has begun is left."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from solvent.sandbox.box import Box
from solvent.sandbox.local import _ProcessChannel


async def test_a_child_that_does_not_die_with_bubblewrap_yet_is_ended_too() -> None:
    """As bubblewrap's own child until it has asked for that: it waits on a descriptor that it holds both ends of."""
    nothing: Any = lambda _: None  # noqa: E731
    channel = _ProcessChannel(Box(64, 1, nothing, nothing), None)
    await channel.start(["/bin/sh", "-c", "sleep 1000 & echo $! >&2; wait"])
    async with asyncio.timeout(60):
        while not (said := channel.diagnostics()):
            await asyncio.sleep(0)
    child = os.pidfd_open(int(said))
    try:
        ended = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(child, lambda: ended.done() or ended.set_result(None))
        await channel.close()
        async with asyncio.timeout(60):
            await ended
        asyncio.get_running_loop().remove_reader(child)
    finally:
        os.close(child)
