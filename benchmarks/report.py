"""The figures of the sandbox benchmark: the wanted ratios, a table for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pydantic import JsonValue

COMMAND = "make bench-sandbox"
_BAR = 30


@dataclass(frozen=True)
class WayRow:
    """Tiny programs in one way; medians, times of one program alone, processor time per program."""

    key: str
    title: str
    per_s: float
    per_s_least: float
    per_s_most: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    service_ms: float
    programs_ms: float
    rest_ms: float


@dataclass(frozen=True)
class TestRow:
    """Tests of one C++ program in one way."""

    __test__ = False

    key: str
    title: str
    measured: int
    """Tests that were run for the figure; where fewer than 100, the rate is taken as the same for 100."""
    builds: int
    """For 100 tests of a program never seen before."""
    per_s: float
    builds_again: int | None = None
    first_s: float | None = None
    """100 tests and the build, wall clock."""
    compile_s: float | None = None
    compile_without_header_s: float | None = None


@dataclass(frozen=True)
class Target:
    """A wanted figure and the measured one."""

    what: str
    measured: float
    wanted: float
    at_least: bool
    unit: str = "x"

    @property
    def holds(self) -> bool:
        """Whether it is reached."""
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted


@dataclass(frozen=True)
class Report:
    """All figures of one run."""

    machine: dict[str, JsonValue]
    rounds: int
    parallel: int
    ways: list[WayRow]
    tests: list[TestRow]
    samples: int
    not_quiet: int
    """Samples before which the machine did not become quiet in time."""
    missing: list[str]
    """Backends that do not work here, and why."""
    precompiled_header: bool

    def targets(self) -> list[Target]:
        """Return the wanted ratios, as far as what they compare was measured."""
        rows = {row.key: row for row in self.ways}
        bare, container = rows["bare"], rows.get("container")
        found = []
        for key in ("api_docker", "api_local"):
            if key not in rows:
                continue
            row, name = rows[key], f"Sandbox.run, {'Docker' if key == 'api_docker' else 'bubblewrap'}"
            found.append(Target(f"{name}: programs/s to bare", row.per_s / bare.per_s, 1.0, at_least=True))
            if container is not None:
                against = row.per_s / container.per_s
                found.append(Target(f"{name}: programs/s to a container each", against, 30.0, at_least=True))
            found.append(Target(f"{name}: p50 of one program to bare", row.p50_ms / bare.p50_ms, 1.2, at_least=False))
        for test in self.tests:
            if test.builds_again is None:
                continue
            found.append(Target(f"{test.title}: tests/s", test.per_s, 600, at_least=True, unit=""))
            found.append(Target(f"{test.title}: compiles for 100 tests", test.builds, 1, at_least=False, unit=""))
            again = Target(f"{test.title}: compiles the second time", test.builds_again, 0, at_least=False, unit="")
            found.append(again)
        return found


def to_json(report: Report) -> dict[str, JsonValue]:
    """Return everything as JSON values."""
    body: dict[str, JsonValue] = asdict(report)
    body["targets"] = [{**asdict(target), "holds": target.holds} for target in report.targets()]
    return body


def to_text(report: Report) -> str:
    """Return the tables as plain text."""
    about = report.machine
    parts = [
        f"{about['processor']}, {about['cores']} cores, kernel {about['kernel']}, {about['python']}, "
        f"commit {about['commit']}, {about['date']}",
        f"medians of {report.rounds} rounds, taken in turns; machine not quiet before {report.not_quiet} "
        f"of {report.samples} samples",
        *(f"left out: {line}" for line in report.missing),
        "",
        f"Tiny Python programs: the same text, two numbers in, their sum out; {report.parallel} at a time",
        *_tiny(report),
        "p50, p90, p99: one program alone. CPU ms per program: service (this process), programs (their processes and "
        "boxes),",
        "rest (engine, kernel, processes that bubblewrap hides from our count, and whatever else ran).",
        "",
        "Tests of one C++ program (bits/stdc++.h, 20 lines of input), "
        f"{report.parallel} at a time; a rate from fewer than 100 tests is scaled",
        *_tests(report),
        "",
        *_headers(report),
        "",
        "Wanted",
        *_targets(report),
    ]
    return "\n".join(parts)


def _tiny(report: Report) -> list[str]:
    bare = next(row for row in report.ways if row.key == "bare")
    most = max(row.per_s for row in report.ways)
    lines = [
        ["way", "programs/s", "(least-most)", "to bare", "p50 ms", "p90", "p99", "service", "programs", "rest", ""],
        *(
            [
                row.title,
                f"{row.per_s:.1f}",
                f"({row.per_s_least:.0f}-{row.per_s_most:.0f})",
                f"{row.per_s / bare.per_s:.2f}x",
                f"{row.p50_ms:.1f}",
                f"{row.p90_ms:.1f}",
                f"{row.p99_ms:.1f}",
                f"{row.service_ms:.2f}",
                f"{row.programs_ms:.2f}",
                f"{row.rest_ms:.2f}",
                "#" * max(1, round(_BAR * row.per_s / most)),
            ]
            for row in report.ways
        ),
    ]
    return _columns(lines)


def _tests(report: Report) -> list[str]:
    lines = [["way", "tests/s", "tests run", "compiles per 100", "second time", "100 tests and compile s"]]
    for row in report.tests:
        first_s = row.first_s
        if first_s is None and row.builds > 1:
            first_s = 100 / row.per_s
        lines.append(
            [
                row.title,
                f"{row.per_s:.1f}",
                f"{row.measured}",
                f"{row.builds}",
                "" if row.builds_again is None else f"{row.builds_again}",
                "" if first_s is None else f"{first_s:.2f}",
            ]
        )
    return _columns(lines)


def _headers(report: Report) -> list[str]:
    lines = []
    for row in report.tests:
        if row.compile_s is None or row.compile_without_header_s is None:
            continue
        way = "precompiled bits/stdc++.h" if report.precompiled_header else "bits/stdc++.h (not precompiled here)"
        lines.append(
            f"{row.title}: build with {way} {row.compile_s:.2f} s, "
            f"with the header's text {row.compile_without_header_s:.2f} s"
        )
    return lines


def _targets(report: Report) -> list[str]:
    lines = []
    for target in report.targets():
        sign = ">=" if target.at_least else "<="
        lines.append(
            [
                target.what,
                f"{target.measured:.2f}{target.unit}",
                f"{sign} {target.wanted:g}{target.unit}",
                "holds" if target.holds else "MISSED",
            ]
        )
    return _columns(lines)


def _columns(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return lines with aligned columns: the first to the left, figures to the right, bars to the left."""
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    text = []
    for line in lines:
        cells = [
            cell.ljust(width) if index == 0 or cell.startswith("#") else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  " + "  ".join(cells).rstrip())
    return text
