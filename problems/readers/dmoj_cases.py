"""Test cases of DMOJ problem folders: lists of cases and batches, or patterns over the names of the files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Checker, IoTest, TestGroup
from solvent.problems.readers.dmoj_checker import read_checker
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place

INPUT_FORMAT = r"^(?=.*?\.in|in).*?(?:(?:^|\W)(?P<batch>\d+)[^\d\s]+)?(?P<case>\d+)[^\d\s]*$"
OUTPUT_FORMAT = r"^(?=.*?\.out|out).*?(?:(?:^|\W)(?P<batch>\d+)[^\d\s]+)?(?P<case>\d+)[^\d\s]*$"
_LONGEST_NAME = 60
"""Longer names are not matched: a pattern can take time that grows with a power of the length."""
_MOST_REPEATS = 4
_REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{\d*,)")


@dataclass(slots=True)
class DmojCases:
    """The tests and the groups that batches become."""

    tests: list[IoTest] = field(default_factory=list)
    groups: list[TestGroup] = field(default_factory=list)


def read_cases(
    tree: Tree, data: Mapping[str, Tree], values: Mapping[str, JsonValue], place: Place, warnings: list[str]
) -> DmojCases:
    """Return the tests of `pretest_test_cases` and `test_cases`.

    A batch is a group that scores its points only if all its cases are right (with partial scores: the least share). A
    case worth 0 points stops the judging if it fails: what comes after it requires it. Pretests come first and score
    nothing; those that are tests as well are left out.

    Raises:
        DataError: a case is wrong, or names a file that is not there.
    """
    reader = _Reader(tree, data, values, place, warnings)
    reader.add(values.get("test_cases"), "test_cases", "", scored=True)
    pretests = values.get("pretest_test_cases")
    if pretests is not None:
        main = reader.found
        reader.found = DmojCases(groups=main.groups[:1])
        reader.add(pretests, "pretest_test_cases", "pretest-", scored=False)
        known = {(test.stdin, test.expected) for test in main.tests}
        extra = [test for test in reader.found.tests if (test.stdin, test.expected) not in known]
        used = {test.group for test in extra}
        groups = [group for group in reader.found.groups[1:] if group.name in used]
        reader.found = DmojCases([*extra, *main.tests], [*main.groups[:1], *groups, *main.groups[1:]])
    if not reader.found.tests:
        warnings.append("the folder has no tests that can be used")
    return reader.found


class _Reader:
    def __init__(
        self,
        tree: Tree,
        data: Mapping[str, Tree],
        values: Mapping[str, JsonValue],
        place: Place,
        warnings: list[str],
    ) -> None:
        self.found = DmojCases(groups=[TestGroup(name="")])
        self._tree, self._data, self._place, self._warnings = tree, data, place, warnings
        self._points = values.get("points")
        self._required: list[str] = []

    def add(self, value: JsonValue, field: str, start: str, *, scored: bool) -> None:
        """Add the cases of one list, or those whose files a pattern finds."""
        if isinstance(value, dict) or (value is None and scored):
            value = self._by_pattern(value or {}, field)
        if not isinstance(value, list):
            raise self._place.error("must be a list of cases, or patterns", field=field)
        batches: dict[int, str] = {}
        for number, case in enumerate(value, start=1):
            where = f"{field}[{number - 1}]"
            if not isinstance(case, dict):
                raise self._place.error("must be a mapping", field=where)
            self._refuse_computed(case, where)
            points = self._case_points(case, where) if scored else 0.0
            batched = case.get("batched")
            name = f"{start}batch{len(batches) + 1}" if batched is not None else f"{start}case{number}"
            inner = batched if isinstance(batched, list) else [case]
            tests = [self._test(one, name, index, case, f"{where}.batched") for index, one in enumerate(inner, start=1)]
            kept = [test for test in tests if test is not None]
            if batched is not None:
                batches[len(batches) + 1] = name
            if not kept:
                continue
            requires = [*(self._required if scored else []), *self._dependencies(case, batches, where)]
            self.found.groups.append(
                TestGroup(
                    name=name,
                    aggregation="min",
                    on_reject="break",
                    accept_score=points,
                    max_score=points,
                    requires=tuple(dict.fromkeys(requires)),
                )
            )
            self.found.tests.extend(kept)
            if scored and points == 0:
                self._required.append(name)

    def _refuse_computed(self, case: Mapping[str, JsonValue], where: str) -> None:
        for key in case:
            if key.endswith(("++", "+=")):
                raise self._place.error("computed keys are programs, which are not run", field=f"{where}.{key}")

    def _case_points(self, case: Mapping[str, JsonValue], where: str) -> float:
        points = case.get("points", self._points if self._points is not None else 1)
        if isinstance(points, bool) or not isinstance(points, int | float) or not 0 <= points < 1e12:
            raise self._place.error("must be a number that is not negative", field=f"{where}.points")
        return float(points)

    def _dependencies(self, case: Mapping[str, JsonValue], batches: Mapping[int, str], where: str) -> list[str]:
        given = case.get("dependencies") or []
        if not isinstance(given, list):
            raise self._place.error("must be a list of batch numbers", field=f"{where}.dependencies")
        found = []
        for number in given:
            if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number < len(batches):
                raise self._place.error("must be numbers of earlier batches", field=f"{where}.dependencies")
            found.append(batches[number])
        return found

    def _test(
        self, case: JsonValue, group: str, number: int, outer: Mapping[str, JsonValue], where: str
    ) -> IoTest | None:
        if not isinstance(case, dict):
            raise self._place.error("must be a list of mappings", field=where)
        self._refuse_computed(case, where)
        if case.get("generator") is not None or (outer.get("generator") is not None and "in" not in case):
            self._warnings.append("cases that a generator makes are left out: write them as files")
            return None
        checker: Checker | None = None
        own = case.get("checker", outer.get("checker"))
        if own is not None:
            checker = read_checker(own, self._tree, self._data, self._place)
        return IoTest(
            name=f"{group}/{number}",
            group=group,
            stdin=self._text(case.get("in"), f"{where}.in"),
            expected=self._text(case.get("out"), f"{where}.out"),
            checker=checker,
        )

    def _text(self, name: JsonValue, where: str) -> str:
        if name is None:
            return ""
        if not isinstance(name, str) or name not in self._data:
            raise self._place.error(f"{str(name)[:80]!r} is neither in the folder nor in the archive", field=where)
        try:
            text = self._data[name].read(name).decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError("is not UTF-8", field=name, remedy="tests with binary data are not supported") from error
        # As the DMOJ judge reads them: every kind of line end is one.
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def _by_pattern(self, given: Mapping[str, JsonValue], field: str) -> list[JsonValue]:
        """Return the cases whose files the patterns find, in the order of batch and case."""
        found: dict[tuple[int, int, bool], dict[str, JsonValue]] = {}
        for side, default in (("in", INPUT_FORMAT), ("out", OUTPUT_FORMAT)):
            key = {"in": "input_format", "out": "output_format"}[side]
            pattern = self._pattern(given.get(key, default), f"{field}.{key}")
            for name in self._data:
                match = pattern.match(name) if len(name) <= _LONGEST_NAME else None
                if match is None:
                    continue
                groups = match.groupdict()
                batch, case = groups.get("batch"), groups.get("case")
                number = int(case) if case and case.isdigit() else 0
                place = (int(batch), number, True) if batch and batch.isdigit() else (number, 0, False)
                found.setdefault(place, {})[side] = name
        complete = {place: files for place, files in sorted(found.items()) if len(files) == 2}
        cases: list[JsonValue] = []
        open_batch: int | None = None
        for (first, _, is_batched), files in complete.items():
            if not is_batched:
                cases.append(dict(files))
                open_batch = None
                continue
            if open_batch != first:
                cases.append({"batched": []})
                open_batch = first
            last = cases[-1]
            if isinstance(last, dict) and isinstance(last["batched"], list):
                last["batched"].append(dict(files))
        points = given.get("case_points")
        if isinstance(points, list):
            for case, own in zip(cases, points, strict=False):
                if isinstance(case, dict):
                    case["points"] = own
        return cases

    def _pattern(self, value: JsonValue, where: str) -> re.Pattern[str]:
        if not isinstance(value, str) or len(value) > 200:
            raise self._place.error("must be a pattern of at most 200 characters", field=where)
        # A repeated group can take time that grows exponentially with the length of a name.
        is_own = value not in {INPUT_FORMAT, OUTPUT_FORMAT}
        if is_own and (_REPEATED_GROUP.search(value) or len(re.findall(r"[*+]|,\}", value)) > _MOST_REPEATS):
            raise self._place.error("repeats a group or too much", field=where, remedy="list the cases one by one")
        try:
            return re.compile(value, re.IGNORECASE)
        except re.error as error:
            raise self._place.error(f"is no pattern: {error}", field=where) from error
