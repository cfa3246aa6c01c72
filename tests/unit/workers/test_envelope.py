import json

import pytest

from solvent.agents.events import PhaseEntered
from solvent.errors import ConfigError
from solvent.workers.envelope import envelope, read_envelope
from solvent.workers.service_records import StoredEvent

STORED = StoredEvent("job-1", 7, PhaseEntered(job_id="job-1", trajectory="t1", phase="solve"), 1.5)


def changed(**fields: object) -> str:
    return json.dumps(json.loads(envelope(STORED).model_dump_json()) | fields)


def test_an_envelope_is_read_as_it_was_written() -> None:
    assert read_envelope(changed()) == envelope(STORED)


def test_what_a_later_version_adds_is_no_error() -> None:
    assert read_envelope(changed(event={"type": "job.paused", "job_id": "job-1"})) is None
    assert read_envelope(changed(new_field=1)) == envelope(STORED)


def test_what_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ConfigError, match="form 2"):
        read_envelope(changed(version=2))
    for wrong in ("[]", "{}", "x", changed(sequence="x"), changed(event={"type": "phase"})):
        with pytest.raises(ValueError, match=r".+"):
            read_envelope(wrong)
