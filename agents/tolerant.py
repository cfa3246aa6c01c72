"""Reads values that a later version wrote, for whoever only shows them: what is not known is left out."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


def read_tolerantly(model: type[Model], given: Mapping[str, Any]) -> Model:
    """Return a model from a JSON value, without the fields, at any depth, that it does not have.

    Not for what is acted upon: a job with a field that is left out would be another job.

    Raises:
        ValidationError: something else is wrong in it.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        unknown = [problem["loc"] for problem in error.errors() if problem["type"] == "extra_forbidden"]
        if len(unknown) < error.error_count():
            raise
        trimmed = copy.deepcopy(dict(given))
        for place in unknown:
            _delete(trimmed, place)
    return model.model_validate(trimmed)


def _delete(value: Any, place: Sequence[str | int]) -> None:
    """Delete what lies at a place; names of a union's members, which such places have too, are passed over."""
    *parents, last = place
    for step in parents:
        if isinstance(step, str):
            value = value.get(step, value) if isinstance(value, dict) else value
        elif isinstance(value, list) and step < len(value):
            value = value[step]
    if isinstance(value, dict):
        value.pop(last, None)
