"""Events of one job on their way to whoever receives them."""

from __future__ import annotations

import time
from typing import Any

from solvent.agents.events import Emit, Event


class Reporter:
    """Stamps events with the job and the time and hands them to the receiver."""

    def __init__(self, job_id: str, emit: Emit) -> None:
        self.job_id = job_id
        self._emit = emit
        self._start = time.monotonic()

    def __call__(self, event: type[Any], **fields: object) -> None:
        """Make an event of this class and hand it on."""
        made: Event = event(job_id=self.job_id, time_s=time.monotonic() - self._start, **fields)
        self._emit(made)
