"""What the replies of the role `abstract` hold: concepts as blocks of `key: text` lines, or as `- NAME: TEXT`. Pure.

docs/memory.md has the form. Readers are tolerant: marks of Markdown, numbers, bullets, other words for a key, and keys
that nobody knows do no harm; what is too long is cut at a word. What holds no concept at all gives None, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from solvent.agents.extract import code_blocks
from solvent.agents.role_replies import concepts_of, last_line
from solvent.memory.concept import MOST_TEXT, ConceptKind, Content, Parameter, one_line
from solvent.memory.merging import fitting

MOST_PROPOSED = 5
"""Concepts of one reply; what comes after them is left out."""
_LINE = re.compile(
    r"^[ \t]*(?:[-*+>#]+[ \t]+|\d{1,2}[.)][ \t]+)?"
    r"[*_`]*(?P<key>[A-Za-z][A-Za-z _-]{0,20}?)[*_`]*[ \t]*:[*_`]*(?P<text>.*)$"
)
_BULLET = re.compile(r"^[ \t]*(?:[-*+][ \t]+|\d{1,2}[.)][ \t]+)(?P<text>\S.*)$")
_PARAMETER = re.compile(r"^(?P<name>[^:(]+?)[ \t]*(?:\((?P<type>[^)]*)\))?[ \t]*(?::[ \t]*(?P<text>.*))?$")
_MARKS = "*_`\"' \t"
_KEYS: Mapping[str, str] = {
    **dict.fromkeys(("concept", "name", "title"), "name"),
    "kind": "kind",
    **dict.fromkeys(("summary", "description"), "summary"),
    **dict.fromkeys(("output", "output type", "output typing", "returns", "type"), "output_type"),
    **dict.fromkeys(("parameter", "parameters", "argument", "arguments"), "parameters"),
    **dict.fromkeys(("cue", "cues", "sign", "signs"), "cues"),
    **dict.fromkeys(("note", "notes", "implementation", "implementation note"), "notes"),
    "situation": "situation",
    **dict.fromkeys(("suggestion", "advice", "lesson"), "suggestion"),
}
_LISTS = frozenset({"parameters", "cues", "notes"})
_NOTHING = frozenset({"", "none", "n/a", "-"})


@dataclass
class _Block:
    texts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ProgramSummary:
    """What a program does."""

    summary: str
    pseudocode: str


def summary_of(text: str) -> ProgramSummary | None:
    """Return the summary and the pseudocode of a reply: `summary:` and a fenced block, or all of it as pseudocode."""
    blocks = [block.text.strip() for block in code_blocks(text) if block.text.strip()]
    said = re.search(r"^[ \t>*_#-]*summary[*_]*[ \t]*:[*_]*[ \t]*(\S.*)$", text, re.IGNORECASE | re.MULTILINE)
    pseudocode = blocks[-1] if blocks else _after(text, "pseudocode")
    summary = said[1].strip() if said else next((line.strip() for line in text.splitlines() if line.strip()), "")
    if not pseudocode:
        return None
    return ProgramSummary(one_line(summary.strip(_MARKS)), pseudocode)


def _after(text: str, key: str) -> str:
    found = re.search(rf"^[ \t>*_#-]*{key}[*_]*[ \t]*:[*_]*", text, re.IGNORECASE | re.MULTILINE)
    return (text[found.end() :] if found else text).strip()


def said_same(text: str) -> bool | None:
    """Return whether the last line says `same` or `different`; None where it says neither, or both."""
    found = {word.lower() for word in re.findall(r"\b(same|different)\b", last_line(text), re.IGNORECASE)}
    return found == {"same"} if len(found) == 1 else None


def proposed_of(text: str, *, used_in: str, pitfall: bool = False) -> list[Content] | None:
    """Return the concepts of a reply, each name once; none where it says "none", None where it holds nothing of both.

    Args:
        text: the reply.
        used_in: id of the problem that they come from.
        pitfall: they are about what to avoid, and become insights that are marked so.
    """
    blocks = _blocks(text)
    if not blocks:
        lines = concepts_of(text)
        if lines is None:
            return None
        blocks = [_Block({"name": line.name, "summary": line.text}) for line in lines]
    made = (_content(block, used_in=used_in, pitfall=pitfall) for block in blocks)
    found: dict[str, Content] = {}
    for content in made:
        if content is not None:
            found.setdefault(content.name, content)
    if blocks and not found:
        return None
    return list(found.values())[:MOST_PROPOSED]


def tells_meaning(line: str) -> bool:
    """Return whether what follows the beginning of a line of such a reply is part of what a concept means."""
    before, colon, _ = line.partition(":")
    key = _KEYS.get(" ".join(before.strip(_MARKS).lower().replace("_", " ").split()))
    return bool(colon) and (key in {"summary", "suggestion"} or (key is None and line.startswith("- ")))


def _blocks(text: str) -> list[_Block]:
    """Return the blocks of lines that begin with `concept: NAME`."""
    blocks: list[_Block] = []
    last: str | None = None
    for line in text.splitlines():
        match = _LINE.match(line)
        key = _KEYS.get(" ".join(match["key"].lower().replace("_", " ").split())) if match else None
        if match is not None and key is not None:
            said = match["text"].strip().strip("*_` \t")
            if key == "name":
                blocks.append(_Block())
            if not blocks:
                continue
            if key in _LISTS:
                if said.lower() not in _NOTHING:
                    blocks[-1].lists.setdefault(key, []).append(said)
            elif said.lower() not in _NOTHING:
                blocks[-1].texts.setdefault(key, said)
            last = key
        elif not line.strip() or line.lstrip().startswith(("```", "~~~")):
            last = None if last not in _LISTS else last
        elif blocks and last is not None:
            bullet = _BULLET.match(line)
            if last in _LISTS and bullet:
                blocks[-1].lists.setdefault(last, []).append(bullet["text"].strip())
            elif last not in _LISTS and last != "name" and last in blocks[-1].texts and not bullet:
                blocks[-1].texts[last] += f" {line.strip()}"
            else:
                last = None
    return [block for block in blocks if "name" in block.texts]


def _content(block: _Block, *, used_in: str, pitfall: bool) -> Content | None:
    """Return a block as a concept; None where it says nothing."""
    said = block.texts
    name = _name(said["name"])
    kind = ConceptKind.INSIGHT if pitfall else _kind(said)
    summary, suggestion, situation = (said.get(key, "") for key in ("summary", "suggestion", "situation"))
    if kind is ConceptKind.INSIGHT:
        suggestion, summary = suggestion or summary, summary if suggestion else ""
    else:
        summary = summary or ": ".join(part for part in (situation, suggestion) if part)
        situation = suggestion = ""
    if not name or not (suggestion if kind is ConceptKind.INSIGHT else summary):
        return None
    if pitfall and not name.lower().startswith(("avoid", "pitfall")):
        name = _name(f"Pitfall {name}")
    typed = kind is not ConceptKind.INSIGHT
    uses = [cut(used_in, 200)] if one_line(used_in) else []
    summary = cut(summary, MOST_TEXT)
    return fitting(
        {
            "name": name,
            "kind": kind,
            "summary": summary,
            "readings": [{"text": summary, "used_in": uses}] if typed and uses else [],
            "output_type": cut(said.get("output_type", ""), 80) if typed else "",
            "parameters": _parameters(block.lists.get("parameters", [])) if typed else [],
            "cues": _lines(block.lists.get("cues", [])),
            "notes": _lines(block.lists.get("notes", [])),
            "used_in": uses,
            "situation": cut(situation, 400),
            "suggestion": cut(suggestion, MOST_TEXT),
            "pitfall": pitfall,
        }
    )


def _kind(said: Mapping[str, str]) -> ConceptKind:
    word = said.get("kind", "").lower()
    for kind in ConceptKind:
        if word.startswith(kind.value):
            return kind
    return ConceptKind.INSIGHT if "suggestion" in said else ConceptKind.ROUTINE


def _name(text: str) -> str:
    return cut(text.replace(":", " ").replace("`", " ").strip(_MARKS), 80)


def _lines(lines: Sequence[str]) -> list[str]:
    found = dict.fromkeys(cut(line.strip("*_` \t"), 400) for line in lines)
    return [line for line in found if line][:16]


def _parameters(lines: Sequence[str]) -> list[Parameter]:
    found: dict[str, Parameter] = {}
    for line in lines:
        match = _PARAMETER.match(one_line(line).strip(_MARKS))
        name = cut(match["name"].strip(_MARKS), 60) if match else ""
        if match is not None and name:
            described = Parameter(
                name=name, type=cut(match["type"] or "", 80), description=cut(match["text"] or "", 400)
            )
            found.setdefault(name, described)
    return list(found.values())[:12]


def cut(text: str, most: int) -> str:
    """Return a text on one line of at most so many characters, cut at a word where it has one. Pure."""
    line = one_line(text)
    if len(line) <= most:
        return line
    return line[:most].rsplit(" ", 1)[0].rstrip(" ,;:")[:most] or line[:most]
