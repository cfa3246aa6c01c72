"""Which job's artifacts are which: written down behind the work, so that they can be given out and swept."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from solvent.artifacts import TEXT, ArtifactStore, encoded
from solvent.errors import StoreError

LINGER_S = 1.0
"""How long what was stored is gathered before it is written down together."""
RETRY_S = 2.0
REMEMBERED = 20_000
"""What was written down a moment ago is not written again."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class OwnedArtifact:
    """An artifact that a job stored or read."""

    job_id: str
    id: str
    size_bytes: int
    media_type: str = TEXT


@dataclass(frozen=True)
class ArtifactRow:
    """An artifact as the database knows it."""

    id: str
    size_bytes: int
    media_type: str
    created_at: float
    jobs: int
    """How many jobs it belongs to."""


class ArtifactRegister(Protocol):
    """The rows of artifacts. Safe for concurrent use; all methods raise `StoreError`."""

    async def note(self, artifacts: Sequence[OwnedArtifact]) -> None:
        """Write down what belongs to which job; what is known, and what belongs to deleted jobs, is left out."""
        ...

    async def find(self, artifact_id: str, *, project: str | None = None) -> ArtifactRow | None:
        """Return an artifact that a job (of this project) has, or None."""
        ...

    async def of_job(self, job_id: str) -> Sequence[ArtifactRow]:
        """Return a job's artifacts, oldest first."""
        ...

    async def unknown(self, ids: Sequence[str]) -> Sequence[str]:
        """Return those of these ids that no job has."""
        ...


class JobArtifacts:
    """An `ArtifactStore` that has it written down that what goes through it belongs to one job."""

    def __init__(self, store: ArtifactStore, recorder: ArtifactRecorder, job_id: str) -> None:
        self._store = store
        self._recorder = recorder
        self._job_id = job_id

    def put(self, text: str, media_type: str = TEXT) -> str:
        """See `ArtifactStore.put`."""
        artifact_id = self._store.put(text, media_type)
        self._recorder.note(OwnedArtifact(self._job_id, artifact_id, len(encoded(text)), media_type))
        return artifact_id

    def get(self, artifact_id: str) -> str:
        """See `ArtifactStore.get`. A worker that goes on with another's job writes down what that did not come to."""
        text = self._store.get(artifact_id)
        self._recorder.note(OwnedArtifact(self._job_id, artifact_id, len(encoded(text))))
        return text

    def __contains__(self, artifact_id: str) -> bool:
        """See `ArtifactStore.__contains__`."""
        return artifact_id in self._store


class ArtifactRecorder:
    """Writes down behind the work whose artifacts are whose; made on the event loop, told from any thread.

    Where the process dies, what was stored in its last second is not written down, unless another goes on with it:
    nobody is given it then, and it is swept in its time.
    """

    def __init__(self, register: ArtifactRegister) -> None:
        self._register = register
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], OwnedArtifact] = {}
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._some = asyncio.Event()
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None

    def of(self, job_id: str, store: ArtifactStore) -> JobArtifacts:
        """Return the store as a job sees it."""
        return JobArtifacts(store, self, job_id)

    def note(self, artifact: OwnedArtifact) -> None:
        """Take one; returns at once, does not raise."""
        place = artifact.job_id, artifact.id
        with self._lock:
            if place in self._known or place in self._waiting:
                return
            first = not self._waiting
            self._waiting[place] = artifact
        if first and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._begin)

    async def flush(self) -> None:
        """Write down what was noted so far. Raises `StoreError`; what was not written waits on."""
        async with self._writing:
            with self._lock:
                taken, self._waiting = self._waiting, {}
            if not taken:
                return
            try:
                await self._register.note(list(taken.values()))
            except BaseException:
                with self._lock:
                    self._waiting = {**taken, **self._waiting}
                raise
            with self._lock:
                self._known.update(dict.fromkeys(taken))
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)

    async def aclose(self, *, at_most_s: float = 5.0) -> None:
        """Write what waits, for at most that long, and end; safe to call twice."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
            self._writer = None
        try:
            async with asyncio.timeout(at_most_s):
                await self.flush()
        except (StoreError, TimeoutError) as error:
            logger.warning("%d artifacts are not written down: %s", len(self._waiting), error or "no answer in time")

    def _begin(self) -> None:
        self._some.set()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_on(), name="artifact recorder")

    async def _write_on(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            await asyncio.sleep(LINGER_S)
            try:
                await self.flush()
            except StoreError as error:
                logger.warning("artifacts wait to be written down: %s", error)
                await asyncio.sleep(RETRY_S)
                self._some.set()
            except Exception:  # a defect must not end the recording of all others
                logger.exception("artifacts are not written down")
