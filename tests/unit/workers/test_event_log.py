import logging
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solvent.agents.events import Event, PhaseEntered, TextGenerated
from solvent.workers.event_log import EventLog, joined
from solvent.workers.service_store import ServiceStore
from solvent.workers.wakeups import LocalWakeups

NAMES = st.sampled_from(["t1", "t2"])
EVENTS = st.lists(
    st.one_of(
        st.builds(TextGenerated, job_id=st.just("j"), trajectory=NAMES, text=st.text(max_size=5)),
        st.builds(PhaseEntered, job_id=st.just("j"), trajectory=NAMES, phase=st.just("solve"), round=st.integers(0, 9)),
    ),
    max_size=30,
)


def texts(events: list[Event]) -> dict[str, str]:
    found: dict[str, str] = {}
    for event in events:
        if isinstance(event, TextGenerated):
            found[event.trajectory] = found.get(event.trajectory, "") + event.text
    return found


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS)
def test_joining_loses_no_text_and_moves_nothing(events: list[Event]) -> None:
    found = joined(events)
    assert texts(found) == texts(events)
    others = [event for event in events if not isinstance(event, TextGenerated)]
    assert [event for event in found if not isinstance(event, TextGenerated)] == others
    assert joined(found) == found
    for before, after in pairwise(found):
        if isinstance(before, TextGenerated) and isinstance(after, TextGenerated):
            assert before.trajectory != after.trajectory


class Rows(ServiceStore):
    """Keeps what is appended; one job's events are a defect."""

    def __init__(self) -> None:
        self.rows: list[Event] = []

    async def add_events(self, job_id: str, events: Sequence[Event]) -> Sequence[int]:
        if job_id == "broken":
            raise ValueError("a defect")
        self.rows += events
        return range(len(self.rows) - len(events) + 1, len(self.rows) + 1)


async def test_a_defect_in_one_job_s_events_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    store = Rows()
    log = EventLog(store, LocalWakeups())
    for job_id in ("broken", "whole"):
        log.emit(PhaseEntered(job_id=job_id, trajectory="t1", phase="solve"))
    with caplog.at_level(logging.CRITICAL, logger="solvent"):
        await log.flush()
    log.emit(PhaseEntered(job_id="whole", trajectory="t1", phase="verify"))
    await log.aclose()
    assert [event.job_id for event in store.rows] == ["whole", "whole"]


class NoWakeups(LocalWakeups):
    """Whose announcements are a defect."""

    async def announce(self, topics: Iterable[str]) -> None:
        raise ValueError("a defect")


async def test_a_defect_in_the_announcements_stops_no_writing(caplog: pytest.LogCaptureFixture) -> None:
    store = Rows()
    log = EventLog(store, NoWakeups())
    with caplog.at_level(logging.CRITICAL, logger="solvent"):
        for phase in ("solve", "verify"):
            log.emit(PhaseEntered(job_id="whole", trajectory="t1", phase=phase))
            await log.flush()
        assert len(store.rows) == 2
        await log.aclose()
