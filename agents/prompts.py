"""Prompts from the templates in configs/prompts/<style>/<name>.j2. Problem texts are values, never templates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from solvent.errors import ConfigError
from solvent.models.base import Message

if TYPE_CHECKING:
    from jinja2 import Environment, Template

    from solvent.memory.concept import Content
    from solvent.problems.view import PublicProblem

SHIPPED = Path(__file__).resolve().parent.parent / "configs" / "prompts"
_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})(?P<rest>.*)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Failure:
    """Why a program or answer was rejected, as far as a prompt may know: public tests only."""

    kind: str
    """`test`, `compile` or `incomplete`."""
    verdict: str = ""
    test: str = ""
    input: str = ""
    expected: str = ""
    got: str = ""
    stderr: str = ""
    message: str = ""

    @property
    def shown(self) -> str:
        """What the program gave, in short: its output, else the last line of its error, else what the judge said."""
        if self.kind == "compile" or (self.stderr.strip() and self.verdict != "WA"):
            lines = (self.message if self.kind == "compile" else self.stderr).strip().splitlines()
            return lines[-1].strip() if lines else self.verdict
        return (self.got or self.message or self.verdict).strip()


@dataclass(frozen=True)
class Attempt:
    """A program that was tried, as a prompt tells of it."""

    program: str
    got: str = ""
    """What it gave on the first public test that it fails (`Failure.shown`); what it printed, where the problem has no
    tests. Empty where it fails none."""


@dataclass(frozen=True)
class LessonText:
    """What is known of a solution that concepts are to be taken from."""

    evidence: str = ""
    """What its acceptance, or its rejection, rests on."""
    summary: str = ""
    pseudocode: str = ""
    known: Sequence[Content] = ()
    """Concepts that are shown in full, or those that are compared."""
    named: Sequence[str] = ()
    """Names of further concepts."""
    fence: str = "```"
    """Longer than any run of backticks in what stands between two of them."""


def fence_of(*texts: str) -> str:
    """Return a fence that none of the texts can close. Pure."""
    longest = max((len(run) for text in texts for run in re.findall(r"`+", text)), default=0)
    return "`" * max(3, longest + 1)


def closed(text: str) -> str:
    """Return a text that leaves no fence open, so that what follows it in a prompt stands by itself. Pure."""
    mark = ""
    for line in text.splitlines():
        found = _FENCE.fullmatch(line)
        if found is None:
            continue
        if not mark and not (found["mark"][0] == "`" and "`" in found["rest"]):
            mark = found["mark"]
        elif mark and found["mark"].startswith(mark) and not found["rest"].strip():
            mark = ""
    return f"{text.rstrip()}\n{mark}" if mark else text


class ConceptText(Protocol):
    """A concept as prompts show it."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def text(self) -> str:
        """What it says."""
        ...


class Prompts:
    """Renders prompts.

    Args:
        config_dir: directory whose `prompts/` is searched before the templates that ship with the package.
    """

    def __init__(self, config_dir: Path | None = None) -> None:
        self._roots = [*([config_dir / "prompts"] if config_dir is not None else []), SHIPPED]
        self._environments = _environments(tuple(self._roots))

    def has(self, style: str, name: str) -> bool:
        """Return whether the style has this template."""
        return any((root / _checked(style) / f"{name}.j2").is_file() for root in self._roots)

    def render(
        self,
        style: str,
        name: str,
        problem: PublicProblem,
        *,
        language: str,
        wants: str,
        program: str = "",
        failure: Failure | None = None,
        concepts: Sequence[ConceptText] = (),
        attempts: Sequence[Attempt] = (),
        candidates: Sequence[str] = (),
        offered: Sequence[ConceptText] = (),
        related: Sequence[str] = (),
        memory: bool = False,
        lesson: LessonText | None = None,
    ) -> tuple[Message, ...]:
        """Return the messages of a prompt: `system.j2` if the style has one that is not empty, then the template.

        Every template sees `problem`, `statement`, `public_tests`, `kind`, `language`, `wants` (`program` or
        `answer`), `program` (the rejected one, or the one that is asked about), `failure`, `concepts` (what is known
        and may help), `related` (names of further ones), `memory` (whether the job has one, empty or not), `attempts`
        (earlier ones, of `summarise`), of `choose` `candidates` (programs or answers) or `offered` (concepts), and
        `lesson` (a `LessonText`, of what writes concepts).

        Raises:
            ConfigError: the template is missing or wrong, or uses a variable that does not exist.
        """
        from jinja2 import TemplateError

        values = {
            "problem": problem,
            "statement": "\n".join(
                [closed(problem.statement), *(["", *notes] if (notes := problem.judging_notes) else [])]
            ),
            "public_tests": problem.public_tests,
            "kind": problem.kind.value,
            "language": language,
            "wants": wants,
            "program": program,
            "failure": failure,
            "concepts": concepts,
            "attempts": attempts,
            "candidates": candidates,
            "offered": offered,
            "related": related,
            "memory": memory,
            "lesson": lesson or LessonText(fence=fence_of(program)),
        }
        try:
            text = self._template(style, name).render(values)
            system = self._template(style, "system").render(values).strip() if self.has(style, "system") else ""
        except TemplateError as cause:
            place = f"{getattr(cause, 'filename', None) or f'{style}/{name}.j2'}:{getattr(cause, 'lineno', None) or 1}"
            raise ConfigError(
                f"prompt template {place}: {cause}", remedy="docs/strategies.md lists the variables of a template"
            ) from cause
        turns = [Message(role="user", content=text)]
        return tuple([Message(role="system", content=system), *turns] if system else turns)

    def _template(self, style: str, name: str) -> Template:
        if not self.has(style, name):
            known = sorted({folder.name for root in self._roots if root.is_dir() for folder in root.iterdir()})
            raise ConfigError(
                f"there is no prompt template {style}/{name}.j2 in {', '.join(map(str, self._roots))}",
                remedy=f"styles that exist: {', '.join(known)}",
            )
        environment = self._environments.get(style)
        if environment is None:
            from jinja2 import FileSystemLoader, StrictUndefined
            from jinja2.sandbox import ImmutableSandboxedEnvironment

            environment = ImmutableSandboxedEnvironment(
                loader=FileSystemLoader([*(root / style for root in self._roots), *self._roots]),
                undefined=StrictUndefined,
                autoescape=False,  # prompts are plain text; escaping would change problem statements
                trim_blocks=False,
                keep_trailing_newline=False,
            )
            self._environments[style] = environment
        return environment.get_template(f"{name}.j2")


@cache
def _environments(_roots: tuple[Path, ...]) -> dict[str, Environment]:
    """Return the environments by style that all prompts of these folders share: a template is compiled once a process.

    One that was edited is read again.
    """
    return {}


def _checked(style: str) -> str:
    if not _NAME.fullmatch(style):
        raise ConfigError(f"{style!r} is not a name of a prompt style", remedy="use letters, digits, - and _")
    return style
