"""Packages of Polygon (https://polygon.codeforces.com): `problem.xml`, in a folder or a zip archive.

Full packages hold every test; standard ones only those that were written by hand, so that they cannot be judged with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from xml.etree import ElementTree

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Checker, Expectation, Interactor, Limits, Problem, ProblemKind, Solution, Verdict
from solvent.problems.readers.package_expectations import CRASH, FAILURES
from solvent.problems.readers.package_limits import clip
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place, build, slug
from solvent.problems.readers.polygon_statement import read_statement
from solvent.problems.readers.polygon_tests import PolygonTests, group_path, read_tests
from solvent.problems.readers.program_files import is_header, language_name, language_of, source_text

PROBLEM_FILE = "problem.xml"
_STANDARD: Mapping[str, Mapping[str, object]] = {
    "wcmp": {"case_sensitive": True},
    "ncmp": {"case_sensitive": True},
    "icmp": {"case_sensitive": True},
    "hcmp": {"case_sensitive": True},
    "yesno": {},
    "nyesno": {},
    "uncmp": {"type": "unordered_tokens", "case_sensitive": True},
    "rcmp": {"case_sensitive": True, "absolute_tolerance": 1.5e-6},
    "acmp": {"case_sensitive": True, "absolute_tolerance": 1.5e-6},
    "rncmp": {"case_sensitive": True, "absolute_tolerance": 1.5e-5},
    "dcmp": {"case_sensitive": True, "absolute_tolerance": 1e-6, "relative_tolerance": 1e-6},
    "rcmp4": {"case_sensitive": True, "absolute_tolerance": 1e-4, "relative_tolerance": 1e-4},
    "rcmp6": {"case_sensitive": True, "absolute_tolerance": 1e-6, "relative_tolerance": 1e-6},
    "rcmp9": {"case_sensitive": True, "absolute_tolerance": 1e-9, "relative_tolerance": 1e-9},
}
"""Checkers that come with testlib and do the same as ours. The others (lcmp, fcmp, caseicmp...) are run from source."""

_TAGS: dict[str, tuple[Verdict, ...]] = {
    "main": (Verdict.AC,),
    "accepted": (Verdict.AC,),
    "wrong-answer": (Verdict.WA,),
    "presentation-error": (Verdict.WA,),
    "time-limit-exceeded": (Verdict.TLE,),
    "time-limit-exceeded-or-accepted": (Verdict.TLE, Verdict.AC),
    "time-limit-exceeded-or-memory-limit-exceeded": (Verdict.TLE, *CRASH),
    "memory-limit-exceeded": (Verdict.MLE, Verdict.RE),
    "rejected": FAILURES,
    "failed": FAILURES,
}
_RESOURCE_ENDINGS = (".h", ".hpp", ".cpp", ".cc", ".c", ".java", ".py", ".jar")


def read_polygon(tree: Tree, place: Place, name: str) -> Problem:
    """Return the problem of a package.

    Args:
        tree: its files.
        place: where it lies, for errors.
        name: its folder's name, its id if problem.xml has none.

    Raises:
        DataError: something that the problem needs is missing or wrong; it names the file inside the package.
    """
    with place.located():
        return _read(tree, place, name)


class _Builder(ElementTree.TreeBuilder):
    """Refuses document types, whose entities can unfold to gigabytes."""

    def doctype(self, name: str, public_id: str, system: str) -> None:
        """Refuse it."""
        del name, public_id, system
        raise DataError("has a document type, which is not read", remedy="remove it")


def parse_xml(data: bytes, name: str) -> ElementTree.Element:
    """Return the root of an XML text.

    Raises:
        DataError: it is no XML, or has a document type.
    """
    parser = ElementTree.XMLParser(target=_Builder())  # noqa: S314  # entities need the document type that is refused
    try:
        parser.feed(data)
        root: ElementTree.Element = parser.close()
    except DataError as error:
        raise DataError(error.message, field=name, remedy=error.remedy) from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DataError(f"is not XML: {error}", field=name) from error
    return root


def _read(tree: Tree, place: Place, name: str) -> Problem:
    names = tree.names()
    root = parse_xml(tree.read(PROBLEM_FILE), PROBLEM_FILE)
    warnings: list[str] = []
    judging = root.find("judging")
    if judging is None:
        raise DataError("has no <judging>", field=PROBLEM_FILE)
    statement, language = read_statement(tree, names, root, warnings)
    interactor = _interactor(tree, names, root, warnings)
    tests = read_tests(tree, set(names), judging, warnings, answers_needed=interactor is None)
    runs = judging.get("run-count") or "1"
    if runs != "1":
        warnings.append(f"programs are to be run {runs} times on a test, which is not judged: one run is")
    solutions, others = _solutions(tree, root)
    short_name = root.get("short-name") or name
    metadata: dict[str, JsonValue] = {"format": "polygon"}
    for key in ("revision", "url"):
        if root.get(key):
            metadata[key] = root.get(key)
    # What an interactor writes is checked by programs only.
    ours = {} if interactor is not None else _STANDARD
    checker = _checker(tree, names, root, ours, metadata, warnings)
    if others:
        metadata["other_submissions"] = others
    if warnings:
        metadata["warnings"] = list(dict.fromkeys(warnings))
    return build(
        place,
        {
            "id": slug(short_name) or "problem",
            "kind": ProblemKind.STDIO,
            "title": _title(root, language) or short_name,
            "statement": statement,
            "limits": _limits(tests, warnings),
            "checker": checker,
            "interactive": interactor is not None,
            "interactor": interactor,
            "input_file": judging.get("input-file") or None,
            "output_file": judging.get("output-file") or None,
            "public_tests": tuple(tests.public),
            "hidden_tests": tuple(tests.hidden),
            "groups": tuple(tests.groups),
            "scoring": tests.scoring,
            "solutions": tuple(solutions),
            "included_files": _included(tree, root),
            "tags": tuple(tag.get("value", "") for tag in root.iterfind("tags/tag") if tag.get("value")),
            "source": place.source,
            "metadata": metadata,
        },
    )


def _title(root: ElementTree.Element, language: str) -> str:
    by_language = {one.get("language"): one.get("value", "") for one in root.iterfind("names/name")}
    return by_language.get(language) or next(iter(by_language.values()), "")


def _limits(tests: PolygonTests, warnings: list[str]) -> Limits:
    return Limits(
        cpu_time_s=clip("time-limit", tests.time_limit_ms / 1000, 0.001, 600, warnings),
        memory_mb=int(clip("memory-limit", tests.memory_limit_bytes / 2**20, 16, 16384, warnings)),
        compile_memory_mb=2048,
    )


def _program(tree: Tree, element: ElementTree.Element | None, where: str) -> tuple[str, str, str] | None:
    """Return language, path and text of the source below an element, or None if it has none."""
    source = element.find("source") if element is not None else None
    if source is None or not source.get("path"):
        return None
    path = str(source.get("path"))
    if path not in tree.names():
        raise DataError(f"is not in the package, but {where} names it", field=path)
    text = source_text(tree, path)
    language = language_name(source.get("type") or "") or language_of(path, text) or ""
    return language, path, text


def _beside(tree: Tree, names: list[str], path: str, text: str, warnings: list[str]) -> dict[str, str]:
    """Return the headers that a program of the jury may include: testlib.h and the package's own."""
    folder = str(PurePosixPath(path).parent)
    found = {
        PurePosixPath(name).name: source_text(tree, name)
        for name in names
        if is_header(name) and str(PurePosixPath(name).parent) in {folder, "files"}
    }
    if "testlib.h" in text and "testlib.h" not in found:
        warnings.append(f"{path} includes testlib.h, which is not in the package: add files/testlib.h")
    return found


def _checker(
    tree: Tree,
    names: list[str],
    root: ElementTree.Element,
    ours: Mapping[str, Mapping[str, object]],
    metadata: dict[str, JsonValue],
    warnings: list[str],
) -> Checker:
    element = root.find("assets/checker")
    standard = re.fullmatch(r"std::(\w+)\.cpp", (element.get("name") or "") if element is not None else "")
    if standard and standard[1] in ours:
        metadata["checker"] = f"testlib's {standard[1]}"
        return Checker.model_validate(ours[standard[1]])
    found = _program(tree, element, "the checker")
    if found is None:
        warnings.append("the package names no checker: tokens are compared")
        return Checker(case_sensitive=True)
    language, path, text = found
    program = Solution(language=language, source=text, name=PurePosixPath(path).name)
    files = _beside(tree, names, path, text, warnings)
    return Checker(type="custom", style="testlib", program=program, files=files)


def _interactor(tree: Tree, names: list[str], root: ElementTree.Element, warnings: list[str]) -> Interactor | None:
    found = _program(tree, root.find("assets/interactor"), "the interactor")
    if found is None:
        return None
    language, path, text = found
    program = Solution(language=language, source=text, name=PurePosixPath(path).name)
    return Interactor(program=program, files=_beside(tree, names, path, text, warnings), style="testlib")


def _solutions(tree: Tree, root: ElementTree.Element) -> tuple[list[Solution], dict[str, JsonValue]]:
    solutions = []
    others: dict[str, JsonValue] = {}
    for element in root.iterfind("assets/solutions/solution"):
        tag = element.get("tag") or ""
        source = element.find("source")
        path = str(source.get("path")) if source is not None else "?"
        if tag not in _TAGS:
            others[path] = f"no verdict belongs to the tag {tag!r}"
            continue
        try:
            found = _program(tree, element, "a solution")
        except DataError as error:
            others[path] = error.message
            continue
        if found is None:
            others[path] = "it has no source"
            continue
        language, path, text = found
        verdicts = _TAGS[tag]
        solutions.append(
            Solution(
                language=language,
                source=text,
                name=PurePosixPath(path).name,
                expected=verdicts[0],
                verdicts=verdicts if len(verdicts) > 1 else (),
                file_name=PurePosixPath(path).name if language in {"java", "kotlin"} else "",
                expectations=_by_group(element),
                time_limit_use="lower" if tag in {"main", "accepted"} else None,
            )
        )
    return solutions, others


def _by_group(solution: ElementTree.Element) -> tuple[Expectation, ...]:
    """Return what `<extra-tags>` ask for on single groups of tests."""
    found = []
    for extra in solution.iterfind("extra-tags/extra-tag"):
        group, verdicts = extra.get("group"), _TAGS.get(extra.get("tag") or "")
        if group and verdicts:
            accepted = verdicts == (Verdict.AC,)
            permitted = verdicts if accepted else (Verdict.AC, *(one for one in verdicts if one is not Verdict.AC))
            required = () if Verdict.AC in verdicts else verdicts
            found.append(Expectation(tests=group_path(group), permitted=permitted, required=required))
    return tuple(found)


def _included(tree: Tree, root: ElementTree.Element) -> dict[str, dict[str, str]]:
    """Return the resource files that are built with every solution, by language."""
    included: dict[str, dict[str, str]] = {}
    present = set(tree.names())
    for element in root.iterfind("files/resources/file"):
        path = element.get("path") or ""
        assets = {(one.get("name") or "").upper() for one in element.iterfind("assets/asset")}
        if "SOLUTION" not in assets or path not in present or not path.endswith(_RESOURCE_ENDINGS):
            continue
        kinds = (element.get("for-types") or "").split(";")
        for kind in kinds:
            language = language_name(kind.replace("*", "")) if kind.strip("*. ") else "default"
            included.setdefault(language, {})[PurePosixPath(path).name] = source_text(tree, path)
    return included
