"""What must not become a concept: secrets, and texts that talk to a model instead of about a problem. Pure.

Patterns find the common forms and prove nothing. So prompts also show concepts as single lines that are said to be
notes which may be wrong, and no text of a concept is ever run or used as a name of anything.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from solvent.errors import DataError
from solvent.memory.concept import STATEMENT_CHARACTERS, Content, one_line

_SECRETS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY",
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "an API key": r"\b(?:sk|pk|rk)[-_](?:[A-Za-z]+[-_])*[A-Za-z0-9]{20,}",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "a password in a URL": r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@",
    "a password": r"(?i)\b(?:password|passwd|secret|api[_-]?key|access[_-]?token)\s*[:=]\s*['\"]?[^\s'\"]{8,}",
    "an authorization header": r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{20,}",
}
_INSTRUCTIONS = {
    "it asks to ignore instructions": r"(?i)\b(?:ignore|disregard|forget|override|bypass)\b[^.]{0,40}"
    r"\b(?:instructions?|prompts?|guidelines?|safety|system message|rules? (?:above|before|given))\b",
    "it speaks of the system prompt": r"(?i)\b(?:system|developer|hidden|initial)[ -]"
    r"(?:prompt|message|instructions?)\b",
    "it asks for the prompt": r"(?i)\b(?:reveal|repeat|print|output|show|leak|tell)\b[^.]{0,30}\b"
    r"(?:your\b[^.]{0,15}\b(?:prompt|instructions)|(?:the|this)\b[^.]{0,15}\bprompt)\b",
    "it gives the model a role": r"(?i)\b(?:you are now|from now on,? you|pretend (?:to be|you)|act as (?:an?|the)\b"
    r"[^.]{0,20}\b(?:assistant|admin|developer|model|user|system))",
    "it has marks of a chat template": r"(?i)<\|[^|>]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>"
    r"|(?:^|\s)#{2,}\s*(?:system|assistant|user|instruction)\b|\b(?:assistant|system|human)\s*:",
    "it has marks of a tool call": r"(?i)</?(?:tool_call|function_call|tool_response|function_calls|invoke)\b"
    r"|\b(?:call|invoke|use|run|execute) (?:the |a |this )?(?:[\w-]+ )?(?:tool|shell|terminal|command)\b",
    "it has marks of thinking": r"(?i)</?think(?:ing)?>",
    "it asks to reach an address": r"(?i)\b(?:curl|wget|fetch|visit|open|post|send|upload)\b[^.]{0,40}\bhttps?://",
}
_REFUSED = [
    *((what, re.compile(pattern), "secret") for what, pattern in _SECRETS.items()),
    *((what, re.compile(pattern), "instruction") for what, pattern in _INSTRUCTIONS.items()),
]


def screen(content: Content, *, file: str | None = None, row: int | None = None) -> None:
    """Refuse a content that holds a secret or speaks to a model.

    Raises:
        DataError: names the field and what was found there, never the text itself.
    """
    for field, written in _texts(content):
        text = plain_letters(written)
        for what, pattern, kind in _REFUSED:
            if not pattern.search(text):
                continue
            found = f"holds {what}" if kind == "secret" else f"is refused: {what}"
            remedy = "take it out" if kind == "secret" else "say what helps with a problem, not what a model is to do"
            raise DataError(found, file=file, row=row, field=field, remedy=remedy)


def passes(content: Content) -> bool:
    """Return whether `screen` refuses nothing of a content."""
    try:
        screen(content)
    except DataError:
        return False
    return True


def kept_statement(text: str) -> str | None:
    """Return how a problem's statement begins as a concept keeps it; None where it may not be kept."""
    line = one_line(text)[:STATEMENT_CHARACTERS].strip()
    return None if not line or any(pattern.search(plain_letters(line)) for _, pattern, _ in _REFUSED) else line


def plain_letters(text: str) -> str:
    """Return a text with full-width, mathematical and other forms of letters as the plain ones."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _texts(content: Content) -> Iterator[tuple[str, str]]:
    for field in ("name", "summary", "output_type", "situation", "suggestion"):
        yield field, getattr(content, field)
    for field in ("cues", "notes", "used_in", "statements"):
        for number, text in enumerate(getattr(content, field)):
            yield f"{field}.{number}", text
    for number, reading in enumerate(content.readings):
        yield f"readings.{number}", reading.text
        for use, problem in enumerate(reading.used_in):
            yield f"readings.{number}.used_in.{use}", problem
        for use, problem in enumerate(reading.failed_in):
            yield f"readings.{number}.failed_in.{use}", problem
    for number, parameter in enumerate(content.parameters):
        yield f"parameters.{number}", f"{parameter.name} {parameter.type} {parameter.description}"
    # What is split over fields is read together by a model.
    yield "all fields", content.search_text.replace("\n", " ")
