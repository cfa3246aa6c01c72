"""The application: routes, errors and the document that describes them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from solvent import __version__
from solvent.service.http import artifacts, batches, concepts, describe, errors, health, jobs, plans
from solvent.service.http.door import Door
from solvent.service.http.gate import Gate
from solvent.service.http.requests import BatchRequest, JobRequest, JobsRequest

DESCRIPTION = "Submit coding and math problems, watch them being solved, get answers with evidence."


def api(door: Door) -> FastAPI:
    """Return the routes over a door, without what counts and guards; see `create_app`."""
    # The pages that show the document would be loaded from elsewhere.
    app = FastAPI(title="Solvent", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None)
    app.state.door = door
    for part in (jobs, batches, plans, artifacts, concepts, health):
        app.include_router(part.router)
    errors.install(app)
    original = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            describe.complete(original(), JobRequest, JobsRequest, BatchRequest)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the framework's documented way
    return app


def create_app(door: Door) -> ASGIApp:
    """Return the ASGI application."""
    return Gate(api(door), door)
