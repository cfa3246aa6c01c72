"""Tests of problem packages: input, answer, arguments and files of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import IoTest, TestGroup
from solvent.problems.readers.package_config import PackageConfig, mapping, words
from solvent.problems.readers.package_groups import GroupTree, points_per_test
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place
from solvent.problems.readers.text import decode, parse_yaml

_KEYS = frozenset({
    "args", "input_validator_args", "output_validator_args", "input_visualizer_args", "output_visualizer_args",
    "full_feedback", "hint", "description",
})  # fmt: skip


class TestReader:
    """Reads the tests of one package."""

    __test__ = False  # not a class of tests, whatever its name says to a test collector

    def __init__(
        self, tree: Tree, names: list[str], place: Place, config: PackageConfig, groups: GroupTree, warnings: list[str]
    ) -> None:
        self._tree = tree
        self._present = set(names)
        self._names = names
        self._place = place
        self._config = config
        self._groups = groups
        self._warnings = warnings
        self._files: dict[str, dict[str, str]] = {}
        for name in names:
            stem, mark, path = name.partition(".files/")
            if mark and name.startswith("data/"):
                self._files.setdefault(stem.removeprefix("data/"), {})[path] = name

    def stems(self, folder: str) -> list[str]:
        """Return the paths of the tests below `data/FOLDER`, without `data/` and ending, in the order of judging."""
        start = f"data/{folder}/"
        found = [name for name in self._names if name.startswith(start) and name.endswith(".in")]
        found = [name for name in found if not any(part.endswith(".files") for part in name.split("/")[:-1])]
        return sorted((name[len("data/") : -len(".in")] for name in found), key=lambda stem: stem.split("/"))

    def read(self, stems: list[str], groups: list[TestGroup], *, answers_needed: bool) -> list[IoTest]:
        """Return the tests of these paths.

        Args:
            stems: their paths.
            groups: the groups of the package.
            answers_needed: whether a missing answer file is an error.

        Raises:
            DataError: an answer is missing, or a file cannot be read.
        """
        by_name = {group.name: group for group in groups}
        counts = Counter(self._groups.home(stem.rpartition("/")[0]) for stem in stems)
        return [self._test(stem, by_name, counts, answers_needed) for stem in stems]

    def _test(self, stem: str, groups: Mapping[str, TestGroup], counts: Mapping[str, int], needed: bool) -> IoTest:
        folder = stem.rpartition("/")[0]
        home = self._groups.home(folder)
        answer = f"data/{stem}.ans"
        if answer not in self._present and needed:
            raise DataError("is missing", field=answer, remedy=f"add the expected output of data/{stem}.in")
        points = None
        if self._config.scoring and not self._groups.is_legacy and home != "sample":
            points = points_per_test(groups.get(home), self._groups.values(home), counts[home])
        arguments, flags = self._settings(stem, home)
        return IoTest(
            name=stem,
            stdin=_data(self._tree, f"data/{stem}.in"),
            expected=_data(self._tree, answer) if answer in self._present else "",
            group=home if groups else folder,
            arguments=tuple(arguments),
            files={path: _data(self._tree, name) for path, name in self._files.get(stem, {}).items()},
            points=points,
            checker=None if flags is None else self._groups.checker(flags),
        )

    def _settings(self, stem: str, home: str) -> tuple[list[str], list[str] | None]:
        """Return the program's arguments, and the validator's if the test sets its own."""
        name = f"data/{stem}.yaml"
        arguments = self._groups.arguments(home)
        if name not in self._present:
            return arguments, None
        here = Place(f"{self._place.file}/{name}")
        values = mapping(parse_yaml(decode(self._tree.read(name), here), here), here, None)
        for key in values:
            if key in _KEYS:
                continue
            if self._config.is_strict:
                raise here.error("no such key in format 2025-09", field=key, remedy="remove it")
            self._warnings.append(f"{name}: unknown key {key!r} passed over")
        if values.get("args") is not None:
            arguments = words(values["args"], f"{name}: args")
        own: JsonValue = values.get("output_validator_args")
        if own is None:
            return arguments, None
        return arguments, [*self._config.flags, *words(own, f"{name}: output_validator_args")]


def _data(tree: Tree, name: str) -> str:
    """Return test data byte for byte: white space and ends of lines matter to programs."""
    try:
        return tree.read(name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError("is not UTF-8", field=name, remedy="tests with binary data are not supported") from error
