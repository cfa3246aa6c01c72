"""What the Python tool takes and returns: limits, results of cells, files."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolLimits(_Frozen):
    """Limits of one session."""

    cell_wall_s: float = Field(default=30.0, gt=0, le=3600)
    """Of a cell that names no time-out of its own."""
    cell_cpu_s: float = Field(default=30.0, gt=0, le=3600)
    grace_s: float = Field(default=1.0, gt=0, le=60)
    """From the interrupt of a cell that is over a limit to the end of its process, and of all variables."""
    total_cpu_s: float = Field(default=600.0, gt=0)
    cells: int = Field(default=500, ge=1)
    life_s: float = Field(default=6 * 3600.0, gt=0)
    """Wall-clock time after which the process is ended; the next cell starts a new one."""
    memory_mb: int = Field(default=1024, ge=128)
    """numpy, sympy and matplotlib together want 512, most of which they reserve without using it."""
    processes: int = Field(default=64, ge=8)
    output_bytes: int = Field(default=64 << 10, ge=256)
    """Of each cell, of what it printed: the rest is left out in the middle."""
    flood_bytes: int = Field(default=16 << 20, ge=1024)
    """A cell that prints more is stopped."""
    value_characters: int = Field(default=20_000, ge=16)
    traceback_characters: int = Field(default=8_000, ge=256)
    figures: int = Field(default=8, ge=0, le=64)
    """Of each cell."""
    figure_bytes: int = Field(default=2 << 20, ge=0, le=8 << 20)
    file_bytes: int = Field(default=16 << 20, ge=0, le=32 << 20)
    """Of a file that is read or written through the tool."""


CellStatus = Literal["ok", "error", "timeout", "interrupted", "output", "memory", "died", "limit"]
"""`error`: it raised. `timeout`: over its wall-clock or CPU limit. `interrupted`: by the caller. `output`: it printed
without end. `memory`: the whole session was over its memory limit (a MemoryError is an `error`). `died`: its process
ended. `limit`: not run, since a limit of the whole session is used up."""


class CellValue(_Frozen):
    """The value of a cell's last line, where that is an expression other than None."""

    repr: str
    """Cut in the middle if it is long."""
    type: str
    cut: bool = False
    text: str | None = None
    """str() of an object of sympy."""
    latex: str | None = None
    """The same as LaTeX."""


class CellError(_Frozen):
    """What a cell raised, or why it was stopped."""

    type: str
    message: str
    traceback: str = ""
    line: int | None = None
    """Of the cell, counted from 1: the innermost that was reached."""
    hint: str | None = None
    """What to do instead, for what cannot work here."""


class ToolFile(_Frozen):
    """A file in the session's directory."""

    name: str
    """Relative path."""
    size_bytes: int


class CellResult(_Frozen):
    """What one cell did. All texts come from the program: data, not instructions."""

    number: int
    """Of the cell in its session, counted from 1."""
    status: CellStatus
    value: CellValue | None = None
    output: str = ""
    """Standard output and standard error in the order in which they were written."""
    output_bytes: int = 0
    """Of all that it printed; more than `output` holds if that was cut."""
    error: CellError | None = None
    figures: tuple[bytes, ...] = Field(default=(), repr=False)
    """Figures of matplotlib as PNG: those shown, and those left open."""
    files: tuple[ToolFile, ...] = ()
    """Files that this cell has made or changed, at most 1,000."""
    state_lost: bool = False
    """Variables of earlier cells are gone, before or by this cell; `lost_because` tells why."""
    lost_because: str | None = None
    replayed: int = 0
    """Earlier cells that were run again before this one, to bring lost variables back."""
    stopped_processes: int = 0
    """Processes that the cell had left running and that were ended with it."""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    memory_mb: float = 0.0
    """After the cell."""

    def describe(self) -> str:
        """Return it as a text for a model or a person: output, value, error, and what else has to be known."""
        parts = [self.output.rstrip()] if self.output.strip() else []
        if self.value is not None:
            parts.append(self.value.text or self.value.repr)
        if self.error is not None:
            parts.append(self.error.traceback.rstrip() or f"{self.error.type}: {self.error.message}")
            parts.extend([self.error.hint] if self.error.hint else [])
        if self.status not in ("ok", "error") and self.error is not None and self.error.traceback:
            parts.append(f"[{self.error.message}]")
        if self.figures:
            parts.append(f"[{len(self.figures)} figure{'s' if len(self.figures) > 1 else ''}]")
        if self.state_lost:
            parts.append(f"[the variables of earlier cells are lost: {self.lost_because}]")
        return "\n".join(parts)
