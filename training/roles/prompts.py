"""Prompts of the roles for training samples, from the templates that `solvent.agents.prompts` renders in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from solvent.agents.prompts import Attempt, Failure
from solvent.training.families.sample import Concept, Sample
from solvent.training.prompting import PLAIN_STYLE, shown_tests, template

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
    return template(PLAIN_STYLE, name).render(
        statement=sample.statement,
        public_tests=shown_tests(sample),
        kind=sample.kind,
        wants=wants,
        program=program,
        failure=failure,
        concepts=sample.shown_concepts if concepts is None else concepts,
        attempts=attempts,
        candidates=candidates,
        offered=offered,
    )
