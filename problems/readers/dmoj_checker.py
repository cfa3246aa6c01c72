"""Checkers and interactors of DMOJ problem folders (https://docs.dmoj.ca/#/problem_format/custom_checkers)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from pydantic import JsonValue

from solvent.problems.problem import Checker, Interactor, Solution
from solvent.problems.readers.package_config import words
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place
from solvent.problems.readers.program_files import is_header, language_name, language_of, main_file, source_text

STANDARD = Checker(type="line_tokens", case_sensitive=True)
_PLAIN: dict[str, Checker] = {
    "standard": STANDARD,
    "easy": Checker(type="characters"),
    "identical": Checker(type="exact"),
    "linecount": Checker(type="line_count", case_sensitive=True),
    "rstripped": Checker(type="lines", case_sensitive=True),
    "unordered": Checker(type="unordered_tokens", case_sensitive=True),
}
_BRIDGED_TYPES = ("default", "testlib", "coci")


def read_checker(value: JsonValue, tree: Tree, data: Mapping[str, Tree], place: Place) -> Checker:
    """Return the checker that `checker` names; nothing is the standard one.

    Args:
        value: the value of the key.
        tree: the folder.
        data: where each file lies.
        place: init.yml, for errors.

    Raises:
        DataError: there is no such checker, an argument is wrong, or its file is missing.
    """
    if value is None:
        return STANDARD
    arguments: dict[str, JsonValue] = {}
    if isinstance(value, dict):
        given = value.get("args") or {}
        if not isinstance(given, dict):
            raise place.error("must be a mapping", field="checker.args")
        name, arguments = value.get("name"), given
    else:
        name = value
    if not isinstance(name, str) or not name:
        raise place.error("must be a name, or a mapping with a name", field="checker")
    if name in _PLAIN:
        return _PLAIN[name]
    if name in {"floats", "floatsabs", "floatsrel"}:
        return _floats(name, arguments, place)
    if name == "sorted":
        split_on = arguments.get("split_on") or "lines"
        if split_on not in ("lines", "whitespace"):
            raise place.error("must be 'lines' or 'whitespace'", field="checker.args.split_on")
        kind = "unordered_line_tokens" if split_on == "lines" else "unordered_tokens"
        return Checker.model_validate({"type": kind, "case_sensitive": True})
    if name == "bridged":
        program, files, call = _bridged(arguments, data, place, "checker.args", "{input} {output} {answer}")
        return Checker(type="custom", style="testlib", program=program, files=files, call=call)
    if name.endswith(".py"):
        if name not in data:
            raise place.error(f"{name[:80]!r} is not in the folder", field="checker")
        program = Solution(language="python", source=source_text(data[name], name), name=PurePosixPath(name).name)
        return Checker(type="custom", style="python", program=program, keywords=arguments)
    known = ", ".join(sorted([*_PLAIN, "floats", "floatsabs", "floatsrel", "sorted", "bridged"]))
    raise place.error(f"{name[:40]!r} is not supported", field="checker", remedy=f"known: {known}, or a .py file")


def read_interactor(
    tree: Tree, data: Mapping[str, Tree], values: Mapping[str, JsonValue], place: Place
) -> Interactor | None:
    """Return the interactor, or None if the problem is not interactive.

    Raises:
        DataError: its file is missing, or its type is not supported.
    """
    value = values.get("interactive")
    if value is None or value is False:
        return None
    if not isinstance(value, dict):
        raise place.error("must be a mapping with 'files'", field="interactive")
    kind = value.get("type") or "default"
    template = "{input} {output} {answer}" if kind == "testlib" else "{input} {answer}"
    program, files, call = _bridged(value, data, place, "interactive", template)
    return Interactor(program=program, files=files, style="testlib", call=call)


def _floats(name: str, arguments: Mapping[str, JsonValue], place: Place) -> Checker:
    precision = arguments.get("precision", 6)
    try:
        digits = int(str(precision))
    except ValueError as error:
        raise place.error("must be a whole number", field="checker.args.precision") from error
    if not 0 <= digits <= 300:
        raise place.error("must be from 0 to 300", field="checker.args.precision")
    mode = {"floatsabs": "absolute", "floatsrel": "relative"}.get(name, str(arguments.get("error_mode") or "default"))
    if mode not in {"default", "hybrid", "absolute", "relative"}:
        raise place.error("must be default, absolute or relative", field="checker.args.error_mode")
    tolerance = 10.0**-digits
    return STANDARD.model_copy(
        update={
            "absolute_tolerance": None if mode == "relative" else tolerance,
            "relative_tolerance": None if mode == "absolute" else tolerance,
        }
    )


def _bridged(
    arguments: Mapping[str, JsonValue], data: Mapping[str, Tree], place: Place, field: str, template: str
) -> tuple[Solution, dict[str, str], tuple[str, ...]]:
    """Return the program of a bridged checker or interactor, the files beside it, and how it is called."""
    kind = arguments.get("type") or "default"
    if kind not in _BRIDGED_TYPES:
        raise place.error(f"must be one of {', '.join(_BRIDGED_TYPES)}", field=f"{field}.type")
    given = arguments.get("files")
    listed = [str(one) for one in given] if isinstance(given, list) else [given] if isinstance(given, str) else []
    if not listed:
        raise place.error("must be a file or a list of files", field=f"{field}.files")
    for name in listed:
        if name not in data:
            raise place.error(f"{name[:80]!r} is not in the folder", field=f"{field}.files")
    texts = {name: source_text(data[name], name) for name in listed}
    headers = {name: tree for name, tree in data.items() if is_header(name) and name not in texts and "/" not in name}
    texts.update({name: source_text(tree, name) for name, tree in headers.items()})
    language = language_name(str(arguments.get("lang") or "")) or language_of(listed[0], texts[listed[0]]) or ""
    main = listed[0] if len(listed) == 1 else main_file({name: texts[name] for name in listed}, language)
    if main is None:
        raise place.error(f"none of them is in {language}", field=f"{field}.files")
    call = arguments.get("args")
    arguments_given = words(call if isinstance(call, str) and call else template, f"{field}.args")
    style_own = ["{input}", "{output}", "{answer}"]
    program = Solution(language=language, source=texts[main], name=PurePosixPath(main).name)
    files = {PurePosixPath(name).name: text for name, text in texts.items() if name != main}
    return program, files, () if arguments_given == style_own else tuple(arguments_given)
