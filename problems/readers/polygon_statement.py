r"""Statements of Polygon packages: the sections of `statement-sections/`, else `problem.tex` (olymp.sty), else HTML."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from xml.etree import ElementTree

from solvent.problems.readers.package_statement import latex_to_text, markdown_to_text
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place
from solvent.problems.readers.text import decode

_SECTIONS = (
    ("legend", ""),
    ("input", "Input"),
    ("output", "Output"),
    ("interaction", "Interaction"),
    ("scoring", "Scoring"),
    ("notes", "Note"),
)
_HEADINGS = {
    "InputFile": "Input", "OutputFile": "Output", "Interaction": "Interaction", "Scoring": "Scoring", "Note": "Note",
    "Notes": "Note",
}  # fmt: skip
_BEGIN = re.compile(r"\\begin\{problem\}(?:\s*\{[^{}]*\}){0,6}|\\end\{problem\}")
_EXAMPLES = re.compile(r"\\Examples?\b|\\begin\{example\}.*?\\end\{example\}", re.DOTALL)
_HEADING = re.compile(rf"\\({'|'.join(_HEADINGS)})\b")
_HTML_HEAD = re.compile(r"<(head|script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_HTML_FRAME = re.compile(
    r"</?(?:html|body|main|section|article|header|footer|meta|link)\b[^<>]*>|<!doctype[^<>]*>", re.IGNORECASE
)
_HTML_BREAK = re.compile(r"</(?:div|h[1-6]|p|tr|li|pre)\s*>", re.IGNORECASE)
NO_STATEMENT = "(The package has no statement.)"


def read_statement(tree: Tree, names: list[str], root: ElementTree.Element, warnings: list[str]) -> tuple[str, str]:
    """Return the statement as text and its language; English is preferred.

    A package without one gives a sentence that says so, and a warning.

    Raises:
        DataError: the statement is not UTF-8.
    """
    elements = root.findall("statements/statement")
    folders = {parts[1] for name in names if len(parts := name.split("/")) == 3 and parts[0] == "statement-sections"}
    languages = dict.fromkeys([*(str(one.get("language")) for one in elements), *sorted(folders)])
    for language in sorted(languages, key=lambda language: language != "english"):
        if language in folders and (text := _from_sections(tree, names, language)):
            return text, language
        for kind, convert in (("application/x-tex", _from_tex), ("text/html", _from_html)):
            own = [one for one in elements if (one.get("language"), one.get("type")) == (language, kind)]
            path = own[0].get("path") if own else ""
            if path and path in names and (text := convert(decode(tree.read(path), Place(path)))):
                return text, language
    warnings.append("the package has no statement in LaTeX or HTML")
    return NO_STATEMENT, "english"


def _from_sections(tree: Tree, names: list[str], language: str) -> str:
    parts = []
    for name, heading in _SECTIONS:
        path = str(PurePosixPath("statement-sections", language, f"{name}.tex"))
        if path in names and (text := latex_to_text(decode(tree.read(path), Place(path)))[0]):
            parts.append(f"## {heading}\n\n{text}" if heading else text)
    return "\n\n".join(parts)


def _from_tex(source: str) -> str:
    source = _EXAMPLES.sub("", _BEGIN.sub("", source))
    source = _HEADING.sub(lambda match: f"\\section{{{_HEADINGS[match[1]]}}}", source)
    return latex_to_text(source)[0]


def _from_html(source: str) -> str:
    return markdown_to_text(_HTML_BREAK.sub("\n", _HTML_FRAME.sub("", _HTML_HEAD.sub("", source))))
