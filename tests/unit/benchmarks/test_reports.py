"""What the benchmark and the soak make of their figures."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from solvent.benchmarks.report import Report, TestRow, WayRow, to_json, to_text
from solvent.benchmarks.soak_watch import LIMITS, Sample, trends


def way(key: str, per_s: float, p50_ms: float) -> WayRow:
    return WayRow(key, key, per_s, per_s, per_s, p50_ms, p50_ms, p50_ms, 0.5, 4.0, 1.0)


def report(**keys: tuple[float, float]) -> Report:
    return Report(
        machine={"processor": "x", "cores": 2, "kernel": "6", "python": "3", "commit": "c", "date": "d"},
        rounds=2,
        parallel=2,
        ways=[way(key, per_s, p50_ms) for key, (per_s, p50_ms) in keys.items()],
        tests=[
            TestRow("judge_docker", "judge", 100, 1, 700.0, 0, 1.5, 1.2, 2.0),
            TestRow("fusion", "fusion", 4, 100, 0.5),
        ],
        samples=10,
        not_quiet=1,
        missing=["local: not there"],
        precompiled_header=True,
    )


@pytest.mark.parametrize(
    ("figures", "missed"),
    [
        ((300, 5), set()),
        ((199, 5), {"programs/s to bare"}),
        ((300, 12.5), {"p50 of one program to bare"}),
    ],
)
def test_wanted_ratios(figures: tuple[float, float], missed: set[str]) -> None:
    found = report(bare=(200, 10), api_docker=figures, container=(6, 200)).targets()
    assert {one.what.partition(": ")[2] for one in found if not one.holds} == missed
    assert len(found) == 6


def test_ways_that_were_not_measured_have_no_ratio() -> None:
    found = report(bare=(200, 10), api_local=(300, 5)).targets()
    assert [one.what for one in found if "container" in one.what] == []


def test_the_table_is_plain_and_says_what_was_left_out() -> None:
    text = to_text(report(bare=(200, 10), api_docker=(300, 5), container=(6, 200)))
    assert text.isprintable() or "\x1b" not in text
    assert "left out: local: not there" in text
    assert "machine not quiet before 1 of 10 samples" in text
    assert "1.50x" in text
    assert json.loads(json.dumps(to_json(report(bare=(200, 10)))))["targets"]


def samples(**growth: float) -> list[Sample]:
    rows = []
    for number in range(16):
        values = dict.fromkeys(LIMITS, 100.0)
        for name, step in growth.items():
            values[name] += step * number
        rows.append(Sample(programs=1000.0 * number, **values))
    return rows


def test_what_grows_is_told_and_what_shrinks_is_not() -> None:
    found = {trend.name: trend for trend in trends(samples(service_mb=5.0, service_descriptors=-5.0))}
    assert not found["service_mb"].flat
    assert found["service_mb"].per_10000 == pytest.approx(50.0)
    assert found["service_descriptors"].flat
    assert all(trend.flat for name, trend in found.items() if name != "service_mb")
    assert set(found) == set(asdict(samples()[0])) - {"programs"}


def test_what_fills_only_in_the_beginning_is_flat() -> None:
    rows = samples()
    early = [Sample(**{**asdict(row), "service_mb": 10.0}) for row in rows[:4]]
    assert all(trend.flat for trend in trends([*early, *rows[4:]]))
