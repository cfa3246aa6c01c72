"""What a reply holds: a complete program, a final answer, or neither. Pure."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from solvent.models.base import FinishReason
from solvent.models.profiles import ThinkingMarkers
from solvent.problems.answers import extract_answer

_FENCE = re.compile(r"^[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)$", re.MULTILINE)


@dataclass(frozen=True)
class Extracted:
    """What was found. `missing` says for a person what was not, and is empty when the reply is complete."""

    program: str | None = None
    language: str | None = None
    answer: str | None = None
    missing: str = ""

    @property
    def complete(self) -> bool:
        """Whether there is something to verify."""
        return not self.missing


@dataclass(frozen=True)
class Block:
    """A fenced code block: its label in lower case, its text, and whether a closing fence ends it."""

    label: str
    text: str
    closed: bool


def code_blocks(text: str) -> list[Block]:
    """Return the fenced code blocks of a text in order (CommonMark fences: a closing fence is no shorter and bare)."""
    blocks: list[Block] = []
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opening is None:
            opening = fence
        elif (
            fence["mark"][0] == opening["mark"][0]
            and len(fence["mark"]) >= len(opening["mark"])
            and not fence["info"].strip()
        ):
            blocks.append(Block(_label(opening), text[opening.end() + 1 : fence.start()], closed=True))
            opening = None
    if opening is not None:
        blocks.append(Block(_label(opening), text[opening.end() + 1 :], closed=False))
    return blocks


def _label(fence: re.Match[str]) -> str:
    words = fence["info"].strip().lower().split()
    return words[0].strip("{}.") if words else ""


def spoken(text: str, thinking: ThinkingMarkers | None) -> str | None:
    """Return the reply without what the model thought aloud; None if it never stopped thinking."""
    if thinking is None:
        return text
    _, mark, tail = text.rpartition(thinking.end)
    if mark:
        return tail
    return None if thinking.in_prompt or thinking.start in tail else text


def extract(
    text: str,
    *,
    wants: Literal["program", "answer"],
    finish: FinishReason,
    languages: Mapping[str, str],
    default_language: str,
    thinking: ThinkingMarkers | None = None,
) -> Extracted:
    """Return the program or final answer that a reply gives.

    A program is the last closed code block in a language that is allowed (an unlabelled one counts as
    `default_language`). A last block without closing fence counts if the model ended by itself, as some end with the
    program; cut off at the length limit it does not. A reply without any fence is a program only if it is valid
    Python as a whole.

    Args:
        text: the reply.
        wants: what the problem and the model's answer style ask for.
        finish: why generation ended.
        languages: names and aliases of the languages that are allowed, each with the language's name.
        default_language: language of code without a label.
        thinking: markers of the part to leave out.
    """
    visible = spoken(text, thinking)
    if visible is None:
        return Extracted(missing="the reply was cut off while thinking")
    if wants == "answer":
        answer = extract_answer(visible)
        if answer is not None:
            return Extracted(answer=answer)
        return Extracted(missing="the reply was cut off" if finish == "length" else "the reply states no final answer")
    blocks = code_blocks(visible)
    for block in reversed(blocks):
        language = languages.get(block.label) if block.label else default_language
        if language is not None and block.text.strip() and (block.closed or finish == "stop"):
            return Extracted(program=block.text.rstrip() + "\n", language=language)
    if finish == "length":
        return Extracted(missing="the reply was cut off before its program was complete")
    if blocks:
        labels = sorted({block.label for block in blocks if block.label})
        return Extracted(missing=f"no code block in an allowed language (labels: {', '.join(labels) or 'none'})")
    if "python" in languages.values() and _is_python(visible):
        return Extracted(program=visible.strip("\n").rstrip() + "\n", language="python")
    return Extracted(missing="the reply has no code block")


def _is_python(text: str) -> bool:
    if not text.strip():
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip("\n"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    # "Hello" and "no" are expressions too: something must be done or defined.
    return any(not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call | ast.Await) for node in tree.body)


def same_text(program: str) -> str:
    """Return a program's text as it is compared with others: without empty lines and trailing white space."""
    return "\n".join(line.rstrip() for line in program.splitlines() if line.strip())


def default_language(languages: Sequence[str]) -> str:
    """Return the language that is asked for where several are allowed."""
    return "python" if not languages or "python" in languages else languages[0]
