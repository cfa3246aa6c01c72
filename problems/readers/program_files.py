"""The source files of programs in problem packages: their languages, and which file of several is the main one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from solvent.errors import DataError
from solvent.problems.readers.package_tree import Tree

LANGUAGES: Mapping[str, str] = {
    ".py": "python", ".py2": "python2", ".py3": "python", ".pypy": "pypy", ".cpp": "cpp", ".cc": "cpp",
    ".cxx": "cpp", ".c++": "cpp", ".C": "cpp", ".c": "c", ".java": "java", ".kt": "kotlin", ".rs": "rust", ".go": "go",
    ".js": "javascript", ".ts": "typescript", ".rb": "ruby", ".hs": "haskell", ".ml": "ocaml", ".cs": "csharp",
    ".scala": "scala", ".php": "php", ".pl": "perl", ".pm": "perl", ".lisp": "lisp", ".cl": "lisp", ".swift": "swift",
    ".pas": "pascal", ".d": "d", ".jl": "julia", ".lua": "lua", ".sh": "bash", ".f90": "fortran", ".adb": "ada",
    ".ads": "ada", ".cob": "cobol", ".fs": "fsharp", ".dart": "dart", ".ex": "elixir", ".erl": "erlang", ".nim": "nim",
    ".zig": "zig", ".rkt": "racket", ".cr": "crystal", ".vb": "visualbasic", ".mjs": "javascript",
    ".cjs": "javascript",
}  # fmt: skip
"""Ending of a source file and its language."""

_CODES: Mapping[str, str] = {
    "python3": "python", "python3numpy": "python", "py": "python", "py3": "python", "pypy3": "pypy", "py2": "python2",
    "c++": "cpp", "cc": "cpp", "cppgmp": "cpp", "cgmp": "c", "javaalgs4": "java", "js": "javascript",
    "node": "javascript", "c#": "csharp", "golang": "go", "rs": "rust", "kt": "kotlin",
}  # fmt: skip
_FAMILIES = (
    # Polygon (cpp.g++17), DMOJ (CPP17, PYPY3) and others put versions behind the language's name.
    (re.compile(r"python\.?pypy|pypy"), "pypy"),
    (re.compile(r"(cpp|c\+\+).*20|(cpp|c\+\+).*2a"), "cpp20"),
    (re.compile(r"cpp|c\+\+"), "cpp"),
    (re.compile(r"py(thon)?\.?2"), "python2"),
    (re.compile(r"py(thon)?\.?3|python"), "python"),
    (re.compile(r"java(?!script)"), "java"),
    (re.compile(r"kotlin"), "kotlin"),
    (re.compile(r"rust"), "rust"),
    (re.compile(r"go(lang)?(\d|\.|$)"), "go"),
    (re.compile(r"csharp|c#|mono"), "csharp"),
    (re.compile(r"pas(\.|cal)|delphi"), "pascal"),
    (re.compile(r"(node)?js|v8js|javascript"), "javascript"),
    (re.compile(r"c(\.gcc|99|11|17)?$"), "c"),
)
_HEADERS = frozenset({".h", ".hpp", ".hh", ".hxx", ".inc", ".tcc"})
_SCRIPTS = frozenset({"python", "python2", "pypy", "javascript", "php", "lisp", "ruby", "perl"})
_PROLOG = re.compile(r"^\s*(?::-|%!|[a-z]\w*\([^)]*\)\s*(?::-|\.$))", re.MULTILINE)


def language_name(code: str) -> str:
    """Return our name of a language that a package names by a code, such as `python3`, `cpp.g++17` or `CPP17`."""
    code = code.strip().lower()
    if code in _CODES:
        return _CODES[code]
    if code in LANGUAGES.values():
        return code
    return next((name for pattern, name in _FAMILIES if pattern.match(code)), code)


def source_text(tree: Tree, name: str) -> str:
    """Return a source file as text with newlines as the ends of lines.

    Raises:
        DataError: it cannot be read, or is neither UTF-8 nor Latin-1 text.
    """
    data = tree.read(name)
    if b"\0" in data:
        raise DataError("is no text", field=name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n")


def language_of(name: str, source: str) -> str | None:
    """Return the language of a source file by its ending, or None.

    A Python 2 program says so in its first line; `.pl` is Prolog or Perl, which the text tells.
    """
    suffix = PurePosixPath(name).suffix
    language = LANGUAGES.get(suffix)
    first_line = source.split("\n", 1)[0]
    if language == "python" and "python2" in first_line:
        return "python2"
    if suffix == ".pl" and "perl" not in first_line and _PROLOG.search(source):
        return "prolog"
    return language


def is_header(name: str) -> bool:
    """Return whether a file is one that others include."""
    return PurePosixPath(name).suffix in _HEADERS


def main_file(texts: Mapping[str, str], language: str, entry_point: str = "") -> str | None:
    """Return the name of the file with which a program of several files starts, or None if none is in `language`.

    Args:
        texts: the files by name.
        language: the program's language.
        entry_point: a file, class or module name that the package gives, or empty.
    """
    own = [name for name, text in texts.items() if language_of(name, text) == language or _family(language, name)]
    if not own:
        return None
    wanted = entry_point.removesuffix("Kt")
    stems = [wanted, "__main__", "main", "Main"]

    def rank(name: str) -> tuple[bool, int, int, str]:
        path = PurePosixPath(name)
        named = bool(wanted) and wanted in {name, path.name, path.stem}
        order = stems.index(path.stem) if path.stem in stems[1:] else len(stems)
        lacks_main = int(not _has_main(language, texts[name]))
        # A script is started by its name, a compiled program where `main` is.
        first, second = (order, lacks_main) if language in _SCRIPTS else (lacks_main, order)
        return (not named, first, second, name)

    return min(own, key=rank)


def _family(language: str, name: str) -> bool:
    """Return whether a file's ending belongs to a language that shares it with another (PyPy, C++20)."""
    suffix = PurePosixPath(name).suffix
    return {"pypy": "python", "cpp20": "cpp", "prolog": "perl"}.get(language) == LANGUAGES.get(suffix)


def _has_main(language: str, source: str) -> bool:
    if language.startswith(("python", "pypy")):
        return "__main__" in source
    return "main(" in source.replace(" (", "(")
