"""The memory's report, from what was counted; its picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from concept_parts import routine

from solvent.errors import ConfigError, StoreError
from solvent.memory.concept import Concept, ConceptStatus
from solvent.memory.trial import TrialPolicy
from solvent.memory.uplift import Rate
from solvent.service.cli.memory_plot import draw
from solvent.service.cli.memory_report import show_report
from solvent.workers.distillations import Lessons
from solvent.workers.memory_report import MemoryReport, curve_of, growth_of, report_of
from solvent.workers.utility import Arm, ConceptUtility, JobUse


def job(number: int, arm: Arm = Arm.SHOWN, *, solved: bool | None = True, **fields: Any) -> JobUse:
    values: dict[str, Any] = {"shown": int(arm is Arm.SHOWN), "tokens": 10 if arm is Arm.SHOWN else 30, **fields}
    return JobUse(job_id=f"job-{number}", namespace="n", policy="read", arm=arm, solved=solved, **values)


def concept(id: str, created: float, status: ConceptStatus = ConceptStatus.ACTIVE, updated: float = 0) -> Concept:
    return Concept(
        id=id, namespace="n", version=1, status=status, content=routine(id, "x"), created_at=created, updated_at=updated
    )


JOBS = [
    job(1, Arm.HELD_OUT, solved=False),
    job(2, cited=1),
    job(3, Arm.NONE, solved=False),
    job(4, Arm.AWAY),
    job(5, Arm.HELD_OUT),
    job(6, solved=None),
    job(7),
    job(8, shown=0, solved=False),
]
CONCEPTS = [
    concept("good", 1.0),
    concept("bad", 2.0, ConceptStatus.DEMOTED),
    concept("old", 3.0, ConceptStatus.ARCHIVED, updated=5.0),
    concept("new", 4.0),
]


def counted(id: str, *, solved: int, without: int) -> ConceptUtility:
    return ConceptUtility(
        namespace="n", concept_id=id, version=1, retrieved=20, chosen=10, held_out_tried_with=10,
        held_out_solved_with=solved, held_out_tried_without=10, held_out_solved_without=without,
    )  # fmt: skip


@pytest.fixture
def report() -> MemoryReport:
    rows = [counted("bad", solved=1, without=9), counted("good", solved=9, without=1)]
    return report_of("n", TrialPolicy(), JOBS, CONCEPTS, rows)


def test_jobs_are_told_by_what_they_were_given(report: MemoryReport) -> None:
    assert report.jobs == {"shown": 4, "held_out": 2, "none": 1, "away": 1}
    assert report.concepts == {"active": 2, "demoted": 1, "archived": 1, "deleted": 0}
    # Something was chosen for six of the seven whose memory answered; one of three that were shown some cites.
    assert (report.hit_rate, report.cite_rate) == (6 / 7, 1 / 3)
    # One that was cancelled says nothing; one whose concepts were all left out by chance is of the memory all the same.
    assert (report.uplift.with_it, report.uplift.without) == (Rate(solved=2, tried=3), Rate(solved=1, tried=2))
    assert (report.tokens_with, report.tokens_without) == (10.0, 30.0)
    assert [one.name for one in report.top] == ["good", "bad"]
    assert [one.name for one in report.worst] == ["bad"]
    assert report.worst[0].harm > 0.99


def test_the_curve_is_over_the_order_of_jobs(report: MemoryReport) -> None:
    assert [(point.jobs, point.shown, point.held_out) for point in report.curve] == [
        (1, None, 0.0),
        (2, 1.0, 0.0),
        (3, 1.0, 0.0),
        (4, 1.0, 0.0),
        (5, 1.0, 0.5),
        (6, 1.0, 0.5),
        (7, 2 / 3, 0.5),
    ]
    assert report.curve[-1].rate == pytest.approx(4 / 7)
    long = curve_of(job(number, solved=number >= 500) for number in range(1000))
    assert len(long) <= 101
    assert (long[-1].jobs, long[-1].rate, long[-1].moving, long[0].moving) == (1000, 0.5, 1.0, 0.0)


def test_growth_counts_what_searches_find() -> None:
    assert [(point.time, point.concepts) for point in growth_of(CONCEPTS)] == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 3)]
    assert growth_of([]) == []


def test_an_empty_memory_has_a_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    empty = report_of("n", TrialPolicy(), [], [], [])
    assert (empty.hit_rate, empty.uplift.value, empty.curve, empty.top) == (None, None, [], [])
    show_report(empty)
    assert capsys.readouterr().out == "concepts: none\njobs with a memory: 0\n"
    draw(empty, tmp_path / "empty.svg")


def test_a_person_reads_the_difference_with_its_interval(
    report: MemoryReport, capsys: pytest.CaptureFixture[str]
) -> None:
    show_report(report)
    said = capsys.readouterr().out
    assert "uplift: +16.7 points (-" in said
    assert "solved in the order of jobs: " in said
    assert "what is likely to do harm:" in said


def test_a_person_reads_what_became_of_lessons(report: MemoryReport, capsys: pytest.CaptureFixture[str]) -> None:
    lessons = Lessons(
        waiting=2, oldest_waiting_s=71.2, jobs=9, ended={"failed": 1, "written": 4}, tokens=3210, mean_s=2.5
    )
    show_report(report.model_copy(update={"lessons": lessons}))
    said = (
        "1 failed, 4 written (3,210 tokens, 2.5 s from a job's end; of the last 9 jobs); 2 waiting, the oldest for 71 s"
    )
    assert f"lessons of jobs: {said}\n" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_picture_is_of_the_files_form(report: MemoryReport, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"report.{suffix}"
    draw(report, file)
    assert file.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


def test_pictures_that_cannot_be_drawn_are_refused(
    report: MemoryReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"\.png"):
        draw(report, tmp_path / "report.txt")
    with pytest.raises(StoreError, match="nowhere"):
        draw(report, tmp_path / "nowhere" / "report.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match="matplotlib") as refused:
        draw(report, tmp_path / "report.png")
    assert "solvent[plots]" in str(refused.value.remedy)
