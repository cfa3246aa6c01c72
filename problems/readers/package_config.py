"""`problem.yaml` of problem packages, and the default output validator's flags."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Limits, TimeRule
from solvent.problems.readers.package_limits import LIMIT_KEYS, read_limits, read_passes, read_validation_limits
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place
from solvent.problems.readers.program_files import language_name
from solvent.problems.readers.text import decode, parse_yaml

LEGACY = ("legacy", "legacy-icpc")
DRAFTS = ("2023-07-draft", "2023-07", "draft")
STRICT = "2025-09"
_KEYS = frozenset({
    "problem_format_version", "type", "name", "uuid", "version", "credits", "source", "license", "rights_owner",
    "embargo_until", "limits", "keywords", "languages", "allow_file_writing", "constants",
})  # fmt: skip
_LEGACY_KEYS = frozenset({
    "problem_format_version", "type", "name", "uuid", "author", "source", "source_url", "license", "rights_owner",
    "limits", "validation", "validator_flags", "keywords", "grading", "show_test_data_groups",
})  # fmt: skip
_TYPES = frozenset({"pass-fail", "scoring", "interactive", "multi-pass", "submit-answer"})


@dataclass(slots=True)
class PackageConfig:
    """What problem.yaml says, in our terms."""

    version: str
    name: str
    limits: Limits
    time_rule: TimeRule
    validation_limits: Limits | None
    flags: list[str]
    """The output validator's, of all tests (legacy)."""
    custom_validator: bool
    interactive: bool
    scoring: bool
    objective: str
    passes: int
    keywords: list[str]
    languages: list[str]
    constants: dict[str, str]
    grading: dict[str, JsonValue]
    """`grading` (legacy): may hold what belongs into testdata.yaml."""
    metadata: dict[str, JsonValue] = field(default_factory=dict)

    @property
    def is_legacy(self) -> bool:
        """Whether the package is in the legacy format."""
        return self.version in LEGACY

    @property
    def is_strict(self) -> bool:
        """Whether unknown keys are errors."""
        return self.version == STRICT


def read_config(tree: Tree, names: list[str], place: Place, warnings: list[str]) -> PackageConfig:
    """Return the configuration; what is passed over is appended to `warnings`.

    Raises:
        DataError: a value is wrong, or (2025-09) a key is unknown or missing.
    """
    here = Place(f"{place.file}/problem.yaml")
    values = mapping(parse_yaml(decode(tree.read("problem.yaml"), here), here), here, None)
    version = _text(values, "problem_format_version", here) or LEGACY[0]
    if version not in (*LEGACY, *DRAFTS, STRICT):
        known = ", ".join((*LEGACY, *DRAFTS, STRICT))
        raise here.error(f"{version[:40]!r} is not read", field="problem_format_version", remedy=f"known: {known}")
    _check_keys(values, version, here, warnings)
    types = _types(values, here)
    validation = (_text(values, "validation", here) or "default").split()
    if validation[0] not in {"default", "custom"}:
        raise here.error("must begin with 'default' or 'custom'", field="validation")
    is_legacy = version in LEGACY
    given = mapping(values.get("limits"), here, "limits")
    limits, time_rule = read_limits(tree, names, given, here, warnings, legacy=is_legacy)
    grading = mapping(values.get("grading"), here, "grading")
    kept = ("uuid", "author", "credits", "source", "source_url", "license", "rights_owner", "type")
    has_validator = any(name.startswith(("output_validator/", "output_validators/")) for name in names)
    return PackageConfig(
        version=version,
        name=_name(values, version, here),
        limits=limits,
        time_rule=time_rule,
        validation_limits=read_validation_limits(given, here, warnings),
        flags=words(values.get("validator_flags"), "validator_flags"),
        custom_validator=validation[0] == "custom" if is_legacy else has_validator,
        interactive="interactive" in types or (is_legacy and "interactive" in validation),
        scoring="scoring" in types,
        objective=_objective(grading, here),
        passes=read_passes(given, here) if "multi-pass" in types or "multi-pass" in validation else 1,
        keywords=_keywords(values),
        languages=_languages(values, here),
        constants=_constants(values, here),
        grading=grading,
        metadata={key: values[key] for key in kept if values.get(key) is not None},
    )


def mapping(value: JsonValue, place: Place, name: str | None) -> dict[str, JsonValue]:
    """Return a value that must be a mapping; nothing is an empty one.

    Raises:
        DataError: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise place.error("must be a mapping", field=name)
    return value


def _text(values: Mapping[str, JsonValue], name: str, place: Place) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool | dict | list):
        raise place.error("must be text", field=name)
    return str(value).strip()


def _check_keys(values: Mapping[str, JsonValue], version: str, place: Place, warnings: list[str]) -> None:
    known = _KEYS if version == STRICT else _KEYS | _LEGACY_KEYS
    for key in values:
        if key not in known:
            if version == STRICT:
                raise place.error("no such key in format 2025-09", field=key, remedy="remove it")
            warnings.append(f"problem.yaml: unknown key {key!r} passed over")
    if version == STRICT:
        for key in mapping(values.get("limits"), place, "limits"):
            if key not in LIMIT_KEYS:
                raise place.error("no such key in format 2025-09", field=f"limits.{key}", remedy="remove it")
        if not values.get("uuid"):
            warnings.append("problem.yaml: format 2025-09 asks for a uuid")


def _name(values: Mapping[str, JsonValue], version: str, place: Place) -> str:
    value = values.get("name")
    if isinstance(value, dict):
        value = value.get("en") or next(iter(value.values()), None)
    if value is None and version == STRICT:
        raise place.error("is missing", field="name", remedy="add it")
    if value is not None and not isinstance(value, str):
        raise place.error("must be text, or texts by language", field="name")
    return (value or "").strip()


def _types(values: Mapping[str, JsonValue], place: Place) -> list[str]:
    value = values.get("type") or "pass-fail"
    types = value if isinstance(value, list) else str(value).split()
    for name in types:
        if str(name) not in _TYPES:
            raise place.error(
                f"{str(name)[:40]!r} is no type", field="type", remedy=f"known: {', '.join(sorted(_TYPES))}"
            )
    if len(set(map(str, types))) < len(types) or {"pass-fail", "scoring"} <= set(map(str, types)):
        raise place.error("names a type twice, or both pass-fail and scoring", field="type")
    if "submit-answer" in types:
        raise place.error("submit-answer problems are not judged: there is no program to run", field="type")
    return [str(name) for name in types]


def _keywords(values: Mapping[str, JsonValue]) -> list[str]:
    value = values.get("keywords")
    if isinstance(value, list):
        return [str(item) for item in value]
    return value.split() if isinstance(value, str) else []


def _languages(values: Mapping[str, JsonValue], place: Place) -> list[str]:
    value = values.get("languages")
    if value is None or value == "all":
        return []
    codes: list[JsonValue] = [*value.split()] if isinstance(value, str) else value if isinstance(value, list) else []
    if not codes or not all(isinstance(item, str) for item in codes):
        raise place.error("must be 'all' or a list of languages", field="languages")
    return list(dict.fromkeys(language_name(str(item)) for item in codes))


def _constants(values: Mapping[str, JsonValue], place: Place) -> dict[str, str]:
    constants = mapping(values.get("constants"), place, "constants")
    for name, value in constants.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise place.error("is no name of a constant", field=f"constants.{name[:40]}")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise place.error("must be a number or text", field=f"constants.{name}")
    return {name: str(value) for name, value in constants.items()}


def _objective(grading: Mapping[str, JsonValue], place: Place) -> str:
    value = grading.get("objective") or "max"
    if value not in ("min", "max"):
        raise place.error("must be 'min' or 'max'", field="grading.objective")
    return str(value)


def words(value: JsonValue, name: str) -> list[str]:
    """Return arguments that are given as a list, or as one text that a shell would split.

    Raises:
        DataError: the text has an open quote.
    """
    if value is None:
        return []
    if isinstance(value, list):
        return [str(item) for item in value]
    try:
        return shlex.split(str(value))
    except ValueError as error:
        raise DataError(f"cannot be split into words: {error}", field=name) from error


def default_checker(flags: list[str], place: Place) -> dict[str, object]:
    """Return the checker that the default validator's flags describe.

    Raises:
        DataError: a flag is unknown or lacks its number.
    """
    checker: dict[str, object] = {}
    names = {
        "float_tolerance": ("absolute_tolerance", "relative_tolerance"),
        "float_absolute_tolerance": ("absolute_tolerance",),
        "float_relative_tolerance": ("relative_tolerance",),
    }
    words = iter(flags)
    for word in words:
        if word == "case_sensitive":
            checker["case_sensitive"] = True
        elif word == "space_change_sensitive":
            checker["space_sensitive"] = True
        elif word in names:
            number = next(words, "")
            if not re.fullmatch(r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?", number) or not math.isfinite(float(number)):
                raise place.error(f"{word} needs a number, not {number[:20]!r}", field="validator_flags")
            checker.update(dict.fromkeys(names[word], float(number)))
        else:
            raise place.error(f"the default validator has no flag {word[:40]!r}", field="validator_flags")
    return checker
