"""Counters of concepts, on SQLite and on PostgreSQL, against a plain count of what was recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solvent.workers.database import ServiceDatabase, open_service_database
from solvent.workers.tables import UTILITY_COUNTERS
from solvent.workers.utility import Arm, ConceptUse, ConceptUtility, JobUse, counts_of


@pytest_asyncio.fixture
async def service(service_url: str) -> AsyncIterator[ServiceDatabase]:
    opened = await open_service_database(service_url)
    yield opened
    await opened.aclose()


def use(concept_id: str = "c", **fields: object) -> ConceptUse:
    return ConceptUse.model_validate({"namespace": "n", "concept_id": concept_id, "version": 1, **fields})


def test_the_counters_are_those_of_the_table() -> None:
    assert tuple(counts_of(use())) == UTILITY_COUNTERS
    assert set(UTILITY_COUNTERS) < set(ConceptUtility.model_fields)


async def test_a_job_counts_once_however_often_its_end_is_written_down(service: ServiceDatabase) -> None:
    uses = [use("c", chosen=True, cited=True, solved=True), use("d", held_out=True, solved=False, tokens=5)]
    new = await asyncio.gather(*(service.utility.record_uses("job", uses) for _ in range(4)))
    assert sorted(new) == [0, 0, 0, 2]
    # What was written first holds.
    assert await service.utility.record_uses("job", [use("c", solved=False)]) == 0
    c, d = await service.utility.utility("n")
    assert (c.retrieved, c.chosen, c.cited, c.tried_with, c.solved_with) == (1, 1, 1, 1, 1)
    assert (d.retrieved, d.chosen, d.held_out_tried_without, d.held_out_solved_without, d.tokens_without) == (
        *(1, 0, 1, 0),
        5,
    )
    assert await service.utility.uses("job") == uses
    assert await service.utility.record_uses("job", []) == 0
    assert await service.utility.uses("another") == []


async def test_uplift_rests_on_the_jobs_in_which_chance_decided(service: ServiceDatabase) -> None:
    for number in range(10):
        chosen = number % 2 == 0
        solved = number in (0, 2, 4, 1)
        record = use(chosen=chosen, held_out=True, solved=solved)
        await service.utility.record_uses(f"held-out-{number}", [record])
        await service.utility.record_uses(f"free-{number}", [use(chosen=True, solved=False)])
    await service.utility.record_uses("cancelled", [use(chosen=True, held_out=True, solved=None)])
    (found,) = await service.utility.utility("n", ["c", "none"])
    assert found.uplift == pytest.approx(3 / 5 - 1 / 5)
    assert (found.tried_with, found.retrieved) == (15, 21)
    assert ConceptUtility(namespace="n", concept_id="c", version=1, held_out_tried_with=3).uplift is None


async def test_versions_and_namespaces_are_counted_apart(service: ServiceDatabase) -> None:
    await service.utility.record_uses("1", [use(), use("c", namespace="m")])
    await service.utility.record_uses("2", [use("c", version=2)])
    assert [(one.namespace, one.version) for one in await service.utility.utility("n")] == [("n", 1), ("n", 2)]
    assert [one.namespace for one in await service.utility.utility("m")] == ["m"]
    assert list(await service.utility.utility("n", [])) == []


USES = st.builds(
    ConceptUse,
    namespace=st.just("n"),
    concept_id=st.sampled_from(["a", "b", "c"]),
    version=st.integers(1, 2),
    chosen=st.booleans(),
    cited=st.booleans(),
    held_out=st.booleans(),
    solved=st.none() | st.booleans(),
    helpful=st.none() | st.booleans(),
    tokens=st.integers(0, 10),
)
JOBS = st.lists(st.tuples(st.integers(0, 4), st.lists(USES, max_size=3)))


@given(JOBS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_counters_are_the_sums_of_what_was_recorded(service_url: str, jobs: list[tuple[int, list[ConceptUse]]]) -> None:
    # A namespace of its own for each example.
    space = f"n{time.monotonic_ns()}"

    async def run() -> None:
        service = await open_service_database(service_url)
        expected: dict[tuple[str, int], dict[str, int]] = {}
        seen: set[tuple[int, str]] = set()
        try:
            for job, uses in jobs:
                await service.utility.record_uses(
                    f"{space}-{job}", [one.model_copy(update={"namespace": space}) for one in uses]
                )
                for one in uses:
                    if (job, one.concept_id) not in seen:
                        seen.add((job, one.concept_id))
                        total = expected.setdefault((one.concept_id, one.version), dict.fromkeys(UTILITY_COUNTERS, 0))
                        for name, number in counts_of(one).items():
                            total[name] += number
            found = {
                (one.concept_id, one.version): {name: getattr(one, name) for name in UTILITY_COUNTERS}
                for one in await service.utility.utility(space)
            }
            assert found == expected
        finally:
            await service.aclose()

    asyncio.run(run())


def job_use(job_id: str, **fields: object) -> JobUse:
    return JobUse.model_validate({"job_id": job_id, "namespace": "n", "policy": "read", "arm": "shown", **fields})


async def test_what_a_job_had_is_written_once_and_read_in_order(service: ServiceDatabase) -> None:
    given = [
        job_use("b", arm=Arm.HELD_OUT, retrieved=3, solved=False, tokens=7),
        job_use("a", retrieved=2, shown=1, cited=1, solved=True, snapshot="snap-1"),
        job_use("c", arm=Arm.NONE),
    ]
    for job in given:
        assert await service.utility.record_uses(job.job_id, [use()], job) == 1
    # The first record holds.
    assert await service.utility.record_uses("a", [use("d")], job_use("a", solved=False)) == 1
    assert await service.utility.record_uses("other", [], job_use("other", namespace="m")) == 0
    found = await service.utility.jobs("n")
    assert [one.model_copy(update={"created_at": 0.0}) for one in found] == given
    assert [one.job_id for one in await service.utility.jobs("n", limit=2)] == ["a", "c"]
    assert await service.utility.rate("n") == (1, 2)
    assert await service.utility.rate("n", last=1) == (1, 1)
    assert await service.utility.rate("nowhere") == (0, 0)
