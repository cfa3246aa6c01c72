"""What the machine does meanwhile: whether it is quiet, and who used the processors."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import resource
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from solvent.sandbox import cgroups

QUIET_CORES = 0.3
"""A machine is quiet when less than so many cores are busy ..."""
QUIET_S = 0.5
"""... for so long."""
_TICKS = os.sysconf("SC_CLK_TCK")


def busy_s() -> float:
    """Return the seconds that all processors of this machine have worked since it started."""
    fields = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]
    user, nice, system, _, _, irq, softirq, *_ = fields
    return (user + nice + system + irq + softirq) / _TICKS


def stolen_s() -> float:
    """Return the seconds for which the host gave busy processors to others; 0 where it does not tell."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    return int(fields[7]) / _TICKS if len(fields) > 7 else 0.0


def pace_ms() -> float:
    """Return the processor time of a fixed piece of Python, least of five: where it differs, figures do not compare."""
    found = []
    for _ in range(5):
        began = time.process_time()
        rows = [{"place": place, "text": f"row {place}", "sums": [place, place * place]} for place in range(4000)]
        sorted(json.loads(json.dumps(rows)), key=lambda row: (-row["sums"][1] % 977, row["text"]))
        found.append((time.process_time() - began) * 1000)
    return min(found)


async def wait_until_quiet(patience_s: float) -> bool:
    """Wait for a quiet machine; returns False if it did not become quiet within `patience_s`."""
    end = time.monotonic() + patience_s
    while True:
        started, before = time.monotonic(), busy_s()
        await asyncio.sleep(QUIET_S)
        now = time.monotonic()
        if (busy_s() - before) / (now - started) < QUIET_CORES:
            return True
        if now > end:
            return False


@dataclass(frozen=True)
class Cpu:
    """Processor seconds: this process, the programs (children and boxes), and the whole machine."""

    service_s: float
    programs_s: float
    machine_s: float

    def since(self, before: Cpu) -> Cpu:
        """Return the difference to an earlier reading."""
        return Cpu(
            self.service_s - before.service_s,
            self.programs_s - before.programs_s,
            self.machine_s - before.machine_s,
        )

    @property
    def rest_s(self) -> float:
        """Neither this process nor programs: the engine, the kernel, and whoever else works on this machine."""
        return max(0.0, self.machine_s - self.service_s - self.programs_s)


def cpu_now() -> Cpu:
    """Return the seconds used until now."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cpu(
        service_s=own.ru_utime + own.ru_stime,
        programs_s=children.ru_utime + children.ru_stime + _boxes_s(),
        machine_s=busy_s(),
    )


def _boxes_s() -> float:
    """Return the seconds of all containers and local boxes, dead ones included (their parent group has them)."""
    total = 0.0
    for folder in ("docker", cgroups.FOLDER):
        v1 = cgroups.ROOT / "cpuacct" / folder / "cpuacct.usage"
        v2 = cgroups.ROOT / folder / "cpu.stat"
        if v1.exists():
            total += int(v1.read_text(encoding="ascii")) / 1e9
        elif v2.exists():
            words = v2.read_text(encoding="ascii").split()
            total += int(words[words.index("usage_usec") + 1]) / 1e6
    return total


def facts() -> dict[str, JsonValue]:
    """Return what a reader of the figures has to know about the machine."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": platform.release(),
        "python": _first_line([system_python(), "--version"]),
        "bubblewrap": _first_line(["bwrap", "--version"]),
        "commit": _first_line(["git", "-C", str(Path(__file__).resolve().parent), "describe", "--always", "--dirty"]),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def system_python() -> str:
    """Return the system's interpreter: the one that boxes have too, not that of this environment."""
    return shutil.which("python3", path="/usr/bin:/bin") or "python3"


def _first_line(command: list[str]) -> str:
    try:
        found = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError:
        return "not installed"
    return (found.stdout or found.stderr).strip().partition("\n")[0]
