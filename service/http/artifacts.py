"""/v1/artifacts: replies of models, programs and records of judging, by their hash, to whose jobs they belong."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel

from solvent.artifacts import encoded
from solvent.errors import NotFound
from solvent.service.http.artifact_reading import Artifacts
from solvent.service.http.auth import CallerOf, DoorOf
from solvent.service.http.door import Door

router = APIRouter(prefix="/v1", tags=["artifacts"])

ArtifactId = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of its bytes.")]


class ArtifactAnswer(BaseModel):
    """An artifact without its text."""

    id: str
    size_bytes: int
    media_type: str
    created_at: float
    """Seconds since 1970 (UTC)."""


class ArtifactsAnswer(BaseModel):
    """The artifacts of a job, oldest first."""

    data: list[ArtifactAnswer]


@router.get(
    "/artifacts/{artifact_id}",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, 304: {"description": "You have it."}},
)
async def show(
    artifact_id: ArtifactId,
    door: DoorOf,
    caller: CallerOf,
    if_none_match: Annotated[str | None, Header(description="Its hash, where you have it.")] = None,
) -> Response:
    """Return an artifact of one of your jobs. Its bytes are those of its hash; they never change."""
    artifacts = _artifacts(door)
    found = await artifacts.find(artifact_id, caller.project)
    if found is None:
        raise NotFound(f"there is no artifact {artifact_id!r}")
    # What models wrote is nothing that a browser should take for a page.
    headers = {
        "ETag": f'"{artifact_id}"',
        "Cache-Control": "private, immutable, max-age=31536000",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Disposition": f'attachment; filename="{artifact_id[:12]}.txt"',
    }
    if if_none_match is not None and artifact_id in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(encoded(await artifacts.text(artifact_id)), headers=headers, media_type=found.media_type)


@router.get("/jobs/{job_id}/artifacts")
async def of_job(job_id: str, door: DoorOf, caller: CallerOf) -> ArtifactsAnswer:
    """List a job's artifacts. What it stored in the last second may be missing."""
    job = await door.store.job(job_id, project=caller.project)
    rows = await _artifacts(door).of_job(job.id)
    return ArtifactsAnswer(
        data=[
            ArtifactAnswer(id=row.id, size_bytes=row.size_bytes, media_type=row.media_type, created_at=row.created_at)
            for row in rows
        ]
    )


def _artifacts(door: Door) -> Artifacts:
    if door.artifacts is None:
        raise NotFound("this server gives out no artifacts")
    return door.artifacts
