"""Which queued jobs messages are sent for next: fair shares between API keys."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.workers.service_records import QueuedJob
from solvent.workers.sql.rows import is_postgres, now, same_key
from solvent.workers.tables import Queue, api_key, job

_LOCK = 7_305_112_020
"""Number of the advisory lock: two that choose at once would both fill the same room."""


@dataclass(frozen=True)
class Contender:
    """An API key that has queued jobs; None is for jobs without one."""

    key_id: str | None
    weight: float
    under_way: int
    """Its jobs that have begun, and those that a message is under way for."""
    concurrency: int | None = None


def fair_shares(contenders: Sequence[Contender], room: int) -> Mapping[str | None, int]:
    """Return how many more jobs each key gets, if it has that many: at most `room` together.

    The next always goes to the key with the least under way for its weight, so what is under way tends to the weights'
    proportions whatever was submitted first. Pure; ties go by id.
    """
    heap = [((one.under_way + 1) / one.weight, one.key_id or "", place) for place, one in enumerate(contenders)]
    heapq.heapify(heap)
    shares: Counter[str | None] = Counter()
    while heap and room > 0:
        _, name, place = heapq.heappop(heap)
        one = contenders[place]
        if one.concurrency is not None and one.under_way + shares[one.key_id] >= one.concurrency:
            continue
        shares[one.key_id] += 1
        room -= 1
        heapq.heappush(heap, ((one.under_way + shares[one.key_id] + 1) / one.weight, name, place))
    return {key_id: share for key_id, share in shares.items() if share}


async def choose(connection: AsyncConnection, *, outstanding: int, unseen_s: float) -> Sequence[QueuedJob]:
    """See `ServiceStore.next_jobs`."""
    if is_postgres(connection):
        await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
    time = await now(connection)
    oldest = time - unseen_s
    begun = await _begun(connection)
    sent = await _sent(connection, oldest)
    chosen: list[QueuedJob] = []
    for queue in (Queue.INTERACTIVE, Queue.BATCH):
        room = outstanding - sum(sent[queue].values())
        if room <= 0:
            continue
        under_way = begun + sent[Queue.INTERACTIVE] + sent[Queue.BATCH]
        contenders = await _contenders(connection, queue, under_way)
        while room > 0 and contenders:
            shares = fair_shares(contenders, room)
            left: list[Contender] = []
            for one in contenders:
                share = shares.get(one.key_id, 0)
                ids = await _take(connection, queue, one.key_id, share, oldest, time) if share else []
                chosen.extend(QueuedJob(id_, queue.value) for id_ in ids)
                sent[queue][one.key_id] += len(ids)
                room -= len(ids)
                if share and len(ids) == share:
                    # It may have more, which get what others could not fill.
                    left.append(Contender(one.key_id, one.weight, one.under_way + share, one.concurrency))
            contenders = left
    return chosen


async def _begun(connection: AsyncConnection) -> Counter[str | None]:
    query = (
        select(job.c.key_id, func.count().label("jobs"))
        .where(job.c.begun_at.is_not(None), job.c.ended_at.is_(None))
        .group_by(job.c.key_id)
    )
    return Counter({row.key_id: row.jobs for row in await connection.execute(query)})


async def _sent(connection: AsyncConnection, oldest: float) -> dict[str, Counter[str | None]]:
    query = (
        select(job.c.queue, job.c.key_id, func.count().label("jobs"))
        .where(job.c.begun_at.is_(None), job.c.ended_at.is_(None), job.c.sent_at > oldest)
        .group_by(job.c.queue, job.c.key_id)
    )
    found: dict[str, Counter[str | None]] = defaultdict(Counter)
    for row in await connection.execute(query):
        found[row.queue][row.key_id] = row.jobs
    return found


async def _contenders(
    connection: AsyncConnection, queue: Queue, under_way: Mapping[str | None, int]
) -> list[Contender]:
    waits = select(job.c.id).where(job.c.queue == queue.value, job.c.begun_at.is_(None), job.c.ended_at.is_(None))
    having = (
        select(api_key.c.id, api_key.c.weight, api_key.c.concurrency)
        .where(waits.where(job.c.key_id == api_key.c.id).exists())
        .order_by(api_key.c.id)
    )
    found = [
        Contender(row.id, row.weight, under_way.get(row.id, 0), row.concurrency)
        for row in await connection.execute(having)
    ]
    if (await connection.execute(waits.where(job.c.key_id.is_(None)).limit(1))).first() is not None:
        found.append(Contender(None, 1.0, under_way.get(None, 0)))
    return found


async def _take(
    connection: AsyncConnection, queue: Queue, key_id: str | None, most: int, oldest: float, time: float
) -> list[str]:
    query = (
        select(job.c.id)
        .where(
            job.c.queue == queue.value,
            same_key(job.c.key_id, key_id),
            job.c.begun_at.is_(None),
            job.c.ended_at.is_(None),
            or_(job.c.sent_at.is_(None), job.c.sent_at <= oldest),
        )
        # PostgreSQL does not see that the key is the same in all where it is NULL: without it here it reads and sorts
        # the whole queue, with it the index gives the next ones.
        .order_by(job.c.key_id, job.c.rank, job.c.submitted_at, job.c.id)
        .limit(most)
        .with_for_update(key_share=True, skip_locked=True)
    )
    ids = [row.id for row in await connection.execute(query)]
    if ids:
        await connection.execute(update(job).where(job.c.id.in_(ids)).values(sent_at=time))
    return ids
