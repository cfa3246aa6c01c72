"""How long a user waits: help, first token of `solvent solve`, whole demo (`python -m solvent.benchmarks.startup`).

Each figure is the median (minimum to maximum) over RUNS whole processes, started one after the other.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

RUNS = 5
DEMO = Path(__file__).resolve().parent.parent / "examples" / "demo.md"


def timed_help() -> float:
    """Return the seconds of `solvent --help`."""
    started = time.perf_counter()
    subprocess.run(["solvent", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def timed_solve(home: Path) -> tuple[float, float]:
    """Return the seconds until the first token and until the end of `solvent solve` on the demo problem."""
    started = time.perf_counter()
    command = ["env", f"SOLVENT_HOME={home}", "solvent", "solve", str(DEMO)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        first = None
        for line in process.stderr:
            if first is None and line.rstrip().endswith("first token"):
                first = time.perf_counter() - started
    if process.returncode != 0 or first is None:
        raise SystemExit(f"the demo problem was not solved (exit {process.returncode})")
    return first, time.perf_counter() - started


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        timed_help()
        timed_solve(Path(folder))
        helps = [timed_help() for _ in range(RUNS)]
        solves = [timed_solve(Path(folder)) for _ in range(RUNS)]
    rows = {
        "solvent --help": helps,
        "solvent solve, first token": [first for first, _ in solves],
        "solvent solve, whole demo": [whole for _, whole in solves],
    }
    for name, values in rows.items():
        print(f"{name:28} {statistics.median(values):6.2f} s  ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
