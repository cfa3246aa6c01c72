"""What the service costs and how fast it answers, over real processes (`make bench-cluster`).

    python -m solvent.benchmarks.cluster [--quick] [--json FILE] [--only NAME]...

It starts its own Redis, PostgreSQL, API and workers, a scripted model server that answers instantly, and the bundled
model's server. Exit code 1 where a wanted figure is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from solvent.benchmarks import cluster_figures, cluster_throughput
from solvent.benchmarks.cluster_figures import Bench, Figure
from solvent.benchmarks.cluster_throughput import starter_server, vllm_is_there
from solvent.benchmarks.machine import busy_s, facts, pace_ms, stolen_s
from solvent.benchmarks.processes import solvent, started
from solvent.benchmarks.servers import postgres, redis

COMMAND = "make bench-cluster"
FIGURES = {**cluster_figures.FIGURES, **cluster_throughput.FIGURES}
VLLM = "throughput-vllm"


async def measure(names: list[str], *, quick: bool) -> dict[str, Any]:
    """Return the figures of these names, as JSON values."""
    measured: list[Figure] = []
    skipped: list[str] = []
    parts: list[dict[str, Any]] = []
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="solvent-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        # PostgreSQL runs as another user.
        folder.chmod(0o755)  # noqa: ASYNC240  # before anything runs
        model = [sys.executable, "-m", "solvent.benchmarks.cluster_model"]
        scripted = stack.enter_context(
            started(model, r"serving at (http://\S+/v1)", os.environ, folder / "scripted.log")
        )
        command = solvent("models", "serve", "starter", "--port", "0", "--threads", "1", "--max-running", "64")
        bench = Bench(
            folder,
            stack.enter_context(postgres(folder / "postgres")),
            stack.enter_context(redis(folder / "redis")),
            scripted.said,
            partial(starter_server, folder, command),
            quick,
        )
        for figure in names:
            if figure == VLLM and not vllm_is_there():
                skipped.append(f"{VLLM}: .venv-vllm is not there; scripts/setup_vllm.sh makes it (3 GB)")
                print(f"skipped: {skipped[-1]}", file=sys.stderr)
                continue
            pace, began, busy, stolen = pace_ms(), time.monotonic(), busy_s(), stolen_s()
            found = await FIGURES[figure](bench)
            seconds = time.monotonic() - began
            part = {
                "name": figure,
                "seconds": round(seconds, 1),
                "cores_busy": round((busy_s() - busy) / seconds, 2),
                "cores_stolen": round((stolen_s() - stolen) / seconds, 2),
                "pace_ms": round((pace + pace_ms()) / 2, 1),
            }
            parts.append(part)
            print(
                f"{figure}: {seconds:.0f} s, {part['cores_busy']} cores busy, {part['cores_stolen']} lost to the host; "
                f"a fixed piece of Python takes {part['pace_ms']} ms",
                file=sys.stderr,
            )
            for one in found:
                print(_line(one), file=sys.stderr, flush=True)
            measured += found
    return {
        "command": COMMAND,
        "quick": quick,
        "machine": {**facts(), "load_before": round(load, 2)},
        "parts": parts,
        "figures": [_json(one) for one in measured],
        "skipped": skipped,
    }


def _json(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "what": figure.what,
        "unit": figure.unit,
        "min": min(figure.values),
        "median": statistics.median(figure.values),
        "max": max(figure.values),
        "runs": len(figure.values),
        "wanted": figure.wanted,
        "at_least": figure.at_least,
        "compared": "worst" if figure.worst else "median",
        "holds": figure.holds,
        "notes": figure.notes,
    }


def _line(figure: Figure) -> str:
    least, middle, most = min(figure.values), statistics.median(figure.values), max(figure.values)
    sign = ">=" if figure.at_least else "<"
    wanted = "" if figure.wanted is None else f"wanted {sign} {figure.wanted:g}"
    holds = {None: "", True: "holds", False: "MISSED"}[figure.holds]
    notes = "; ".join(f"{name} {value:.2f}" for name, value in figure.notes.items())
    first = f"{figure.name:20} {least:9.2f} {middle:9.2f} {most:9.2f} {figure.unit:3} {wanted:14} {holds:7}"
    return f"{first} {figure.what}" + (f"\n{'':20} {notes}" if notes else "")


def main() -> None:
    """Read the options, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: about five minutes")
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    parser.add_argument("--only", action="append", choices=list(FIGURES), help="this part; may be repeated")
    given = parser.parse_args()
    # As Ctrl-C does: leave through the context managers, which stop the servers.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    report = asyncio.run(measure(given.only or list(FIGURES), quick=given.quick))
    about = report["machine"]
    print(
        f"{about['processor']}, {about['cores']} cores, kernel {about['kernel']}, {about['python']}, "
        f"commit {about['commit']}, {about['date']}, load before {about['load_before']}"
    )
    print(f"{'':20} {'least':>9} {'median':>9} {'most':>9}")
    for one in report["figures"]:
        values = Figure(
            one["name"],
            one["what"],
            one["unit"],
            [one["min"], one["median"], one["max"]],
            one["wanted"],
            one["at_least"],
            one["compared"] == "worst",
            one["notes"],
        )
        print(_line(values))
    for why in report["skipped"]:
        print(f"skipped: {why}")
    if given.json is not None:
        given.json.write_text(json.dumps(report, indent=1) + "\n")
    sys.exit(0 if all(one["holds"] is not False for one in report["figures"]) else 1)


if __name__ == "__main__":
    main()
