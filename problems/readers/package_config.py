"""`problem.yaml`, time limit files and validator flags of problem packages."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Limits
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place
from solvent.problems.readers.text import decode, parse_yaml

LEGACY = ("legacy", "legacy-icpc")
DRAFTS = ("2023-07-draft", "2023-07", "draft")
STRICT = "2025-09"
DEFAULT_CPU_TIME_S = 10.0
"""Packages may leave the limit to be set from the jury's times; a generous one rejects no right program."""
DEFAULT_LIMITS = {"memory": 1024.0, "output": 8.0, "compilation_time": 60.0, "compilation_memory": 1024.0}

_KEYS = frozenset({
    "problem_format_version", "type", "name", "uuid", "version", "credits", "source", "license", "rights_owner",
    "embargo_until", "limits", "keywords", "languages", "allow_file_writing", "constants",
})  # fmt: skip
_LEGACY_KEYS = frozenset({
    "problem_format_version", "type", "name", "uuid", "author", "source", "source_url", "license", "rights_owner",
    "limits", "validation", "validator_flags", "keywords", "grading", "show_test_data_groups",
})  # fmt: skip
_LIMIT_KEYS = frozenset({
    "time_multipliers", "time_limit", "time_resolution", "memory", "output", "code", "compilation_time",
    "compilation_memory", "validation_time", "validation_memory", "validation_output", "validation_passes",
})  # fmt: skip
_TYPES = frozenset({"pass-fail", "scoring", "interactive", "multi-pass", "submit-answer"})
_FLAG_FILES = (
    "data/testdata.yaml", "data/test_group.yaml", "data/secret/testdata.yaml", "data/secret/test_group.yaml",
)  # fmt: skip
_TIME_FILES = (".timelimit", "timelimit")


@dataclass(slots=True)
class PackageConfig:
    """What the configuration says, in our terms."""

    version: str
    name: str
    limits: Limits
    checker: dict[str, object]
    custom_validator: bool
    interactive: bool
    keywords: list[str]
    metadata: dict[str, JsonValue] = field(default_factory=dict)


def read_config(tree: Tree, names: list[str], place: Place, warnings: list[str]) -> PackageConfig:
    """Return the configuration; what is passed over is appended to `warnings`.

    Raises:
        DataError: a value is wrong, or (2025-09) a key is unknown or missing.
    """
    here = Place(f"{place.file}/problem.yaml")
    values = _mapping(parse_yaml(decode(tree.read("problem.yaml"), here), here), here, None)
    version = _text(values, "problem_format_version", here) or LEGACY[0]
    if version not in (*LEGACY, *DRAFTS, STRICT):
        known = ", ".join((*LEGACY, *DRAFTS, STRICT))
        raise here.error(f"{version[:40]!r} is not read", field="problem_format_version", remedy=f"known: {known}")
    _check_keys(values, version, here, warnings)
    types = _types(values, here)
    validation = (_text(values, "validation", here) or "default").split()
    is_legacy = version in LEGACY
    flags = _flags(tree, names, values, place, warnings)
    interactive = "interactive" in types or (is_legacy and "interactive" in validation)
    warnings.extend(f"type {name}: judged as pass-fail" for name in ("scoring", "multi-pass") if name in types)
    limits = _limits(tree, names, values, here, warnings)
    kept = ("uuid", "author", "credits", "source", "source_url", "license", "rights_owner", "type")
    has_validator = any(name.startswith(("output_validator/", "output_validators/")) for name in names)
    custom = validation[0] == "custom" if is_legacy else has_validator
    return PackageConfig(
        version=version,
        name=_name(values, version, here),
        limits=limits,
        checker={"arguments": tuple(flags)} if custom else {**_default_checker(flags, here), "arguments": tuple(flags)},
        custom_validator=custom,
        interactive=interactive,
        keywords=_keywords(values),
        metadata={key: values[key] for key in kept if values.get(key) is not None},
    )


def _mapping(value: JsonValue, place: Place, name: str | None) -> dict[str, JsonValue]:
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
        for key in _mapping(values.get("limits"), place, "limits"):
            if key not in _LIMIT_KEYS:
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
        if name not in _TYPES:
            raise place.error(
                f"{str(name)[:40]!r} is no type", field="type", remedy=f"known: {', '.join(sorted(_TYPES))}"
            )
    if "submit-answer" in types:
        raise place.error("submit-answer problems are not judged: there is no program to run", field="type")
    return [str(name) for name in types]


def _keywords(values: Mapping[str, JsonValue]) -> list[str]:
    value = values.get("keywords")
    if isinstance(value, list):
        return [str(item) for item in value]
    return value.split() if isinstance(value, str) else []


def _limits(tree: Tree, names: list[str], values: Mapping[str, JsonValue], place: Place, warnings: list[str]) -> Limits:
    given = _mapping(values.get("limits"), place, "limits")
    time_s = _positive(given, "time_limit", place)
    if time_s is None:
        time_s = _time_from_file(tree, names, place)
    if time_s is None:
        time_s = DEFAULT_CPU_TIME_S
        warnings.append(f"the package states no time limit: {DEFAULT_CPU_TIME_S:g} s taken")
    amounts = {key: _positive(given, key, place) or default for key, default in DEFAULT_LIMITS.items()}
    return Limits(
        cpu_time_s=_clip("time_limit", time_s, 0.001, 600, warnings),
        memory_mb=int(_clip("memory", amounts["memory"], 16, 16384, warnings)),
        output_mb=_clip("output", amounts["output"], 0.001, 64, warnings),
        compile_time_s=_clip("compilation_time", amounts["compilation_time"], 0.001, 600, warnings),
        compile_memory_mb=int(_clip("compilation_memory", amounts["compilation_memory"], 64, 16384, warnings)),
    )


def _positive(values: Mapping[str, JsonValue], name: str, place: Place) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0 or not math.isfinite(value):
        raise place.error("must be a positive number", field=f"limits.{name}")
    return float(value)


def _clip(name: str, value: float, low: float, high: float, warnings: list[str]) -> float:
    clipped = min(max(value, low), high)
    if clipped != value:
        warnings.append(f"limits.{name} {value:g} is out of our range: {clipped:g} taken")
    return clipped


def _time_from_file(tree: Tree, names: list[str], place: Place) -> float | None:
    present = set(names)
    for name in _TIME_FILES:
        if name in present:
            return _seconds(decode(tree.read(name), Place(f"{place.file}/{name}")), name)
    if "domjudge-problem.ini" in present:
        text = decode(tree.read("domjudge-problem.ini"), place)
        match = re.search(r"^\s*timelimit\s*=\s*['\"]?([^'\"\s]+)", text, re.MULTILINE)
        if match:
            return _seconds(match[1], "domjudge-problem.ini")
    return None


def _seconds(text: str, name: str) -> float:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*s?", text.strip())
    if not match or not 0 < float(match[1]) < math.inf:
        raise DataError(f"{text.strip()[:40]!r} is no number of seconds", field=name)
    return float(match[1])


def _flags(
    tree: Tree, names: list[str], values: Mapping[str, JsonValue], place: Place, warnings: list[str]
) -> list[str]:
    """Return the output validator's flags: of problem.yaml (legacy) and of the outermost test group that has any."""
    flags = _words(values.get("validator_flags"), "validator_flags")
    by_file: dict[str, list[str]] = {}
    for name in names:
        if name.startswith("data/") and name.endswith(("/testdata.yaml", "/test_group.yaml")):
            here = Place(f"{place.file}/{name}")
            group = _mapping(parse_yaml(decode(tree.read(name), here), here), here, None)
            own = group.get("output_validator_args", group.get("output_validator_flags"))
            if own is not None:
                by_file[name] = _words(own, name)
    chosen = next((by_file[name] for name in _FLAG_FILES if by_file.get(name)), None)
    if any(own != (chosen or []) for name, own in by_file.items() if name not in _FLAG_FILES):
        warnings.append("test groups have validator flags of their own: those of the whole are used")
    return [*flags, *(chosen or [])]


def _words(value: JsonValue, name: str) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        return [str(item) for item in value]
    try:
        return shlex.split(str(value))
    except ValueError as error:
        raise DataError(f"cannot be split into words: {error}", field=name) from error


def _default_checker(flags: list[str], place: Place) -> dict[str, object]:
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
