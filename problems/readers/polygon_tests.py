"""Tests, groups and limits of Polygon packages: the test set of `<judging>`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree import ElementTree

from solvent.errors import DataError
from solvent.problems.problem import IoTest, TestGroup
from solvent.problems.readers.package_tree import Tree

MOST_TESTS = 10_000
_PATTERN = re.compile(r"%(0?)(\d{0,2})d")


@dataclass(slots=True)
class PolygonTests:
    """What the main test set says."""

    time_limit_ms: float
    memory_limit_bytes: float
    public: list[IoTest] = field(default_factory=list)
    hidden: list[IoTest] = field(default_factory=list)
    groups: list[TestGroup] = field(default_factory=list)
    scoring: bool = False


def group_path(name: str) -> str:
    """Return the path of a group of tests."""
    return f"tests/{name.replace('/', '-')}"


def read_tests(
    tree: Tree, present: set[str], judging: ElementTree.Element, warnings: list[str], *, answers_needed: bool
) -> PolygonTests:
    """Return tests, groups and limits.

    Args:
        tree: the package.
        present: its files.
        judging: the element of that name.
        warnings: what is passed over is appended.
        answers_needed: whether a missing answer is an error.

    Raises:
        DataError: there is no test set, a number is wrong, or tests are not in the package.
    """
    testsets = judging.findall("testset")
    if not testsets:
        raise DataError("has no <testset>", field="judging")
    chosen = next((one for one in testsets if one.get("name") == "tests"), testsets[0])
    others = [str(one.get("name")) for one in testsets if one is not chosen]
    if others:
        warnings.append(f"only the test set {chosen.get('name')!r} is read; others: {', '.join(others)}")
    result = PolygonTests(
        time_limit_ms=_number(chosen, "time-limit", 1000), memory_limit_bytes=_number(chosen, "memory-limit", 256 << 20)
    )
    elements = chosen.findall("tests/test")
    count = int(_number(chosen, "test-count", len(elements)))
    if count > MOST_TESTS:
        raise DataError(f"is more than {MOST_TESTS}", field="test-count")
    elements += [ElementTree.Element("test")] * (count - len(elements))
    inputs = chosen.findtext("input-path-pattern") or "tests/%02d"
    answers = chosen.findtext("answer-path-pattern") or "tests/%02d.a"
    count = len(elements)
    missing = [path for number in range(1, count + 1) if (path := _path(inputs, number)) not in present]
    if missing:
        raise DataError(
            f"{len(missing)} of {count} tests are not in the package, the first is {missing[0]}",
            field="tests",
            remedy="take the full package, which has the generated tests",
        )
    result.groups = _groups(chosen, elements)
    result.scoring = any(element.get("points") for element in elements) or any(
        group.get("points") for group in chosen.iterfind("groups/group")
    )
    by_name = {group.name: group for group in result.groups}
    for number, element in enumerate(elements, start=1):
        answer = _path(answers, number)
        if answer not in present and answers_needed:
            raise DataError("is missing", field=answer, remedy="take the full package, which has the answers")
        group = group_path(element.get("group") or "") if element.get("group") else ""
        whole = by_name.get(group)
        test = IoTest(
            name=f"{group or 'tests'}/{number}",
            stdin=_data(tree, _path(inputs, number)),
            expected=_data(tree, answer) if answer in present else "",
            group=group,
            points=None
            if not result.scoring or (whole is not None and whole.aggregation == "pass_fail")
            else _points(element),
        )
        (result.public if element.get("sample") == "true" else result.hidden).append(test)
    if not result.scoring:
        result.groups = []
    return result


def _groups(testset: ElementTree.Element, tests: list[ElementTree.Element]) -> list[TestGroup]:
    named = {element.get("name") or "": element for element in testset.iterfind("groups/group")}
    used = dict.fromkeys([*named, *(element.get("group") or "" for element in tests if element.get("group"))])
    groups = [TestGroup(name=""), TestGroup(name="tests")] if used else []
    for name in used:
        element = named.get(name)
        own = [test for test in tests if test.get("group") == name]
        complete = element is not None and element.get("points-policy") == "complete-group"
        points = _points(element) if element is not None and element.get("points") else sum(map(_points, own))
        dependencies = [] if element is None else element.findall("dependencies/dependency")
        groups.append(
            TestGroup(
                name=group_path(name),
                aggregation="pass_fail" if complete else "sum",
                on_reject="break" if complete else "continue",
                accept_score=0.0,
                max_score=points if complete else None,
                requires=tuple(group_path(one.get("group") or "") for one in dependencies if one.get("group")),
            )
        )
    return groups


def _points(element: ElementTree.Element) -> float:
    try:
        return float(element.get("points") or 0)
    except ValueError as error:
        raise DataError("must be a number", field="points") from error


def _number(element: ElementTree.Element, name: str, default: float) -> float:
    text = element.findtext(name)
    if text is None or not text.strip():
        return default
    if not re.fullmatch(r"\s*[0-9]{1,18}\s*", text):
        raise DataError(f"{text[:40]!r} is no number", field=name)
    return float(text)


def _path(pattern: str, number: int) -> str:
    def fill(match: re.Match[str]) -> str:
        return str(number).rjust(int(match[2] or 0), "0" if match[1] else " ")

    return _PATTERN.sub(fill, pattern, count=1)


def _data(tree: Tree, name: str) -> str:
    try:
        return tree.read(name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError("is not UTF-8", field=name, remedy="tests with binary data are not supported") from error
