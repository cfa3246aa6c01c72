"""The stream of problems that share concepts, and what is said of its runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from solvent.benchmarks.concept_stream import draw_stream, library
from solvent.benchmarks.concept_stream_figures import Row, Run, Stream, difference, draw, report


def run(arm: str, rights: str, order: int = 0, *, tokens: int = 10) -> Run:
    rows = [Row(f"p{n}", right == "1", tokens, int(arm == "live"), "") for n, right in enumerate(rights)]
    return Run(arm, order, tuple(rows))


def test_a_stream_repeats_itself_and_its_problems_share_rules() -> None:
    problems = draw_stream(60, 41, 1, [1, 2])
    assert problems == draw_stream(60, 41, 1, [1, 2])
    assert len({problem.id for problem in problems}) == 60
    rules = library(problems)["concepts"]
    assert len(rules) < 30
    assert all(any(rule["name"] in problem.statement for problem in problems) for rule in rules)


def test_a_later_attempt_costs_in_any_case_and_counts_where_it_is_solved() -> None:
    row = Row("p", False, 10, 0, "first")
    assert row.then(None) == row
    assert row.then(Row("p", False, 5, 1, "second")) == Row("p", False, 15, 0, "first")
    assert row.then(Row("p", True, 5, 1, "second", solved=True)) == Row("p", True, 15, 1, "second", solved=True)


def test_differences_are_of_the_same_problems() -> None:
    gain = difference([run("live", "1111"), run("live", "1110", 1)], [run("off", "1000")])
    assert gain.value == pytest.approx(0.625)
    assert gain.low < gain.value < gain.high
    assert difference([run("live", "10" * 50)], [run("off", "10" * 50)]).high == 0
    with pytest.raises(ValueError, match="different problems"):
        difference([run("live", "11")], [run("off", "1")])


def test_the_curve_is_that_of_the_last_problems() -> None:
    assert run("live", "0011").curve(window=2) == [0, 0, 0.5, 1]


def test_the_report_has_every_run_and_what_decides() -> None:
    runs = (run("off", "1000"), run("empty", "1100"), run("live", "1111"), run("live", "1110", 1))
    stream = Stream(runs, seed=1, job_tokens=100, other_job_tokens=120, frozen_repeats=False)
    text = report(stream)
    assert text.count("| live |") == 2
    assert "live less off: +0.625" in text
    assert "between orders of live: 0.250" in text
    assert "repeats its own result: NO" in text
    assert stream.figures()["live_spread"] == pytest.approx(0.25)


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(
        Stream((run("off", "10"), run("live", "11")), seed=1, job_tokens=9, other_job_tokens=9),
        tmp_path / "curve.png",
        print,
    )
    assert (tmp_path / "curve.png").stat().st_size > 1000
