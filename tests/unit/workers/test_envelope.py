import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.events import BudgetSpent, JobFinished, OpaqueEvent, PhaseEntered, read_event
from solvent.agents.job import JobResult, JobStatus, StopReason
from solvent.errors import ConfigError
from solvent.usage import Usage
from solvent.workers.envelope import envelope, envelope_json, read_envelope
from solvent.workers.service_records import StoredEvent

STORED = StoredEvent("job-1", 7, PhaseEntered(job_id="job-1", trajectory="t1", phase="solve"), 1.5)
RESULT = JobResult(job_id="job-1", problem_id="p", status=JobStatus.FAILED, stop_reason=StopReason.ERROR)
KNOWN = [
    STORED.event,
    BudgetSpent(job_id="job-1", usage=Usage(prompt_tokens=3)),
    JobFinished(job_id="job-1", result=RESULT),
]
JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NEW_NAME = st.text("abcdefgh", min_size=9, max_size=12)


def changed(**fields: object) -> str:
    return json.dumps(json.loads(envelope(STORED).model_dump_json()) | fields)


def test_an_envelope_is_read_as_it_was_written() -> None:
    assert read_envelope(changed()) == envelope(STORED)
    assert read_envelope(envelope_json(STORED)) == envelope(STORED)


def test_a_type_of_a_later_version_is_passed_on_as_it_came() -> None:
    event = {"type": "job.paused", "job_id": "job-1", "why": {"deep": [1]}}
    read = read_envelope(changed(event=event))
    assert isinstance(read.event, OpaqueEvent)
    assert read.event.model_dump(exclude={"time_s"}) == event


def test_fields_of_a_later_version_are_left_out_at_any_depth() -> None:
    assert read_envelope(changed(new_field=1)) == envelope(STORED)
    event = JobFinished(job_id="job-1", result=RESULT)
    written = event.model_dump(mode="json")
    written["result"]["usage"]["gpu_s"] = 3
    written["result"]["evidence"]["public_tests"] = [{"name": "1", "verdict": "AC", "colour": "green"}]
    read = read_event(written)
    assert isinstance(read, JobFinished)
    assert read.result.evidence.public_tests[0].name == "1"
    assert read.result.usage == RESULT.usage


def test_what_a_known_event_cannot_be_read_as_is_opaque() -> None:
    read = read_event({"type": "phase", "job_id": "job-1", "trajectory": "t1", "phase": "ponder"})
    assert isinstance(read, OpaqueEvent)
    assert read.type == "phase"


@given(st.sampled_from(KNOWN), st.dictionaries(NEW_NAME, JSON_VALUE, max_size=4))
def test_no_new_field_breaks_an_older_reader(event: Any, more: dict[str, Any]) -> None:
    assert read_event({**event.model_dump(mode="json"), **more}) == event


@given(NEW_NAME, st.dictionaries(NEW_NAME, JSON_VALUE, max_size=4))
def test_no_new_type_breaks_an_older_reader(kind: str, more: dict[str, Any]) -> None:
    event = {"type": kind, "job_id": "job-1", **more}
    read = read_event(event)
    assert isinstance(read, OpaqueEvent)
    stored = StoredEvent("job-1", 1, read, 1.5, json.dumps(event))
    assert json.loads(envelope_json(stored))["event"] == event
    assert read_envelope(envelope_json(stored)).event == read


def test_what_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ConfigError, match="form 2"):
        read_envelope(changed(version=2))
    for wrong in ("[]", "{}", "x", changed(sequence="x"), changed(event={"type": "phase"}), changed(event=3)):
        with pytest.raises(ValueError, match=r".+"):
            read_envelope(wrong)
