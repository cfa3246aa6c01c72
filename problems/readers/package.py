"""Kattis/ICPC problem packages, legacy and 2025-09 (https://icpc.io/problem-package-format/), in a folder or a zip.

Samples are public tests, secret data are hidden tests, submissions are solutions. What cannot be used (scoring, flags
of single test groups, unknown keys of older versions) is said in `metadata.warnings`.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import IoTest, Problem, ProblemKind
from solvent.problems.readers.package_config import read_config
from solvent.problems.readers.package_statement import latex_to_text, markdown_to_text
from solvent.problems.readers.package_submissions import read_submissions, read_validator
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place, build, slug
from solvent.problems.readers.text import decode

_STATEMENT_FOLDERS = ("statement", "problem_statement")
_LANGUAGE_ORDER = ("en", "", "en-us", "en-gb")


def read_package(tree: Tree, place: Place, name: str) -> Problem:
    """Return the problem of a package.

    Args:
        tree: its files.
        place: where it lies, for errors.
        name: its folder's name, which is its id.

    Raises:
        DataError: something that the problem needs is missing or wrong; it names the file inside the package.
    """
    try:
        return _read(tree, place, name)
    except DataError as error:
        if error.file is not None:
            raise
        raise place.error(error.message, field=error.field, remedy=error.remedy) from error


def _read(tree: Tree, place: Place, name: str) -> Problem:
    names = tree.names()
    warnings: list[str] = []
    config = read_config(tree, names, place, warnings)
    statement, statement_name = _statement(tree, names, place)
    checker = dict(config.checker)
    validator = read_validator(tree, names)
    if config.custom_validator:
        checker["type"] = "custom"
        if validator is None:
            warnings.append("the output validator is not in the package: outputs cannot be judged")
        else:
            checker["program"], checker["files"] = validator
    elif validator is not None:
        warnings.append("output_validators is there, but problem.yaml does not say 'validation: custom': not used")
    is_custom = checker.get("type") == "custom"
    public = _tests(tree, names, "data/sample/", answers_needed=not (is_custom or config.interactive))
    hidden = _tests(tree, names, "data/secret/", answers_needed=not (is_custom or config.interactive))
    if not public and not hidden:
        warnings.append("the package has no tests")
    solutions, others = read_submissions(tree, names)
    metadata: dict[str, JsonValue] = {"format": "package", "format_version": config.version, **config.metadata}
    if others:
        metadata["other_submissions"] = others
    if warnings:
        metadata["warnings"] = list(warnings)
    return build(
        place,
        {
            "id": slug(name) or "problem",
            "kind": ProblemKind.STDIO,
            "title": config.name or statement_name or name,
            "statement": statement,
            "limits": config.limits,
            "checker": checker,
            "public_tests": tuple(public),
            "hidden_tests": tuple(hidden),
            "solutions": tuple(solutions),
            "interactive": config.interactive,
            "tags": tuple(config.keywords),
            "source": place.source,
            "metadata": metadata,
        },
    )


def _statement(tree: Tree, names: list[str], place: Place) -> tuple[str, str]:
    candidates: list[tuple[int, str]] = []
    other_endings = []
    for name in names:
        path = PurePosixPath(name)
        if len(path.parts) != 2 or path.parts[0] not in _STATEMENT_FOLDERS:
            continue
        stem, _, rest = path.name.partition(".")
        language = rest.rpartition(".")[0].lower()
        if stem == "problem" and path.suffix in {".tex", ".md"}:
            order = _LANGUAGE_ORDER.index(language) if language in _LANGUAGE_ORDER else len(_LANGUAGE_ORDER)
            candidates.append((order, name))
        elif stem == "problem":
            other_endings.append(path.suffix)
    if not candidates:
        found = f"; there is one as {other_endings[0]}" if other_endings else ""
        raise place.error(
            f"the package has no statement in LaTeX or Markdown{found}",
            field="statement",
            remedy="add statement/problem.en.md",
        )
    name = min(candidates)[1]
    source = decode(tree.read(name), Place(f"{place.file}/{name}"))
    text, title = latex_to_text(source) if name.endswith(".tex") else (markdown_to_text(source), "")
    if not text:
        raise place.error("holds no text", field=name, remedy="write the statement in it")
    return text, title


def _tests(tree: Tree, names: list[str], folder: str, *, answers_needed: bool) -> list[IoTest]:
    present = set(names)
    tests = []
    for name in names:
        if not name.startswith(folder) or not name.endswith(".in"):
            continue
        stem = name.removesuffix(".in")
        answer = f"{stem}.ans"
        if answer not in present and answers_needed:
            raise DataError("is missing", field=answer, remedy=f"add the expected output of {name}")
        tests.append(
            IoTest(
                name=stem.removeprefix("data/"),
                stdin=_data(tree, name),
                expected=_data(tree, answer) if answer in present else "",
            )
        )
    return tests


def _data(tree: Tree, name: str) -> str:
    """Return test data byte for byte: white space and ends of lines matter to programs."""
    try:
        return tree.read(name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError("is not UTF-8", field=name, remedy="tests with binary data are not supported") from error
