"""Test groups of problem packages: `testdata.yaml` (legacy) and `test_group.yaml` (2025-09), and what they inherit.

Settings of a legacy group hold for the groups inside it too, as problemtools reads them; of the newer format only the
arguments do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePosixPath

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Checker, TestGroup
from solvent.problems.readers.package_config import PackageConfig, default_checker, mapping, words
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place
from solvent.problems.readers.text import decode, parse_yaml

_FILES = ("testdata.yaml", "test_group.yaml")
_LEGACY_KEYS = frozenset({
    "on_reject", "grading", "grader_flags", "input_validator_flags", "output_validator_flags", "accept_score",
    "reject_score", "range",
})  # fmt: skip
_NEW_KEYS = frozenset({
    "max_score", "score_aggregation", "static_validation_score", "require_pass", "args", "input_validator_args",
    "static_validator_args", "output_validator_args", "input_visualizer_args", "output_visualizer_args",
    "full_feedback",
})  # fmt: skip
_DRAFT_KEYS = frozenset({"scoring", "static_validation", "hint", "description"})
_INHERITED = _LEGACY_KEYS | {"args", "output_validator_args"}
_SCORE_KEYS = frozenset({"max_score", "score_aggregation", "require_pass", "scoring"})
_AGGREGATIONS = {"sum": "sum", "min": "min", "max": "max", "avg": "avg", "pass-fail": "pass_fail"}


class GroupTree:
    """The groups of a package and what is set for them."""

    def __init__(self, tree: Tree, names: list[str], place: Place, config: PackageConfig, warnings: list[str]) -> None:
        self._config = config
        self._warnings = warnings
        self._place = place
        self._own: dict[str, dict[str, JsonValue]] = {}
        for name in names:
            path = PurePosixPath(name)
            if path.parts[0] == "data" and path.name in _FILES and len(path.parts) >= 2:
                group = "/".join(path.parts[1:-1])
                self._own.setdefault(group, {}).update(self._read(tree, name))
        used = {key for values in self._own.values() for key in values}
        self.is_legacy = config.is_legacy or (not config.is_strict and not used & _SCORE_KEYS)

    def _read(self, tree: Tree, name: str) -> dict[str, JsonValue]:
        here = Place(f"{self._place.file}/{name}")
        values = mapping(parse_yaml(decode(tree.read(name), here), here), here, None)
        for key in values:
            if key in _NEW_KEYS or (not self._config.is_strict and key in _LEGACY_KEYS | _DRAFT_KEYS):
                continue
            if self._config.is_strict:
                raise here.error("no such key in format 2025-09", field=key, remedy="remove it")
            self._warnings.append(f"{name}: unknown key {key!r} passed over")
        if values.get("static_validation_score") is not None or values.get("static_validation"):
            self._warnings.append(f"{name}: static validators are not run")
        return values

    def values(self, group: str) -> dict[str, JsonValue]:
        """Return what holds for a group: its own settings over those that it inherits."""
        above: dict[str, JsonValue] = {}
        if group:
            parent = self.values(group.rpartition("/")[0])
            above = {key: value for key, value in parent.items() if key in _INHERITED}
        return {**above, **self._own.get(group, {})}

    def flags(self, group: str) -> list[str]:
        """Return the output validator's arguments for the tests of a group."""
        values = self.values(group)
        own = values.get("output_validator_args", values.get("output_validator_flags"))
        if isinstance(own, dict):
            own = own.get("flags")
        return [*self._config.flags, *words(own, f"data/{group}: output_validator_flags")]

    def arguments(self, group: str) -> list[str]:
        """Return the program's arguments for the tests of a group."""
        return words(self.values(group).get("args"), f"data/{group}: args")

    def checker(self, flags: list[str]) -> Checker:
        """Return the checker that these arguments ask for; a custom one comes without its program."""
        if self._config.custom_validator:
            return Checker(type="custom", arguments=tuple(flags))
        fields = default_checker(flags, Place(f"{self._place.file}/problem.yaml"))
        return Checker.model_validate({**fields, "arguments": tuple(flags)})

    def home(self, folder: str) -> str:
        """Return the group of the tests in a folder: the folder, but no deeper than `secret/NAME` in newer formats."""
        if self.is_legacy:
            return folder
        return "/".join(folder.split("/")[: 2 if folder.startswith("secret/") else 1])

    def groups(self, folders: set[str], main: Checker) -> list[TestGroup]:
        """Return the groups, parents first; none if nothing is set and nothing is scored.

        Args:
            folders: those that hold tests, by their paths below `data/`.
            main: the problem's checker.

        Raises:
            DataError: a setting is wrong.
        """
        if not self._config.scoring and not self._own:
            return []
        paths = {""}
        for folder in folders:
            parts = self.home(folder).split("/")
            paths.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
        in_force: dict[str, Checker] = {}
        found = []
        for path in sorted(paths, key=lambda path: path.split("/") if path else []):
            above = in_force[path.rpartition("/")[0]] if path else main
            own = self.checker(self.flags(path)) if path else main
            bare: dict[str, object] = {"program": None, "files": {}}
            same = own.model_copy(update=bare) == above.model_copy(update=bare)
            in_force[path] = above if same else own
            build = self._legacy_group if self.is_legacy else self._new_group
            found.append(build(path, self.values(path), None if same else own))
        return found

    def _legacy_group(self, path: str, values: Mapping[str, JsonValue], checker: Checker | None) -> TestGroup:
        grading = self._config.grading
        where = f"data/{path}".rstrip("/")
        if values.get("grading", "default") != "default":
            self._warnings.append(f"{where}: custom graders are not run: the default one is used")
        on_reject = {"first_error": "break", "grade": "continue"}.get(str(grading.get("on_reject")))
        on_reject = on_reject or str(values.get("on_reject", "break"))
        if on_reject not in {"break", "continue"}:
            raise DataError("must be 'break' or 'continue'", field=f"{where}: on_reject")
        fields: dict[str, object] = {"name": path, "on_reject": on_reject, "checker": checker}
        for flag in words(values.get("grader_flags"), f"{where}: grader_flags"):
            if flag in {"worst_error", "first_error", "always_accept"}:
                fields["verdict"] = flag
            elif flag in {"sum", "avg", "min", "max"}:
                fields["aggregation"] = flag
            elif flag == "accept_if_any_accepted":
                fields["accept_if_any_accepted"] = True
            elif flag == "ignore_sample":
                fields["ignore_sample"] = not path
            else:
                self._warnings.append(f"{where}: the default grader has no flag {flag[:40]!r}: passed over")
        for key in ("accept_score", "reject_score"):
            value = grading.get(key, values.get(key))
            if value is not None:
                fields[key] = _number(value, f"{where}: {key}")
        fields["min_score"], fields["max_score"] = _range(grading.get("range", values.get("range")), where)
        return TestGroup.model_validate(fields)

    def _new_group(self, path: str, values: Mapping[str, JsonValue], checker: Checker | None) -> TestGroup:
        where = f"data/{path}".rstrip("/")
        values = {**_draft_scoring(values.get("scoring"), where), **values}
        if not self._config.scoring or path in {"", "sample"}:
            score = 0.0 if path == "sample" else 1.0
            return TestGroup(name=path, accept_score=score, checker=checker)
        named = str(values.get("score_aggregation") or ("sum" if path == "secret" else "pass-fail"))
        if named not in _AGGREGATIONS:
            raise DataError(f"must be one of {', '.join(_AGGREGATIONS)}", field=f"{where}: score_aggregation")
        most = values.get("max_score")
        if most is None:
            most = 100 if path == "secret" else "unbounded"
        required = values.get("require_pass") or []
        return TestGroup.model_validate({
            "name": path,
            "aggregation": _AGGREGATIONS[named],
            "on_reject": "continue" if named == "sum" or path == "secret" else "break",
            "accept_score": 0.0,
            "max_score": None if most == "unbounded" else _number(most, f"{where}: max_score"),
            "requires": tuple(str(one) for one in (required if isinstance(required, list) else [required])),
            "checker": checker,
        })  # fmt: skip


def points_per_test(group: TestGroup | None, values: Mapping[str, JsonValue], tests: int) -> float | None:
    """Return the greatest score of one test of a group in the newer format; None: its validator gives the score.

    Args:
        group: the group.
        values: its settings.
        tests: how many tests it has.
    """
    if group is None or group.max_score is None or group.aggregation == "pass_fail":
        return None
    if group.aggregation == "min":
        return group.max_score
    static = values.get("static_validation_score")
    own = group.max_score - (static if isinstance(static, int | float) and not isinstance(static, bool) else 0)
    return own / tests


def _draft_scoring(value: JsonValue, where: str) -> dict[str, JsonValue]:
    """Return the keys of today for the mapping `scoring` of the 2023-07 drafts."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DataError("must be a mapping", field=f"{where}: scoring")
    names = {"score": "max_score", "aggregation": "score_aggregation", "require_pass": "require_pass"}
    return {names[key]: item for key, item in value.items() if key in names}


def _number(value: JsonValue, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DataError("must be a number", field=field)
    return float(value)


def _range(value: JsonValue, where: str) -> tuple[float | None, float | None]:
    if value is None:
        return None, None
    try:
        low, high = (float(str(word)) for word in (value if isinstance(value, list) else str(value).split()))
    except (TypeError, ValueError) as error:
        raise DataError("must be two numbers", field=f"{where}: range") from error
    if math.isnan(low) or math.isnan(high):
        raise DataError("must be two numbers", field=f"{where}: range")
    return (low if math.isfinite(low) else None), (high if math.isfinite(high) else None)
