from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solvent.agents.events import Event, PhaseEntered, TextGenerated
from solvent.workers.event_log import joined

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
