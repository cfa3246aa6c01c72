from __future__ import annotations

import os
import signal
from pathlib import Path

from stored_jobs import job_record

from solvent.workers.database import open_service_store
from solvent.workers.holders import is_dead, lapse_dead, local_holder, lock_folder
from solvent.workers.service_records import LeaseKind

LEASE_S = 600.0


def holder_that_dies(database: Path) -> str:
    """Return the name of a holder that was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with local_holder(database) as name:
            os.write(writer, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as said:
        return said.read()


def test_the_living_the_dead_and_the_unknown(tmp_path: Path) -> None:
    database = tmp_path / "service.sqlite"
    with local_holder(database) as alive:
        assert not is_dead(database, alive)
        assert is_dead(database, holder_that_dies(database))
        assert not is_dead(database, "elsewhere:1:abc")
    assert not is_dead(database, alive), "it let go in order"


async def test_what_the_dead_held_can_be_had_at_once(tmp_path: Path) -> None:
    database = tmp_path / "service.sqlite"
    dead = holder_that_dies(database)
    store = await open_service_store(f"sqlite:///{database}")
    with local_holder(database) as alive:
        await store.submit([job_record(name) for name in ("a", "b", "c")])
        for job_id, holder in (("a", dead), ("b", alive), ("c", "elsewhere:1:abc")):
            assert await store.claim(LeaseKind.JOB, job_id, holder=holder, lease_s=LEASE_S) is not None
        await lapse_dead(store, database)
        assert set(await store.holders()) == {alive, "elsewhere:1:abc"}
        for job_id, can_be_had in (("a", True), ("b", False), ("c", False)):
            claim = await store.claim(LeaseKind.JOB, job_id, holder="next", lease_s=LEASE_S)
            assert (claim is not None) == can_be_had
        assert [path.stem for path in lock_folder(database).iterdir()] == [alive]
    await store.aclose()
