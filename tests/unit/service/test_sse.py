import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solvent.service.sse import ServerEvent, read_events

TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=("Cs",)))
EVENTS = st.lists(
    st.builds(
        ServerEvent,
        id=st.text(string.digits, min_size=1),
        type=st.sampled_from(["text", "job.finished"]),
        data=st.lists(TEXT, min_size=1, max_size=3).map("\n".join),
    )
)


def lines_of(event: ServerEvent) -> list[str]:
    data = [f"data: {line}" for line in event.data.split("\n")]
    return [f"id: {event.id}", f"event: {event.type}", *data, ""]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS, st.booleans())
def test_what_was_sent_is_read(events: list[ServerEvent], cut: bool) -> None:
    lines = [line for event in events for line in (": a heartbeat", "", *lines_of(event))]
    if cut and events:
        # The last empty line is missing: the event was cut off, and is not taken.
        lines, events = lines[:-1], events[:-1]
    assert list(read_events(lines)) == events


def test_forms_that_others_write() -> None:
    lines = ["retry: 5", "data:no space", "unknown: x", "", "data", "", "id", "data: 2", "", "event: empty", ""]
    assert list(read_events(lines)) == [
        ServerEvent("", "message", "no space"),
        ServerEvent("", "message", ""),
        ServerEvent("", "message", "2"),
    ]
