"""The prompt and the completion of a problem: the very texts that the starter model sees when it is used."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from solvent.training.families.sample import Example, Sample

if TYPE_CHECKING:
    from jinja2 import Template

_STYLES = Path(__file__).parents[1] / "configs" / "prompts"
PLAIN_STYLE, THINKING_STYLE = "starter", "starter-thinking"


class _Text:
    """A text that stands where a template writes a value's repr: examples hold it ready."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


@cache
def template(style: str, name: str) -> Template:
    """The template of a role ("solve", "verify", ...) in a style of `configs/prompts`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(_STYLES)
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701 - plain text
    return environment.get_template(f"{style}/{name}.j2")


def render_prompt(sample: Sample, *, thinking: bool = False, answer: bool = False) -> str:
    """The user's turn, through the same template that `solvent solve` uses for the starter model.

    Args:
        sample: The problem; its shown concepts are shown.
        thinking: Ask for a plan before the program.
        answer: Ask for reasoning and the answer instead of a program (kind `math`).

    Raises:
        ValueError: `answer` of a problem that has none, or together with `thinking`.
    """
    _check(sample, thinking, answer)
    return template(THINKING_STYLE if thinking else PLAIN_STYLE, "solve").render(
        statement=sample.statement,
        public_tests=shown_tests(sample),
        kind=sample.kind,
        concepts=sample.shown_concepts,
        wants="answer" if answer else "program",
    )


def render_completion(sample: Sample, *, thinking: bool = False, answer: bool = False) -> str:
    """The assistant's turn: the reference program in a fence, after the plan if `thinking`; or reasoning and answer.

    Raises:
        ValueError: as `render_prompt`; `thinking` of a problem without a plan.
    """
    _check(sample, thinking, answer)
    if answer:
        return "\n".join([*([sample.reasoning] if sample.reasoning else []), f"\\boxed{{{sample.answer}}}"])
    program = f"```python\n{sample.program}\n```"
    if not thinking:
        return program
    if not sample.plan:
        raise ValueError(f"a problem of family {sample.family!r} has no plan to think")
    return "\n".join(["<think>", *sample.plan, "</think>", program])


def shown_tests(sample: Sample) -> list[Any]:
    """The sample's examples as templates take them: in the shape of the tests of a `Problem`."""
    return [_call(test) if sample.kind == "function" else test for test in sample.public_tests]


def _call(test: Example) -> SimpleNamespace:
    return SimpleNamespace(type="call", arguments=(_Text(test.stdin),), keywords={}, expected=_Text(test.expected))


def _check(sample: Sample, thinking: bool, answer: bool) -> None:
    if answer and (thinking or sample.answer is None):
        raise ValueError("an answer is asked only of a math problem, and without a plan")
