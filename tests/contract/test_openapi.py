"""The OpenAPI document: whole, true to OpenAPI 3.1 in its references, and its paths as clients know them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from solvent.service.http.app import api
from solvent.service.http.door import Door
from solvent.settings import Settings
from solvent.workers.dispatch import NoDispatcher
from solvent.workers.wakeups import LocalWakeups

PATHS = {
    "GET /live": "",
    "GET /metrics": "",
    "GET /ready": "",
    "GET /v1/artifacts/{artifact_id}": "If-None-Match? artifact_id",
    "GET /v1/batches": "cursor? limit? -> BatchPage",
    "POST /v1/batches": "Idempotency-Key? options? {BatchRequest} -> BatchAnswer",
    "GET /v1/batches/{batch_id}": "batch_id -> BatchAnswer",
    "POST /v1/batches/estimate": "options? {BatchRequest}",
    "POST /v1/batches/{batch_id}/cancel": "batch_id -> CancelAnswer",
    "GET /v1/batches/{batch_id}/report": "batch_id unfreeze?",
    "GET /v1/batches/{batch_id}/results": "after? batch_id follow? order? -> application/x-ndjson",
    "POST /v1/batches/{batch_id}/retry": "batch_id -> RetryAnswer",
    "GET /v1/batches/{batch_id}/standings": "batch_id unfreeze?",
    "GET /v1/concepts": "archived? cursor? limit? name? namespace? project? query? snapshot? -> ConceptPage",
    "GET /v1/concepts/report": "project? top? -> MemoryReport",
    "GET /v1/concepts/{concept_id}": "concept_id project? version? -> ConceptAnswer",
    "GET /v1/concepts/{concept_id}/history": "concept_id project? -> ConceptVersionsAnswer",
    "GET /v1/jobs": "cursor? limit? -> JobPage",
    "POST /v1/jobs": "Idempotency-Key? {JobRequest|JobsRequest} -> JobAnswer|JobsAnswer",
    "GET /v1/jobs/{job_id}": "job_id -> JobAnswer",
    "GET /v1/jobs/{job_id}/artifacts": "job_id -> ArtifactsAnswer",
    "POST /v1/jobs/{job_id}/cancel": "job_id -> CancelAnswer",
    "GET /v1/jobs/{job_id}/events": "Last-Event-ID? after? job_id -> text/event-stream",
    "POST /v1/jobs/{job_id}/retry": "job_id -> RetryAnswer",
}
"""A change here is a change for clients: what is taken away or renamed breaks them."""
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    store: Any = None
    return api(Door(Settings(), store, LocalWakeups(), NoDispatcher())).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield method, path, operation


def forms(schema: dict[str, Any]) -> str:
    several = schema.get("anyOf", [schema])
    return "|".join(one["$ref"].rsplit("/", 1)[1] for one in several if "$ref" in one)


def summary(operation: dict[str, Any]) -> str:
    words = sorted(
        f"{parameter['name'].title() if parameter['in'] == 'header' else parameter['name']}"
        f"{'' if parameter.get('required') else '?'}"
        for parameter in operation.get("parameters", ())
    )
    words = [word.replace("-Id", "-ID") if word.startswith("Last") else word for word in words]
    body = operation.get("requestBody")
    if body:
        words.append(f"{{{forms(body['content']['application/json']['schema'])}}}")
    good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
    content = good.get("content", {})
    found = forms(content["application/json"]["schema"]) if "application/json" in content else next(iter(content), "")
    return " ".join([*words, f"-> {found}"]) if found and not found.startswith("text/plain") else " ".join(words)


def test_the_paths_are_those_that_clients_know(document: dict[str, Any]) -> None:
    assert {f"{method.upper()} {path}": summary(one) for method, path, one in operations(document)} == PATHS


def test_the_document_is_whole(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert json.loads(json.dumps(document)) == document
    schemas = document["components"]["schemas"]
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))
    assert references
    for reference in references:
        assert reference.removeprefix("#/components/schemas/") in schemas, reference
    used = {reference.rsplit("/", 1)[1] for reference in references}
    assert set(schemas) == used, "nothing that no path has"
    names = [one["operationId"] for _, _, one in operations(document)]
    assert len(set(names)) == len(names)
    for _, path, one in operations(document):
        placed = {parameter["name"] for parameter in one.get("parameters", ()) if parameter["in"] == "path"}
        assert placed == set(re.findall(r"{(\w+)}", path))
        assert one["summary"]
        assert one["description"]


def test_every_path_says_how_it_refuses_and_whom_it_asks_for_a_key(document: dict[str, Any]) -> None:
    for _, path, one in operations(document):
        refused = one["responses"]["default"]["content"]["application/problem+json"]["schema"]
        assert refused == {"$ref": "#/components/schemas/ProblemDetails"}
        assert "422" not in one["responses"]
        assert one.get("security", []) == ([{"HTTPBearer": []}] if path.startswith("/v1/") else [])
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


def test_no_answer_has_a_place_for_what_is_hidden(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    answers = [name for name in schemas if name.endswith(("Answer", "Page"))]
    assert len(answers) > 5
    for name in [*answers, "PublicProblem"]:
        fields = set(schemas[name]["properties"])
        assert fields.isdisjoint({"hidden_tests", "solutions", "checker", "interactor", "metadata", "key_id", "spec"})
    assert "answer" not in schemas["PublicProblem"]["properties"], "the gold answer"
