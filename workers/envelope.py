"""An event of a job's log as it is sent and written: numbered, dated, and with the version of its form."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from solvent.agents.events import Event
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


def read_envelope(text: str | bytes) -> EventEnvelope | None:
    """Return an envelope from its JSON, or None for a type of event that this version does not know.

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
    try:
        return EventEnvelope.model_validate(value)
    except ValidationError as error:
        if all(problem["type"] == "union_tag_invalid" for problem in error.errors()):
            return None
        raise
