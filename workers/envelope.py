"""An event of a job's log as it is sent and written: numbered, dated, and with the version of its form."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

from solvent.agents.events import Event, read_event
from solvent.errors import ConfigError
from solvent.workers.service_records import StoredEvent

ENVELOPE_VERSION: Literal[1] = 1


class EventEnvelope(BaseModel):
    """One event with its place in the job's log."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal[1] = ENVELOPE_VERSION
    """Grows when a reader of the one before would misread it; new types of events and new fields do not."""
    job_id: str
    sequence: int
    """1, 2, 3, ... without a gap within a job; whoever has one goes on after it."""
    time: float
    """Seconds since 1970 (UTC), by the database's clock."""
    event: Event


def envelope(stored: StoredEvent) -> EventEnvelope:
    """Return the envelope of an event of the store."""
    return EventEnvelope(job_id=stored.job_id, sequence=stored.sequence, time=stored.time, event=stored.event)


def envelope_json(stored: StoredEvent) -> str:
    """Return the envelope of an event of the store as JSON: the event as it was written, also by a later version."""
    if stored.body is None:
        return envelope(stored).model_dump_json()
    head = {"version": stored.version, "job_id": stored.job_id, "sequence": stored.sequence, "time": stored.time}
    return f'{json.dumps(head)[:-1]}, "event": {stored.body}}}'


def read_envelope(text: str | bytes) -> EventEnvelope:
    """Return an envelope from its JSON; see `read_event` for what this version does not know.

    Raises:
        ConfigError: it was written by a version whose form this one cannot read.
        ValueError: it is no envelope.
    """
    value = from_json(text)
    if not isinstance(value, dict) or not isinstance(value.get("version"), int):
        raise ValueError("is no event")  # noqa: TRY004  # a wrong value of the right type, JSON
    if value["version"] > ENVELOPE_VERSION:
        raise ConfigError(
            f"events come in form {value['version']}, this version reads up to {ENVELOPE_VERSION}",
            remedy="upgrade solvent",
        )
    if not isinstance(value.get("event"), dict):
        raise ValueError("has no event")  # noqa: TRY004  # a wrong value of the right type, JSON
    return EventEnvelope.model_validate({**value, "event": read_event(value["event"])})
