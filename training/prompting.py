"""The prompt and the completion of a problem: the very texts that the starter model sees when it is used."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from solvent.training.families.sample import Sample

TEMPLATE = Path(__file__).parents[1] / "configs" / "prompts" / "starter" / "solve.j2"


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - plain text, not HTML
    return environment.from_string(TEMPLATE.read_text())


def render_prompt(sample: Sample) -> str:
    """The user's turn, through the same template that `solvent solve` uses for the starter model."""
    text = _template().render(statement=sample.statement, public_tests=sample.public_tests, kind=sample.kind)
    return str(text)


def render_completion(sample: Sample) -> str:
    """The assistant's turn: the reference program in a fence."""
    return f"```python\n{sample.program}\n```"
