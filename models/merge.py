"""Several streams of chunks as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from solvent.errors import ProviderError
from solvent.models.base import Chunk


async def merge_samples(sample: Callable[[int], AsyncGenerator[Chunk, None]], n: int) -> AsyncGenerator[Chunk, None]:
    """Yield the chunks of samples 0..n-1, interleaved as they come; closing it closes every sample.

    Sample 0 starts alone and the others after its first chunk, when the endpoint has the prompt in its prefix cache.
    A sample that fails does not end the others: they run to their end, and then its error is raised (the first one,
    with `may_have_generated` set, if any chunk came). Nothing else starts if sample 0 fails before its first chunk.

    Args:
        sample: opens the stream of sample i; its chunks carry index i.
        n: number of samples, at least 1.

    Raises:
        ProviderError: the first error of a sample.
    """
    if n == 1:
        async with aclosing(sample(0)) as only:
            async for chunk in only:
                yield chunk
        return
    queue: asyncio.Queue[Chunk | Exception | None] = asyncio.Queue(maxsize=max(16, 2 * n))

    async def pump(index: int) -> None:
        try:
            async with aclosing(sample(index)) as chunks:
                async for chunk in chunks:
                    await queue.put(chunk)
        except Exception as error:  # noqa: BLE001 - handed over to the reader, who raises it
            await queue.put(error)
        else:
            await queue.put(None)

    tasks = [asyncio.create_task(pump(0))]
    running = 1
    any_chunk = False
    failure: ProviderError | None = None
    try:
        while running:
            item = await queue.get()
            if isinstance(item, Chunk):
                if not any_chunk:
                    any_chunk = True
                    tasks += [asyncio.create_task(pump(index)) for index in range(1, n)]
                    running += n - 1
                yield item
            else:
                running -= 1
                if isinstance(item, ProviderError):
                    failure = failure or item
                elif item is not None:
                    raise item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if failure is not None:
        failure.may_have_generated = failure.may_have_generated or any_chunk
        raise failure
