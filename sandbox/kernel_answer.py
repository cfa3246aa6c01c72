"""What a kernel answers about a cell, checked: a hostile cell may have written it."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from solvent.sandbox.tool_results import CellError, CellResult, CellStatus, CellValue, ToolFile

_PNG = b"\x89PNG\r\n\x1a\n"
_OUT_OF_MEMORY_SIGNAL = 9

Text = Annotated[str, StringConstraints(max_length=1 << 20)]
Name = Annotated[str, StringConstraints(max_length=4096)]
Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=-1, lt=1 << 53)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Value(_Answer):
    repr: Text
    type: Text
    cut: bool = False
    text: Text | None = None
    latex: Text | None = None


class _Error(_Answer):
    type: Text
    message: Text
    traceback: Text = ""
    line: Count | None = None
    hint: Text | None = None


class _Report(_Answer):
    value: _Value | None = None
    error: _Error | None = None
    figures: list[str] = Field(default=[], max_length=64)


class _End(_Answer):
    exit_code: Count | None = None
    signal: Count | None = None


class FileList(_Answer):
    """Names and sizes of files."""

    files: list[list[Name | Count]] = Field(max_length=1000)

    def tool_files(self) -> tuple[ToolFile, ...]:
        """Return those that are well-formed."""
        found = []
        for entry in self.files:
            match entry:
                case [str(name), int(size)] if size >= 0:
                    found.append(ToolFile(name=name, size_bytes=size))
        return tuple(found)


class CellAnswer(FileList):
    """The answer to one cell."""

    status: Literal["ok", "timeout", "cpu", "interrupted", "output", "died", "broken"]
    report: _Report | None
    died: _End
    killed: Count
    alive: bool
    output: Text
    output_bytes: Count
    wall_s: Seconds
    cpu_s: Seconds
    memory_bytes: Count


def clean(answer: Any) -> Any:
    """Return the answer without lone surrogates, which no text may hold."""
    if isinstance(answer, str):
        return answer.encode("utf-8", errors="replace").decode()
    if isinstance(answer, list):
        return [clean(item) for item in answer]
    if isinstance(answer, dict):
        return {clean(key): clean(item) for key, item in answer.items()}
    return answer


def result_of(answer: CellAnswer, number: int, wall_limit_s: float, cpu_limit_s: float) -> CellResult:
    """Return the result of a cell."""
    report = answer.report or _Report()
    status, why = _status(answer, wall_limit_s, cpu_limit_s)
    lost = None if answer.alive else (why or "processes that it had started could not be ended")
    error = CellError(**report.error.model_dump()) if report.error is not None else None
    if status not in ("ok", "error"):
        message = f"{why}; the variables are {'kept' if answer.alive else 'lost'}"
        error = CellError(
            type=_TYPES.get(status, "Stopped"),
            message=message,
            traceback=error.traceback if error is not None else "",
            line=error.line if error is not None else None,
        )
    return CellResult(
        number=number,
        status=status,
        value=CellValue(**report.value.model_dump()) if report.value is not None and status == "ok" else None,
        output=answer.output,
        output_bytes=max(0, answer.output_bytes),
        error=error,
        figures=_figures(report.figures),
        files=answer.tool_files(),
        state_lost=lost is not None,
        lost_because=lost,
        stopped_processes=max(0, answer.killed),
        cpu_s=answer.cpu_s,
        wall_s=answer.wall_s,
        memory_mb=round(max(0, answer.memory_bytes) / (1 << 20), 2),
    )


_TYPES = {"timeout": "TimeoutError", "interrupted": "KeyboardInterrupt"}


def _status(answer: CellAnswer, wall_limit_s: float, cpu_limit_s: float) -> tuple[CellStatus, str]:
    """Return the status and, where the cell was stopped, why."""
    match answer.status:
        case "timeout":
            return "timeout", f"stopped after {wall_limit_s:g} s"
        case "cpu":
            return "timeout", f"stopped after {cpu_limit_s:g} s of CPU time"
        case "interrupted":
            return "interrupted", "interrupted"
        case "output":
            return "output", f"stopped after it had printed {answer.output_bytes} bytes"
        case "broken":
            return "died", "its process answered out of turn"
    if answer.report is not None and answer.status == "ok":
        return ("error" if answer.report.error is not None else "ok"), ""
    if answer.died.signal is not None:
        memory = " (perhaps for want of memory)" if answer.died.signal == _OUT_OF_MEMORY_SIGNAL else ""
        return "died", f"its process was ended by signal {answer.died.signal}{memory}"
    if answer.died.exit_code is not None:
        return "died", f"its process ended with exit code {answer.died.exit_code}"
    return "died", "its process ended"


def _figures(texts: list[str]) -> tuple[bytes, ...]:
    found = []
    for text in texts:
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if data.startswith(_PNG):
            found.append(data)
    return tuple(found)
