r"""Statements of problem packages (LaTeX, Markdown with some HTML) as text that a person and a model can read.

Mathematics between `$...$` stays LaTeX. This is no LaTeX engine: unknown commands lose their backslash and keep their
arguments.
"""

from __future__ import annotations

import html
import re

_COMMENT = re.compile(r"(?<!\\)%.*(?:\n[ \t]*)?")
_MATH = re.compile(r"\$\$.+?\$\$|(?<!\\)\$[^$]+\$|\\\[.+?\\\]|\\\(.+?\\\)", re.DOTALL)
_VERBATIM = re.compile(r"\\begin\{(verbatim|lstlisting)\}(?:\[[^\]]*\])?\n?(.*?)\\end\{\1\}", re.DOTALL)
_PROBLEM_NAME = re.compile(r"\\problemname\s*\{([^{}]*)\}")
_SECTION = re.compile(r"\\(?:sub)*section\*?\s*\{([^{}]*)\}")
_FIGURE = re.compile(r"\\includegraphics\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}|\\illustration\s*(?:\{[^{}]*\}){0,2}")
_TABULAR = re.compile(r"\\begin\{(tabular\*?|array)\}(?:\s*\{(?:[^{}]|\{[^{}]*\})*\})+(.*?)\\end\{\1\}", re.DOTALL)
_CODE = re.compile(r"\\(?:texttt|verb|mbox)\s*\{([^{}]*)\}|\\verb([|!+])(.*?)\2")
_STRONG = re.compile(r"\\(?:textbf|emph|textit|textsl|underline|textsc|text|textrm)\s*\{([^{}]*)\}")
_URL = re.compile(r"\\(?:url|href)\s*\{([^{}]*)\}(?:\s*\{([^{}]*)\})?")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}(?:\s*\[[^\]]*\]|\s*\{[^{}]*\})*")
_DROPPED = re.compile(
    r"\\(?:noindent|par|newpage|clearpage|smallskip|medskip|bigskip|centering|hfill|hline|toprule|midrule|bottomrule"
    r"|small|large|tt|bf|it|em|rm|left|right|vspace\*?\s*\{[^{}]*\}|hspace\*?\s*\{[^{}]*\}|label\s*\{[^{}]*\})(?![A-Za-z])"
)
_SYMBOLS = {
    r"\ldots": "...", r"\dots": "...", r"\textbackslash": "\\", r"\textasciitilde": "~", r"\textasciicircum": "^",
    r"\LaTeX": "LaTeX", r"\TeX": "TeX", r"\quad": " ", r"\qquad": " ",
    r"\pm": "±", r"\times": "\u00d7", r"\copyright": "©",
}  # fmt: skip
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?")
_ESCAPED = re.compile(r"\\([%&_#$\{\}])")
_HTML_DROPPED = re.compile(
    r"<(script|style|iframe|svg)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE
)
_HTML_TAG = re.compile(
    r"</?(?:a|abbr|b|blockquote|br|center|code|div|em|figure|figcaption|font|h[1-6]|hr|i|img|input|li|math|mtext|ol|p|pre|s|small"
    r"|span|strong|sub|sup|table|tbody|td|th|thead|tr|tt|u|ul)\b[^<>]*>",
    re.IGNORECASE,
)
_MARKER = "\x00{}\x00"


def latex_to_text(source: str) -> tuple[str, str]:
    r"""Return the text of a LaTeX statement, and the name in `\problemname` or an empty string."""
    kept: list[str] = []

    def keep(text: str) -> str:
        kept.append(text)
        return _MARKER.format(len(kept) - 1)

    text = source.replace("\x00", "")
    text = _VERBATIM.sub(lambda match: keep(f"\n```\n{match[2].rstrip()}\n```\n"), text)
    text = _COMMENT.sub("", text)
    name = next((match[1].strip() for match in _PROBLEM_NAME.finditer(text)), "")
    text = _PROBLEM_NAME.sub("", text)
    text = _MATH.sub(lambda match: keep(_math(match[0])), text)
    text = _TABULAR.sub(lambda match: "\n" + _table(match[2]) + "\n", text)
    text = _SECTION.sub(r"\n## \1\n", text)
    text = _FIGURE.sub("[figure]", text)
    text = _URL.sub(lambda match: f"{match[2]} ({match[1]})" if match[2] else match[1], text)
    for _ in range(3):  # one in another
        text = _CODE.sub(lambda match: keep(f"`{match[1] if match[1] is not None else match[3]}`"), text)
        text = _STRONG.sub(r"\1", text)
    text = re.sub(r"\\item\s*(?:\[([^\]]*)\])?\s*", lambda match: f"\n- {match[1] + ' ' if match[1] else ''}", text)
    text = _ENVIRONMENT.sub("\n", text)
    text = re.sub(r"\\\\(?:\[[^\]]*\])?", "\n", text)
    text = _DROPPED.sub("", text)
    text = re.sub(r"\\[a-zA-Z]+", lambda match: _SYMBOLS.get(match[0], match[0]), text)
    text = _ESCAPED.sub(lambda match: keep(match[1]), text)
    text = _COMMAND.sub(r"\1", text)
    text = re.sub(r"\\([,;:! ])", " ", text)
    text = re.sub(r"[{}]", "", text).replace("~", " ").replace("---", "—").replace("``", '"').replace("''", '"')
    for _ in range(4):  # kept pieces may hold kept pieces
        text = re.sub(r"\x00(\d+)\x00", lambda match: kept[int(match[1])], text)
    return _tidy(text), name


def _math(text: str) -> str:
    if text.startswith(("\\(", "\\[")):
        mark = "$" if text.startswith("\\(") else "$$"
        return f"{mark}{text[2:-2].strip()}{mark}"
    return text


def _table(body: str) -> str:
    rows = [re.sub(r"\\(?:hline|toprule|midrule|bottomrule|cline\{[^{}]*\})", "", row) for row in body.split("\\\\")]
    lines = [" | ".join(cell.strip() for cell in re.split(r"(?<!\\)&", row)) for row in rows if row.strip()]
    return "\n".join(lines)


def markdown_to_text(source: str) -> str:
    """Return Markdown without HTML: scripts, styles and comments go, known tags go, entities become characters."""
    text = _HTML_DROPPED.sub("", source)
    text = re.sub(r"<img\b[^<>]*>", "[figure]", text, flags=re.IGNORECASE)
    text = re.sub(r"<br\s*/?>|</p\s*>|</tr\s*>|</li\s*>", "\n", text, flags=re.IGNORECASE)
    return _tidy(html.unescape(_HTML_TAG.sub("", text)))


def _tidy(text: str) -> str:
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
