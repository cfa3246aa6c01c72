"""The prompt and the completion of a problem: the very texts that the starter model sees when it is used."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from solvent.training.families.sample import Example, Sample

_STYLES = Path(__file__).parents[1] / "configs" / "prompts"
PLAIN_STYLE, THINKING_STYLE = "starter", "starter-thinking"


class _Text:
    """A text that stands where a template writes a value's repr: examples hold it ready."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


@cache
def _template(style: str) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(_STYLES)
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701 - plain text
    return environment.get_template(f"{style}/solve.j2")


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
    tests = [_call(test) for test in sample.public_tests] if sample.kind == "function" else sample.public_tests
    text = _template(THINKING_STYLE if thinking else PLAIN_STYLE).render(
        statement=sample.statement,
        public_tests=tests,
        kind=sample.kind,
        concepts=sample.shown_concepts,
        wants="answer" if answer else "program",
    )
    return str(text)


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


def _call(test: Example) -> SimpleNamespace:
    return SimpleNamespace(type="call", arguments=(_Text(test.stdin),), keywords={}, expected=_Text(test.expected))


def _check(sample: Sample, thinking: bool, answer: bool) -> None:
    if answer and (thinking or sample.answer is None):
        raise ValueError("an answer is asked only of a math problem, and without a plan")
