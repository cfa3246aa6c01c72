"""What concepts did for a job, from its result."""

from __future__ import annotations

from typing import Any

import pytest

from solvent.agents.job import Answer, JobResult, JobStatus, Outcome, StopReason
from solvent.agents.recalled import MemoryUse
from solvent.memory.concept import ConceptStatus, Utility
from solvent.usage import Usage
from solvent.workers import tables
from solvent.workers.concept_memory import uses_of
from solvent.workers.tables import UTILITY_COUNTERS

USED = MemoryUse(policy="frozen:snap-1", snapshot="snap-1", retrieved=("con-a:2", "con-b:1"), chosen=("con-a:2",))


def result(outcome: Outcome | None, **changes: Any) -> JobResult:
    values: dict[str, Any] = {
        "job_id": "job",
        "problem_id": "p",
        "status": JobStatus.COMPLETED if outcome else JobStatus.CANCELLED,
        "outcome": outcome,
        "stop_reason": StopReason.TESTS_PASSED,
        "answer": Answer(text="x", trajectory="t0"),
        "usage": Usage(prompt_tokens=30, completion_tokens=12),
        "memory": USED,
    }
    return JobResult(**{**values, **changes})


@pytest.mark.parametrize(
    ("outcome", "solved"), [(Outcome.SOLVED, True), (Outcome.UNSOLVED, False), (Outcome.EXHAUSTED, False), (None, None)]
)
def test_each_retrieved_concept_is_counted_by_the_evidence(outcome: Outcome | None, solved: bool | None) -> None:
    shown, other = uses_of(result(outcome), "mine")
    assert (shown.concept_id, shown.version, shown.namespace, shown.snapshot) == ("con-a", 2, "mine", "snap-1")
    assert (shown.chosen, shown.cited, shown.solved, shown.tokens) == (True, True, solved, 42)
    assert (other.concept_id, other.version, other.chosen, other.cited) == ("con-b", 1, False, False)


def test_the_tables_have_what_the_values_have() -> None:
    assert set(UTILITY_COUNTERS) == set(Utility.model_fields)
    assert [str(one) for one in tables.ConceptStatus] == [str(one) for one in ConceptStatus]


def test_a_job_without_memory_counts_nothing() -> None:
    assert uses_of(result(Outcome.SOLVED, memory=None), "mine") == []


def test_nothing_is_cited_without_an_answer() -> None:
    assert not any(use.cited for use in uses_of(result(Outcome.UNSOLVED, answer=None), "mine"))
