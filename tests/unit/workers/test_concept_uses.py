"""What concepts did for a job, from its result."""

from __future__ import annotations

from typing import Any

import pytest
from concept_parts import routine

from solvent.agents.job import Answer, JobResult, JobStatus, Outcome, StopReason
from solvent.agents.recalled import MemoryUse
from solvent.memory.concept import Concept, ConceptStatus, Utility
from solvent.memory.trial import Evidence
from solvent.usage import Usage
from solvent.workers import tables
from solvent.workers.concept_memory import job_use_of, uses_of
from solvent.workers.tables import UTILITY_COUNTERS
from solvent.workers.trials import evidence_of
from solvent.workers.utility import Arm, ConceptUtility

USED = MemoryUse(
    policy="frozen:snap-1",
    snapshot="snap-1",
    retrieved=("con-a:2", "con-b:1", "con-c:1"),
    chosen=("con-a:2",),
    dropped=("con-c:1",),
    cited=("con-a:2",),
    hold_out=0.1,
)


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
    shown, other, dropped = uses_of(result(outcome), "mine")
    assert (shown.concept_id, shown.version, shown.namespace, shown.snapshot) == ("con-a", 2, "mine", "snap-1")
    assert (shown.chosen, shown.cited, shown.solved, shown.tokens) == (True, True, solved, 42)
    assert (other.concept_id, other.version, other.chosen, other.cited) == ("con-b", 1, False, False)
    # Chance decided of the two that were chosen, and of no other.
    assert [(use.held_out, use.chosen) for use in (shown, other, dropped)] == [
        (True, True),
        (False, False),
        (True, False),
    ]


def test_the_tables_have_what_the_values_have() -> None:
    assert set(UTILITY_COUNTERS) == set(Utility.model_fields)
    assert [str(one) for one in tables.ConceptStatus] == [str(one) for one in ConceptStatus]


def test_a_job_without_memory_counts_nothing() -> None:
    assert uses_of(result(Outcome.SOLVED, memory=None), "mine") == []


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_chance_decided_nothing_nothing_is_compared(share: float) -> None:
    used = USED.model_copy(update={"hold_out": share})
    assert not any(use.held_out for use in uses_of(result(Outcome.SOLVED, memory=used), "mine"))


@pytest.mark.parametrize(
    ("changes", "arm"),
    [
        ({}, Arm.SHOWN),
        ({"chosen": (), "cited": ()}, Arm.SHOWN),
        ({"chosen": (), "held_out": True}, Arm.HELD_OUT),
        ({"chosen": (), "dropped": (), "held_out": True}, Arm.NONE),
        ({"chosen": (), "dropped": ()}, Arm.NONE),
        ({"retrieved": (), "chosen": (), "dropped": (), "note": "without concepts: Chroma is away"}, Arm.AWAY),
    ],
)
def test_a_job_belongs_to_one_arm(changes: dict[str, Any], arm: Arm) -> None:
    found = job_use_of(result(Outcome.UNSOLVED, memory=USED.model_copy(update=changes)), "mine")
    assert found is not None
    assert (found.arm, found.solved, found.namespace, found.tokens) == (arm, False, "mine", 42)


def test_the_evidence_of_a_concept_is_that_of_its_present_words() -> None:
    concept = Concept(
        id="con-a", namespace="mine", version=4, status=ConceptStatus.DEMOTED, said_since=3, created_at=0, updated_at=0,
        content=routine("Ember rule", "add 3"),
    )  # fmt: skip
    rows = [
        ConceptUtility(
            namespace="mine", concept_id="con-a", version=version, retrieved=10 * version, chosen=version,
            held_out_tried_with=version, held_out_solved_with=1, held_out_tried_without=2, harmful=version,
        )
        for version in (2, 3, 4)
    ]  # fmt: skip
    assert evidence_of(concept, rows) == Evidence(
        with_it=7, solved_with=2, without=4, harmful=7, retrieved=70, chosen=11, retrieved_as_demoted=40
    )
