"""Calls a checker that is a Python module, as the DMOJ judge does: `check(process_output, judge_output, **kwargs)`.

Runs in a box. The outputs are files that only this program reads, and the answer is a file of its own, so that neither
what a contestant printed nor what the checker prints can be taken for the answer.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import traceback
import types
from pathlib import Path
from typing import Any

DATA = Path("solvent_data")


class CheckerResult:
    """What a checker may return instead of True or False."""

    def __init__(self, passed: Any, points: Any, feedback: Any = None, extended_feedback: Any = None) -> None:
        self.passed = passed
        self.points = points
        self.feedback = feedback
        self.extended_feedback = extended_feedback


def utf8text(value: Any, errors: str = "strict") -> Any:
    """Return bytes as text."""
    return value.decode("utf-8", errors) if isinstance(value, bytes) else value


def utf8bytes(value: Any) -> Any:
    """Return text as bytes."""
    return value.encode("utf-8") if isinstance(value, str) else value


def provide_names() -> None:
    """Make the modules that such checkers import."""
    names: dict[str, dict[str, Any]] = {
        "dmoj": {},
        "dmoj.result": {"CheckerResult": CheckerResult},
        "dmoj.utils": {},
        "dmoj.utils.unicode": {"utf8text": utf8text, "utf8bytes": utf8bytes},
    }
    for name, contents in names.items():
        module = types.ModuleType(name)
        module.__dict__.update(contents)
        module.__path__ = []
        sys.modules[name] = module
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Call the checker and return its answer as JSON values."""
    provide_names()
    keywords = {**request["keywords"], "judge_input": (DATA / "input").read_bytes()}
    keywords["submission_source"] = (DATA / "source").read_bytes()
    try:
        check = importlib.import_module(request["module"]).check
        known = inspect.signature(check).parameters.values()
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known):
            names = {parameter.name for parameter in known}
            keywords = {name: value for name, value in keywords.items() if name in names}
        result = check((DATA / "output").read_bytes(), (DATA / "answer").read_bytes(), **keywords)
    except UnicodeDecodeError:
        # As the DMOJ judge has it: what is not Unicode is wrong, and the checker need not care.
        return {"passed": False, "feedback": "the output is not valid Unicode"}
    except BaseException as error:  # noqa: BLE001  whatever a checker does, the judge must hear of it
        return {"error": "".join(traceback.format_exception(error))[-2000:]}
    if not isinstance(result, CheckerResult):
        return {"passed": bool(result)}
    feedback = result.feedback or result.extended_feedback or ""
    return {"passed": bool(result.passed), "points": float(result.points or 0), "feedback": str(feedback)[:4000]}


def main() -> None:
    """Read the request, write the answer."""
    request = json.loads((DATA / "request.json").read_bytes())
    sys.stdout = sys.stderr
    sys.path.insert(0, "")
    said = answer(request)
    (DATA / "answer.json").write_text(json.dumps({"token": request["token"], **said}))


main()
