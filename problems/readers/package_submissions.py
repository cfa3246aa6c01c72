"""Submissions of problem packages: one program each, with what it must get."""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Solution
from solvent.problems.readers.package_config import PackageConfig
from solvent.problems.readers.package_expectations import Expected, SubmissionRules, by_folder, with_annotations
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place
from solvent.problems.readers.program_files import is_header, language_name, language_of, main_file, source_text

_NAMED_BY_CLASS = frozenset({"java", "kotlin", "scala"})
"""Languages in which the name of the source's file may matter."""


def read_submissions(
    tree: Tree, names: list[str], place: Place, config: PackageConfig
) -> tuple[list[Solution], dict[str, JsonValue]]:
    """Return the programs with what they must get, and the others with the reason why they cannot be judged.

    Raises:
        DataError: `submissions.yaml` is wrong.
    """
    solutions: list[Solution] = []
    others: dict[str, JsonValue] = {}
    units: dict[str, list[str]] = {}
    for name in names:
        parts = name.split("/")
        if parts[0] == "submissions" and len(parts) >= 3 and not parts[-1].startswith("."):
            units.setdefault("/".join(parts[:3]), []).append(name)
    rules = None if config.is_legacy else SubmissionRules(tree, names, place)
    for unit, files in units.items():
        name = unit.removeprefix("submissions/")
        expected = (rules.expected(name) if rules is not None else None) or by_folder(name.split("/")[0])
        try:
            solutions.append(_solution(tree, name, files, expected))
        except DataError as error:
            others[unit] = error.message
    return solutions, others


def _solution(tree: Tree, name: str, files: list[str], expected: Expected | None) -> Solution:
    start = f"submissions/{name}/"
    texts = {file.removeprefix(start) if file.startswith(start) else PurePosixPath(file).name: "" for file in files}
    texts = {short: source_text(tree, file) for short, file in zip(texts, files, strict=True)}
    given = language_name(expected.language) if expected and expected.language else ""
    languages = {found for file, text in texts.items() if (found := language_of(file, text)) and not is_header(file)}
    if "cpp" in languages:
        languages.discard("c")
    if not given and not languages:
        raise DataError("no known language has this ending")
    if not given and len(languages) > 1:
        raise DataError(f"a program in several languages: {', '.join(sorted(languages))}")
    language = given or languages.pop()
    main = main_file(texts, language, expected.entry_point if expected else "")
    if main is None:
        raise DataError(f"none of its files is in {language}")
    expected = with_annotations(expected, texts[main])
    if expected is None:
        raise DataError(f"no verdict belongs to the folder {name.split('/')[0]!r}, and the source names none")
    several = len(texts) > 1
    return Solution(
        language=language,
        source=texts[main],
        name=name,
        expected=expected.verdicts[0],
        files={file: text for file, text in texts.items() if file != main},
        file_name=main if several or language in _NAMED_BY_CLASS else "",
        entry_point=expected.entry_point,
        verdicts=expected.verdicts if len(expected.verdicts) > 1 else (),
        partial=expected.partial,
        score=expected.score,
        expectations=expected.expectations,
        time_limit_use=expected.time_limit_use,
    )
