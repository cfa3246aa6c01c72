"""Problem folders of the DMOJ judge (https://docs.dmoj.ca): `init.yml` with test data in files or in a zip archive.

Statement and limits are not part of these folders: a Markdown file beside `init.yml`, as our own format has it, gives
them (`limits:` in its front matter, examples as public tests).
"""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import JsonValue

from solvent.problems.problem import Limits, Problem, ProblemKind, TimeRule
from solvent.problems.readers.dmoj_cases import read_cases
from solvent.problems.readers.dmoj_checker import read_checker, read_interactor
from solvent.problems.readers.native import FRONT_MATTER, read_front_matter, read_plain
from solvent.problems.readers.package_limits import clip
from solvent.problems.readers.package_tree import Tree, ZipTree
from solvent.problems.readers.place import Place, build, slug
from solvent.problems.readers.text import decode, parse_yaml

INIT_FILE = "init.yml"
NO_STATEMENT = "(The problem folder has no statement.)"
DEFAULT_LIMITS = Limits(cpu_time_s=2.0, memory_mb=256)
_REFUSED = {
    "custom_judge": "custom graders are programs that run inside the judge",
    "signature_grader": "signature graders change the submission's source",
    "symlinks": "links are not made in the program's directory",
    "output_only": "there is no program to run",
}
_KNOWN = frozenset({
    "archive", "test_cases", "pretest_test_cases", "checker", "points", "file_io", "interactive", "unbuffered",
    "wall_time_factor", "output_limit_length", "output_prefix_length", "binary_data", "hints", "io_redirects",
    "memory_limit", "time_limit", "short_circuit",
})  # fmt: skip
_STATEMENTS = ("statement.md", "problem.md", "readme.md")


def read_dmoj(tree: Tree, place: Place, name: str) -> Problem:
    """Return the problem of a folder.

    Args:
        tree: its files.
        place: where it lies, for errors.
        name: its folder's name, which is its id.

    Raises:
        DataError: something that the problem needs is missing or wrong, or needs a part of the DMOJ judge itself.
    """
    with place.located():
        return _read(tree, place, name)


def _read(tree: Tree, place: Place, name: str) -> Problem:
    names = tree.names()
    here = Place(f"{place.file}/{INIT_FILE}")
    values = parse_yaml(decode(tree.read(INIT_FILE), here), here)
    if not isinstance(values, dict):
        raise here.error("must be a mapping")
    warnings: list[str] = []
    _check_keys(values, here, warnings)
    data = _data(tree, names, values, here)
    text = _statement(tree, names, place, name, warnings)
    cases = read_cases(tree, data, values, here, warnings)
    interactor = read_interactor(tree, data, values, here)
    limits, rule = _limits(values, text.limits if text else None, here, warnings)
    input_file, output_file = _file_io(values, here)
    metadata: dict[str, JsonValue] = {"format": "dmoj"}
    if warnings:
        metadata["warnings"] = list(dict.fromkeys(warnings))
    return build(
        place,
        {
            "id": slug(name) or "problem",
            "kind": ProblemKind.STDIO,
            "title": (text.title if text else "") or name,
            "statement": text.statement if text else NO_STATEMENT,
            "limits": limits,
            "time_rule": rule,
            # An interactor decides alone, so a checker beside it would never be asked.
            "checker": read_checker(None if interactor else values.get("checker"), tree, data, here),
            "interactive": interactor is not None,
            "interactor": interactor,
            "input_file": input_file,
            "output_file": output_file,
            "public_tests": text.public_tests if text else (),
            "hidden_tests": tuple(cases.tests),
            "groups": tuple(cases.groups),
            "scoring": True,
            "solutions": text.solutions if text else (),
            "tags": text.tags if text else (),
            "source": place.source,
            "metadata": metadata,
        },
    )


def _check_keys(values: dict[str, JsonValue], place: Place, warnings: list[str]) -> None:
    for key in values:
        if key.endswith(("++", "+=")):
            raise place.error("computed keys are programs, which are not run", field=key, remedy="write its value")
        if key in _REFUSED:
            raise place.error(f"is not supported: {_REFUSED[key]}", field=key)
        if key not in _KNOWN:
            warnings.append(f"{INIT_FILE}: unknown key {key!r} passed over")


def _data(tree: Tree, names: list[str], values: dict[str, JsonValue], place: Place) -> dict[str, Tree]:
    """Return the tree in which each file of test data lies; files of the folder go before those of the archive."""
    found: dict[str, Tree] = {}
    archive = values.get("archive")
    if archive is not None:
        if not isinstance(archive, str) or archive not in names:
            raise place.error(f"{str(archive)[:80]!r} is not in the folder", field="archive")
        inside = ZipTree(tree.read(archive))
        found.update(dict.fromkeys(inside.names(), inside))
    found.update(dict.fromkeys(names, tree))
    return found


def _statement(tree: Tree, names: list[str], place: Place, name: str, warnings: list[str]) -> Problem | None:
    """Return what the Markdown file beside init.yml says, or None if there is none."""
    texts = [one for one in names if "/" not in one and PurePosixPath(one).suffix.lower() == ".md"]
    wanted = [*_STATEMENTS, f"{name.lower()}.md"]
    texts.sort(key=lambda one: wanted.index(one.lower()) if one.lower() in wanted else len(wanted))
    if not texts or (len(texts) > 1 and texts[0].lower() not in wanted):
        warnings.append("there is no statement beside init.yml: add statement.md")
        return None
    here = Place(f"{place.file}/{texts[0]}")
    text = decode(tree.read(texts[0]), here)
    reader = read_front_matter if text.split("\n", 1)[0].rstrip() == FRONT_MATTER else read_plain
    read = reader(text, here)
    public = tuple(test for test in read.public_tests if test.type == "io")
    return read.model_copy(update={"public_tests": public})


def _limits(
    values: dict[str, JsonValue], given: Limits | None, place: Place, warnings: list[str]
) -> tuple[Limits, TimeRule]:
    limits = given if given is not None and given != Limits() else DEFAULT_LIMITS
    stated = limits is given
    update: dict[str, float | int] = {}
    if (time_s := _positive(values, "time_limit", place)) is not None:
        stated = True
        update["cpu_time_s"] = clip("time_limit", time_s, 0.001, 600, warnings)
    if (memory_kb := _positive(values, "memory_limit", place)) is not None:
        update["memory_mb"] = int(clip("memory_limit", memory_kb / 1024, 16, 16384, warnings))
    if not stated:
        warnings.append("the folder states no limits: 2 s and 256 MiB taken (front matter of the statement sets them)")
    if (size := _positive(values, "output_limit_length", place)) is not None:
        update["output_mb"] = clip("output_limit_length", size / 2**20, 0.001, 64, warnings)
    limits = limits.model_copy(update=update)
    factor = _positive(values, "wall_time_factor", place) or 3.0
    wall_s = clip("wall_time_factor", factor * limits.cpu_time_s, 0.001, 3600, warnings)
    return limits.model_copy(update={"wall_time_s": wall_s}), TimeRule(limit_given=stated)


def _positive(values: dict[str, JsonValue], key: str, place: Place) -> float | None:
    value = values.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e18:
        raise place.error("must be a positive number", field=key)
    return float(value)


def _file_io(values: dict[str, JsonValue], place: Place) -> tuple[str | None, str | None]:
    """Return the names of input and output file: of `file_io`, or of the older `io_redirects`."""
    found: dict[str, str] = {}
    named = values.get("file_io")
    if isinstance(named, dict):
        found = {key: str(named[key]) for key in ("input", "output") if named.get(key)}
    redirects = values.get("io_redirects")
    if isinstance(redirects, dict):
        for name, redirect in redirects.items():
            handle = redirect.get("fd") if isinstance(redirect, dict) else None
            side = {"0": "input", "stdin": "input", "1": "output", "stdout": "output"}.get(str(handle))
            if side is None:
                raise place.error("needs fd 0 or 1", field=f"io_redirects.{name[:40]}")
            found[side] = name
    for side, name in found.items():
        if "/" in name or name.startswith(".") or len(name) > 255:
            raise place.error("must be a plain file name", field=f"file_io.{side}")
    return found.get("input"), found.get("output")
