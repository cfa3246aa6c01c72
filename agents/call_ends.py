"""How a granted call ends in the ledger: with what it used, given back, or left spent in full."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import JsonValue

from solvent.agents.budget import Granted, Ledger
from solvent.agents.events import BudgetSpent
from solvent.agents.reporter import Reporter
from solvent.agents.written import Written
from solvent.artifacts import TEXT, ArtifactStore
from solvent.errors import ProviderError, StoreError
from solvent.usage import Usage

if TYPE_CHECKING:
    from solvent.agents.roles import RoleModel

_log = logging.getLogger(__name__)
T = TypeVar("T")


class CallEnds:
    """The ends of one job's calls. What was used is written down also where the job is cancelled at that moment.

    Args:
        job_id: the job's scope in the ledger.
        ledger: granted the calls.
        artifacts: keeps what they gave.
        report: is told what is spent.
    """

    def __init__(self, job_id: str, ledger: Ledger, artifacts: ArtifactStore, report: Reporter) -> None:
        self._job_id = job_id
        self._ledger = ledger
        self._artifacts = artifacts
        self._report = report

    @asynccontextmanager
    async def held(self, call: str, place: asyncio.Semaphore | None = None) -> AsyncIterator[None]:
        """See that a granted call ends: released if surely nothing was spent, else left spent in full.

        Args:
            call: is made inside.
            place: is waited for before, and held.
        """
        if place is not None:
            try:
                await place.acquire()
            except BaseException:
                await self.give_back(call)
                raise
        try:
            yield
        except ProviderError as error:
            if error.may_have_generated:
                self._ledger.forfeit(self._job_id, call)
            else:
                await self._ledger.release(self._job_id, call)
            raise
        except BaseException:
            # Where its end was written, it stays as it is.
            self._ledger.forfeit(self._job_id, call)
            raise
        finally:
            if place is not None:
                place.release()

    async def give_back(self, call: str) -> None:
        """Release a call that was not made and whose maker was stopped; where that fails, it is left spent in full."""
        try:
            await self._ledger.release(self._job_id, call)
        except StoreError as error:
            _log.warning("call %s of job %s stays spent in full: %s", call, self._job_id, error)
            self._ledger.forfeit(self._job_id, call)

    async def keep(
        self, call: str, used: Usage, text: str, media_type: str = TEXT, *, note: dict[str, JsonValue] | None = None
    ) -> str:
        """Store what a call gave, commit what it used, and return the artifact's id.

        Raises:
            StoreError: it cannot be stored, or not be committed.
        """

        async def work() -> str:
            artifact = await asyncio.to_thread(self._artifacts.put, text, media_type)
            await self._ledger.commit(self._job_id, call, used, artifact=artifact, note=note or {})
            return artifact

        artifact = await _whole(work())
        if used != Usage():
            await self._tell()
        return artifact

    async def commit(self, call: str, used: Usage, note: dict[str, JsonValue]) -> None:
        """Commit what a call used that gave nothing. Raises StoreError."""
        await _whole(self._ledger.commit(self._job_id, call, used, note=note))
        await self._tell()

    async def commit_part(self, call: str, granted: Granted, written: Written, why: str, who: RoleModel) -> None:
        """Commit a sample without an end at what is known of it; else leave its whole reservation spent."""
        margin = who.model.info.cut_margin_tokens
        used = written.used_at_most(granted, margin, who.profile.prices)
        if used is None:
            self._ledger.forfeit(self._job_id, call)
            return
        note: dict[str, JsonValue] = {"cut": why, "received_tokens": written.tokens, "margin_tokens": margin}
        await _whole(self._ledger.commit(self._job_id, call, used, note=note))

    async def _tell(self) -> None:
        self._report(BudgetSpent, usage=await self._ledger.usage(self._job_id, in_flight=False))


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """Do `work` to its end, also where who waits for it is cancelled: that is raised after it."""
    doing = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise
