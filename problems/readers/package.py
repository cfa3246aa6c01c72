"""Kattis/ICPC problem packages, legacy and 2025-09 (https://icpc.io/problem-package-format/), in a folder or a zip.

Samples are public tests, secret data are hidden tests, submissions are solutions. What cannot be used (custom graders,
static validators, unknown keys of older versions) is said in `metadata.warnings`.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import JsonValue

from solvent.problems.problem import Checker, Interactor, Problem, ProblemKind
from solvent.problems.readers.package_config import PackageConfig, read_config
from solvent.problems.readers.package_groups import GroupTree
from solvent.problems.readers.package_programs import ConstantsTree, read_included, read_validator
from solvent.problems.readers.package_statement import latex_to_text, markdown_to_text
from solvent.problems.readers.package_submissions import read_submissions
from solvent.problems.readers.package_tests import TestReader
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
    with place.located():
        return _read(tree, place, name)


def _read(tree: Tree, place: Place, name: str) -> Problem:
    names = [one for one in tree.names() if not _is_hidden(one)]
    warnings: list[str] = []
    config = read_config(tree, names, place, warnings)
    if config.constants:
        tree = ConstantsTree(tree, config.constants)
    statement, statement_name = _statement(tree, names, place)
    statement += _interactions(tree, names)
    group_tree = GroupTree(tree, names, place, config, warnings)
    reader = TestReader(tree, names, place, config, group_tree, warnings)
    samples, secrets = reader.stems("sample"), reader.stems("secret")
    main = group_tree.checker(group_tree.flags((secrets or samples or [""])[0].split("/")[0]))
    groups = group_tree.groups({stem.rpartition("/")[0] for stem in (*samples, *secrets)}, main)
    answers_needed = not (config.custom_validator or config.interactive)
    public = reader.read(samples, groups, answers_needed=answers_needed)
    hidden = reader.read(secrets, groups, answers_needed=answers_needed)
    if not public and not hidden:
        warnings.append("the package has no tests")
    checker, interactor = _programs(tree, names, config, main, warnings)
    solutions, others = read_submissions(tree, names, place, config)
    metadata: dict[str, JsonValue] = {"format": "package", "format_version": config.version, **config.metadata}
    if others:
        metadata["other_submissions"] = others
    if any(one.startswith("attachments/") for one in names):
        metadata["attachments"] = [one for one in names if one.startswith("attachments/")]
    if warnings:
        metadata["warnings"] = list(dict.fromkeys(warnings))
    return build(
        place,
        {
            "id": slug(name) or "problem",
            "kind": ProblemKind.STDIO,
            "title": config.name or statement_name or name,
            "statement": statement,
            "limits": config.limits,
            "time_rule": config.time_rule,
            "validation_limits": config.validation_limits,
            "checker": checker,
            "interactor": interactor,
            "public_tests": tuple(public),
            "hidden_tests": tuple(hidden),
            "groups": tuple(groups),
            "scoring": config.scoring,
            "objective": config.objective,
            "passes": config.passes,
            "solutions": tuple(solutions),
            "languages": tuple(config.languages),
            "interactive": config.interactive,
            "included_files": read_included(tree, names),
            "tags": tuple(config.keywords),
            "source": place.source,
            "metadata": metadata,
        },
    )


def _is_hidden(name: str) -> bool:
    """Return whether a file is to be passed over: its name, or a folder's, begins with a point (but `.timelimit`)."""
    return name != ".timelimit" and any(part.startswith(".") for part in name.split("/"))


def _programs(
    tree: Tree, names: list[str], config: PackageConfig, main: Checker, warnings: list[str]
) -> tuple[Checker, Interactor | None]:
    """Return the checker with its program, and the interactor."""
    if not config.custom_validator:
        if any(name.startswith("output_validators/") for name in names):
            warnings.append("output_validators is there, but problem.yaml does not say 'validation: custom': not used")
        if config.interactive or config.passes > 1:
            warnings.append("it is interactive or multi-pass, but without an output validator it cannot be judged")
        return main, None
    validator = read_validator(tree, names, warnings)
    if validator is None:
        warnings.append("the output validator is not in the package: outputs cannot be judged")
        return main, None
    program, files = validator
    checker = main.model_copy(update={"program": program, "files": files})
    if not config.interactive:
        return checker, None
    return checker, Interactor(program=program, files=files, arguments=main.arguments)


def _interactions(tree: Tree, names: list[str]) -> str:
    """Return the sample interactions as a part of the statement."""
    found = [name for name in names if name.startswith("data/sample/") and name.endswith(".interaction")]
    parts = []
    for number, name in enumerate(found, start=1):
        text = decode(tree.read(name), Place(name)).rstrip("\n")
        head = f"## Sample interaction {number}\n\nLines with < are read, lines with > are written."
        parts.append(f"\n\n{head}\n\n```\n{text}\n```")
    return "".join(parts)


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
