"""Checks of rendered manifests against the schemas of Kubernetes and KEDA."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from deploy_tools import TOOLS
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

VERSIONS = ("1.29", "1.33", "1.37")
_FOLDER = "kubernetes_validate/kubernetes-json-schema"
_QUANTITY: dict[str, Any] = {"type": "integer", "minimum": 0}


def require_schemas() -> Path:
    """Return the archive of schemas, or skip."""
    path = TOOLS / "kubernetes-schemas.zip"
    if not path.exists():
        pytest.skip("the schemas of Kubernetes are not there (scripts/setup_deploy.sh fetches them)")
    return path


class Schemas:
    """Schemas of one version of Kubernetes; fields that it does not know are errors."""

    def __init__(self, archive: Path, version: str) -> None:
        self._archive = zipfile.ZipFile(archive)
        self._prefix = next(
            name.rpartition("/")[0]
            for name in self._archive.namelist()
            if name.startswith(f"{_FOLDER}/v{version}.") and "-local-strict/_definitions.json" in name
        )
        self._registry: Registry[Any] = Registry(retrieve=self._retrieve)  # type: ignore[call-arg]  # attrs' own

    def _retrieve(self, uri: str) -> Resource[Any]:
        return Resource.from_contents(self._read(uri.rpartition("/")[2]), default_specification=DRAFT7)

    def _read(self, name: str) -> Any:
        return json.loads(self._archive.read(f"{self._prefix}/{name}"))

    def problems(self, manifest: dict[str, Any]) -> list[str]:
        """Return what is wrong with a manifest, one line each."""
        group, _, version = manifest["apiVersion"].rpartition("/")
        if group == "keda.sh":
            schema: Any = KEDA[manifest["kind"]]
        else:
            # networking.k8s.io/v1 is called networking-v1 there.
            parts = [manifest["kind"].lower(), *([group.removesuffix(".k8s.io")] if group else []), version]
            schema = self._read(f"{'-'.join(parts)}.json")
        validator = Draft7Validator(schema, registry=self._registry)
        what = f"{manifest['kind']} {manifest['metadata']['name']}"
        return [
            f"{what}: {'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in validator.iter_errors(manifest)
        ]


def _closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


_TEXT = {"type": "string", "minLength": 1}
_SCALING_RULES = _closed(
    [],
    stabilizationWindowSeconds={"type": "integer", "minimum": 0, "maximum": 3600},
    selectPolicy={"enum": ["Max", "Min", "Disabled"]},
    policies={
        "type": "array",
        "items": _closed(
            ["type", "value", "periodSeconds"],
            type={"enum": ["Pods", "Percent"]},
            value={"type": "integer", "minimum": 1},
            periodSeconds={"type": "integer", "minimum": 1, "maximum": 1800},
        ),
    },
)

KEDA: dict[str, Any] = {
    # What the chart may use, as of KEDA 2.17 (keda.sh/docs: "ScaledObject specification", "PostgreSQL",
    # "Authentication"): PyPI has no package of its schemas.
    "ScaledObject": _closed(
        ["apiVersion", "kind", "metadata", "spec"],
        apiVersion={"const": "keda.sh/v1alpha1"},
        kind=_TEXT,
        metadata={"type": "object"},
        spec=_closed(
            ["scaleTargetRef", "triggers"],
            scaleTargetRef=_closed(["name"], name=_TEXT, kind=_TEXT, apiVersion=_TEXT, envSourceContainerName=_TEXT),
            minReplicaCount=_QUANTITY,
            maxReplicaCount=_QUANTITY,
            idleReplicaCount=_QUANTITY,
            pollingInterval=_QUANTITY,
            cooldownPeriod=_QUANTITY,
            initialCooldownPeriod=_QUANTITY,
            fallback=_closed(
                ["failureThreshold", "replicas"],
                failureThreshold=_QUANTITY,
                replicas=_QUANTITY,
                behavior={
                    "enum": [
                        "static",
                        "currentReplicas",
                        "currentReplicasIfHigher",
                        "currentReplicasIfLower",
                        "scalingModifiers",
                    ]
                },
            ),
            advanced=_closed(
                [],
                restoreToOriginalReplicaCount={"type": "boolean"},
                horizontalPodAutoscalerConfig=_closed(
                    [], name=_TEXT, behavior=_closed([], scaleDown=_SCALING_RULES, scaleUp=_SCALING_RULES)
                ),
            ),
            triggers={
                "type": "array",
                "minItems": 1,
                "items": _closed(
                    ["type", "metadata"],
                    type={"const": "postgresql"},
                    name=_TEXT,
                    metricType={"enum": ["AverageValue", "Value"]},
                    authenticationRef=_closed(["name"], name=_TEXT, kind=_TEXT),
                    # Values of metadata are texts.
                    metadata=_closed(
                        ["query", "targetQueryValue"],
                        query=_TEXT,
                        targetQueryValue={"type": "string", "pattern": "^[0-9.]+$"},
                        activationTargetQueryValue={"type": "string", "pattern": "^[0-9.]+$"},
                    ),
                ),
            },
        ),
    ),
    "TriggerAuthentication": _closed(
        ["apiVersion", "kind", "metadata", "spec"],
        apiVersion={"const": "keda.sh/v1alpha1"},
        kind=_TEXT,
        metadata={"type": "object"},
        spec=_closed(
            ["secretTargetRef"],
            secretTargetRef={
                "type": "array",
                "minItems": 1,
                "items": _closed(["parameter", "name", "key"], parameter=_TEXT, name=_TEXT, key=_TEXT),
            },
        ),
    ),
}
