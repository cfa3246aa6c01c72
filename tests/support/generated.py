"""Runs programs that our own generator wrote, in this process."""

from __future__ import annotations

import contextlib
import io
import sys
from ast import literal_eval
from typing import Any

import pytest

from solvent.training.families import Sample


def run_reference(sample: Sample, stdin: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the reference program gives for an example's input, as an example holds it."""
    names: dict[str, Any] = {}
    if sample.kind == "function":
        exec(sample.program, names)
        return repr(names[sample.entry_point](*literal_eval(f"({stdin},)")))
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin + "\n"))
    with contextlib.redirect_stdout(printed):
        exec(sample.program, names)
    return printed.getvalue().removesuffix("\n")
