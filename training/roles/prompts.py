"""Prompts of the roles for training samples, from the templates that `solvent.agents.prompts` renders in use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

from solvent.agents.prompts import Attempt, Failure
from solvent.training.families.sample import Concept, Example, Sample

if TYPE_CHECKING:
    from jinja2 import Template

_STYLES = Path(__file__).parents[2] / "configs" / "prompts"
STYLE = "starter"

TemplateName = Literal["solve", "verify", "verify-slow", "refine", "tests", "abstract", "choose", "summarise"]


def render_role(
    sample: Sample,
    name: TemplateName,
    *,
    wants: Literal["program", "answer"] = "program",
    program: str = "",
    failure: Failure | None = None,
    concepts: Sequence[Concept] | None = None,
    attempts: Sequence[Attempt] = (),
    candidates: Sequence[str] = (),
    offered: Sequence[Concept] = (),
) -> str:
    """The user's turn of a role: the same text as `Prompts.render` gives for the problem of this sample.

    The arguments are those of `Prompts.render`; `concepts` are by default the sample's shown concepts.
    """
    tests = [_call(test) for test in sample.public_tests] if sample.kind == "function" else sample.public_tests
    return _template(name).render(
        statement=sample.statement,
        public_tests=tests,
        kind=sample.kind,
        wants=wants,
        program=program,
        failure=failure,
        concepts=sample.shown_concepts if concepts is None else concepts,
        attempts=attempts,
        candidates=candidates,
        offered=offered,
    )


@cache
def _template(name: TemplateName) -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader([_STYLES / STYLE, _STYLES])
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701 - plain text
    return environment.get_template(f"{name}.j2")


class _Text:
    """A text that stands where a template writes a value's repr: examples hold it ready."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _call(test: Example) -> Any:
    return SimpleNamespace(type="call", arguments=(_Text(test.stdin),), keywords={}, expected=_Text(test.expected))
