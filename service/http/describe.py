"""What the OpenAPI document says of bodies that the routes read by themselves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from solvent.service.http.bodies import JSON
from solvent.service.http.errors import MEDIA_TYPE, ProblemDetails

_REFERENCE = "#/components/schemas/{model}"


def body_of(*forms: type[BaseModel], files: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the part of an operation that says: the body is JSON of one of these forms, or a file of these types."""
    references = [{"$ref": _REFERENCE.format(model=form.__name__)} for form in forms]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    content: dict[str, Any] = {JSON: {"schema": schema}}
    content |= {name: {"schema": {"type": "string", "format": "binary"}} for name in sorted(files)}
    return {"requestBody": {"required": True, "content": content}}


def complete(document: dict[str, Any], *forms: type[BaseModel]) -> dict[str, Any]:
    """Add the schemas of these forms to an OpenAPI document, and to each operation what an error looks like."""
    _, found = models_json_schema(
        [*((form, "validation") for form in forms), (ProblemDetails, "validation")], ref_template=_REFERENCE
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in found["$defs"].items():
        schemas.setdefault(name, schema)
    # The framework's own form of errors, which no answer has.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    error = {
        "description": "An error",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model=ProblemDetails.__name__)}}},
    }
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = error
    return document
