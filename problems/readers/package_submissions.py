"""Submissions and output validators of problem packages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Solution, Verdict
from solvent.problems.readers.package_tree import Tree

EXPECTED: Mapping[str, Verdict] = {
    "accepted": Verdict.AC,
    "wrong_answer": Verdict.WA,
    "time_limit_exceeded": Verdict.TLE,
    "run_time_error": Verdict.RE,
}
"""Folder below `submissions/` and the verdict that its programs must get."""

LANGUAGES: Mapping[str, str] = {
    ".py": "python", ".py2": "python2", ".py3": "python", ".pypy": "python", ".cpp": "cpp", ".cc": "cpp",
    ".cxx": "cpp", ".c++": "cpp", ".C": "cpp", ".c": "c", ".java": "java", ".kt": "kotlin", ".rs": "rust", ".go": "go",
    ".js": "javascript", ".ts": "typescript", ".rb": "ruby", ".hs": "haskell", ".ml": "ocaml", ".cs": "csharp",
    ".scala": "scala", ".php": "php", ".pl": "perl", ".lisp": "lisp", ".swift": "swift", ".pas": "pascal", ".d": "d",
    ".jl": "julia", ".lua": "lua",
}  # fmt: skip
_VALIDATOR_LANGUAGES = ("cpp", "c", "python", "java")


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
    """Return the language of a source file by its ending, or None. A Python 2 program says so in its first line."""
    language = LANGUAGES.get(PurePosixPath(name).suffix)
    if language == "python" and "python2" in source.split("\n", 1)[0]:
        return "python2"
    return language


def read_submissions(tree: Tree, names: list[str]) -> tuple[list[Solution], dict[str, JsonValue]]:
    """Return the programs whose folder tells their verdict, and the others with the reason why they are not judged."""
    solutions: list[Solution] = []
    others: dict[str, JsonValue] = {}
    units: dict[str, list[str]] = {}
    for name in names:
        parts = name.split("/")
        if parts[0] == "submissions" and len(parts) >= 3:
            units.setdefault("/".join(parts[:3]), []).append(name)
    for unit, files in units.items():
        folder = unit.split("/")[1]
        if folder not in EXPECTED:
            others[unit] = f"no single verdict belongs to the folder {folder!r}"
            continue
        if len(files) > 1:
            others[unit] = "a program of several files"
            continue
        try:
            source = source_text(tree, files[0])
        except DataError as error:
            others[unit] = error.message
            continue
        language = language_of(files[0], source)
        if language is None:
            others[unit] = "no known language has this ending"
            continue
        name = unit.removeprefix("submissions/")
        solutions.append(Solution(language=language, source=source, name=name, expected=EXPECTED[folder]))
    return solutions, others


def read_validator(tree: Tree, names: list[str]) -> tuple[Solution, dict[str, str]] | None:
    """Return the output validator's main source and the files beside it, or None if the package has none.

    Raises:
        DataError: there are several validators, or none of the files is a program in a known language.
    """
    found = [name for name in names if name.split("/")[0] in {"output_validators", "output_validator"}]
    found = [name for name in found if not PurePosixPath(name).name.startswith(".")]
    if not found:
        return None
    folders = {str(PurePosixPath(name).parent) for name in found}
    programs = {name: language for name in found if (language := LANGUAGES.get(PurePosixPath(name).suffix))}
    program_folders = {str(PurePosixPath(name).parent) for name in programs}
    if len(program_folders) > 1:
        raise DataError("holds several output validators", field=found[0].split("/")[0], remedy="keep one")
    if not programs:
        raise DataError("holds no program in a known language", field=min(folders))
    texts = {name: source_text(tree, name) for name in found}
    ranked = sorted(programs, key=lambda name: (not _has_main(programs[name], texts[name]), name))
    main = ranked[0]
    if programs[main] not in _VALIDATOR_LANGUAGES:
        raise DataError(f"is in {programs[main]}, which validators are not run in", field=main)
    program = Solution(language=programs[main], source=texts[main], name=PurePosixPath(main).name)
    return program, {PurePosixPath(name).name: text for name, text in texts.items() if name != main}


def _has_main(language: str, source: str) -> bool:
    return "__main__" in source or "import" in source if language == "python" else "main(" in source.replace(" (", "(")
