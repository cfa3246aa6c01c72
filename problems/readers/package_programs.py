"""Output validators and included code of problem packages, and the constants that stand in their texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from solvent.errors import DataError
from solvent.problems.problem import Solution
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.program_files import LANGUAGES, is_header, language_name, main_file, source_text

_VALIDATOR_LANGUAGES = ("cpp", "c", "python", "java", "rust", "go", "javascript")
_WITH_CONSTANTS = ("statement/", "output_validator", "input_validators/", "include/", "submissions/")


class ConstantsTree:
    r"""A package with the constants of problem.yaml (`{{name}}`, in LaTeX `\constant{name}`) filled in."""

    def __init__(self, tree: Tree, constants: Mapping[str, str]) -> None:
        self._tree = tree
        self._constants = constants
        names = "|".join(re.escape(name) for name in constants)
        self._pattern = re.compile(rb"\{\{(%s)\}\}|\\constant\{(%s)\}" % (names.encode(), names.encode()))

    def names(self) -> list[str]:
        """Return the paths of all files, sorted."""
        return self._tree.names()

    def read(self, name: str) -> bytes:
        """Return a file's content, constants filled in where the format says so.

        Raises:
            DataError: it cannot be read.
        """
        data = self._tree.read(name)
        if not name.startswith(_WITH_CONSTANTS) and PurePosixPath(name).name != "test_group.yaml":
            return data
        return self._pattern.sub(lambda match: self._constants[(match[1] or match[2]).decode()].encode(), data)


def read_validator(tree: Tree, names: list[str], warnings: list[str]) -> tuple[Solution, dict[str, str]] | None:
    """Return the output validator's main source and the files beside it, or None if the package has none.

    Scripts named `build` and `run` are not run, which is appended to `warnings`: the sources are built as others are.

    Raises:
        DataError: there are several validators, or it is no program in a language that validators are run in.
    """
    found = [name for name in names if name.split("/")[0] in {"output_validators", "output_validator"}]
    found = [name for name in found if not PurePosixPath(name).name.startswith(".")]
    if not found:
        return None
    folder = found[0].split("/")[0]
    sources = [name for name in found if PurePosixPath(name).name not in {"build", "run"}]
    if len(sources) < len(found):
        warnings.append(f"{folder}: its scripts build and run are not run: its sources are built as others are")
        found = sources
    programs = {name: language for name in found if (language := LANGUAGES.get(PurePosixPath(name).suffix))}
    program_folders = {str(PurePosixPath(name).parent) for name in programs}
    if not programs:
        raise DataError("holds no program in a known language", field=folder)
    languages = {language for name, language in programs.items() if not is_header(name)}
    if len(program_folders) > 1 or len(languages - {"c"}) > 1:
        raise DataError("holds several output validators", field=folder, remedy="keep one")
    language = (languages - {"c"} or languages).pop()
    texts = {name: source_text(tree, name) for name in found}
    main = main_file(texts, language)
    if main is None or language not in _VALIDATOR_LANGUAGES:
        raise DataError(f"is in {language}, which validators are not run in", field=main or folder)
    name = PurePosixPath(main).name
    program = Solution(language=language, source=texts[main], name=name)
    return program, {PurePosixPath(other).name: text for other, text in texts.items() if other != main}


def read_included(tree: Tree, names: list[str]) -> dict[str, dict[str, str]]:
    """Return the files of `include/LANGUAGE/` by our names of the languages.

    Raises:
        DataError: one of them is no text.
    """
    included: dict[str, dict[str, str]] = {}
    for name in names:
        parts = name.split("/")
        if parts[0] != "include" or len(parts) < 3 or parts[-1].startswith("."):
            continue
        language = parts[1] if parts[1] == "default" else language_name(parts[1])
        included.setdefault(language, {})["/".join(parts[2:])] = source_text(tree, name)
    return included
