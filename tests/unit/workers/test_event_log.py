import logging
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solvent.agents.events import BudgetSpent, Event, PhaseEntered, TextGenerated
from solvent.usage import Usage
from solvent.workers.event_log import EventLog, joined, text_linger_s
from solvent.workers.service_store import ServiceStore
from solvent.workers.wakeups import LocalWakeups

NAMES = st.sampled_from(["t1", "t2", "t3"])
EVENTS = st.lists(
    st.one_of(
        st.builds(BudgetSpent, job_id=st.just("j"), usage=st.builds(Usage, model_calls=st.integers(0, 9))),
        st.builds(TextGenerated, job_id=st.just("j"), trajectory=NAMES, text=st.text(max_size=5)),
        st.builds(PhaseEntered, job_id=st.just("j"), trajectory=NAMES, phase=st.just("solve"), round=st.integers(0, 9)),
    ),
    max_size=30,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS)
def test_joining_loses_no_text_and_moves_none_past_its_own(events: list[Event]) -> None:
    found = joined(events)
    assert joined(found) == found
    others = [event for event in events if not isinstance(event, TextGenerated)]
    assert [event for event in found if not isinstance(event, TextGenerated)] == others
    for name in ("t1", "t2", "t3"):
        # What a reader of one trajectory sees: its text between what it did and what the job did.
        assert seen(found, name) == seen(events, name)
        alone = [event for event in found if getattr(event, "trajectory", name) == name]
        assert not any(
            isinstance(one, TextGenerated) and isinstance(two, TextGenerated) for one, two in pairwise(alone)
        )


def seen(events: list[Event], trajectory: str) -> list[object]:
    found: list[object] = []
    for event in events:
        if isinstance(event, TextGenerated) and event.trajectory == trajectory:
            if found and isinstance(found[-1], str):
                found[-1] += event.text
            else:
                found.append(event.text)
        elif getattr(event, "trajectory", trajectory) == trajectory:
            found.append(event)
    return found


def test_trajectories_that_write_in_turns_have_one_event_each() -> None:
    events: list[Event] = [
        TextGenerated(job_id="j", trajectory=f"t{number % 16}", text=f"{number} ") for number in range(320)
    ]
    found = joined(events)
    assert len(found) == 16
    assert found[3] == events[3].model_copy(update={"text": "".join(f"{number} " for number in range(3, 320, 16))})


def test_text_is_gathered_for_longer_where_many_write() -> None:
    assert [text_linger_s(count) for count in (0, 1, 8, 16, 32, 64, 1000)] == [0.25, 0.25, 0.25, 0.5, 1.0, 1.0, 1.0]


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
