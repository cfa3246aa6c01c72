"""Artifacts as the door reads them: whose they are says the database, what is in them the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from solvent.artifacts import ArtifactStore
from solvent.workers.artifact_register import ArtifactRegister, ArtifactRow


@dataclass(frozen=True)
class Artifacts:
    """What is given out.

    Attributes:
        register: which job's artifacts are which.
        store: their texts.
    """

    register: ArtifactRegister
    store: ArtifactStore

    async def find(self, artifact_id: str, project: str | None) -> ArtifactRow | None:
        """Return an artifact of a job of this project (None: of any), or None."""
        return await self.register.find(artifact_id, project=project)

    async def of_job(self, job_id: str) -> Sequence[ArtifactRow]:
        """Return a job's artifacts."""
        return await self.register.of_job(job_id)

    async def text(self, artifact_id: str) -> str:
        """Return the text of an artifact that was found. Raises `StoreError`."""
        return await asyncio.to_thread(self.store.get, artifact_id)
