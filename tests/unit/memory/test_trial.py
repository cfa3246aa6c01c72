"""What chance leaves out and what follows from it: decisions over simulated streams of jobs."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.errors import ConfigError
from solvent.memory.concept import ConceptStatus
from solvent.memory.trial import (
    SHIPPED,
    Evidence,
    TrialPolicy,
    chance,
    drop_probability,
    harm_probability,
    is_dropped,
    is_held_out,
    load_trial,
    probability_less,
    standing,
)

POLICY = load_trial()
ACTIVE, DEMOTED, ARCHIVED = ConceptStatus.ACTIVE, ConceptStatus.DEMOTED, ConceptStatus.ARCHIVED


class Stream:
    """Jobs that each find the concept in question and two of a hundred others, which are as good as they are.

    Args:
        seed: of what happens.
        effect: of the concept on the chance that a job is solved.
        others: of each of the two others.
        base: chance of a job without any.
    """

    def __init__(self, seed: int, *, effect: float, others: float = 0.15, base: float = 0.3) -> None:
        self._random = random.Random(seed)
        self._effect, self._others, self._base = effect, others, base
        self.evidence = [Evidence() for _ in range(101)]
        self.status = [ACTIVE] * 101
        self.demoted_after: dict[int, int] = {}
        self._solved = 0

    def run(self, jobs: int) -> None:
        for number in range(jobs):
            self._job(number)

    def _job(self, number: int) -> None:
        key = f"{self._random.random()}"
        rate = (self._solved + 1) / (number + 2)
        found = [one for one in (0, *self._random.sample(range(1, 101), 2)) if self.status[one] is ACTIVE]
        held_out = is_held_out(POLICY, key)
        shown = [
            one
            for one in found
            if not held_out
            and not is_dropped(POLICY, key, str(one), drop_probability(POLICY, self.evidence[one], rate))
        ]
        chance_of_it = self._base + sum(self._others if one else self._effect for one in shown)
        solved = self._random.random() < min(0.98, max(0.02, chance_of_it))
        self._solved += solved
        for one in found:
            old, with_it = self.evidence[one], one in shown
            self.evidence[one] = replace(
                old,
                with_it=old.with_it + with_it,
                solved_with=old.solved_with + (with_it and solved),
                without=old.without + (not with_it),
                solved_without=old.solved_without + (not with_it and solved),
            )
            self.status[one] = standing(POLICY, self.status[one], self.evidence[one], rate).status
            if self.status[one] is DEMOTED:
                self.demoted_after[one] = number + 1


def test_a_harmful_concept_among_a_hundred_good_ones_is_demoted_within_60_jobs() -> None:
    caught, blamed, shown = 0, 0, 0
    for seed in range(200):
        stream = Stream(seed, effect=-0.5)
        stream.run(60)
        caught += 0 in stream.demoted_after
        blamed += len(stream.demoted_after) - (0 in stream.demoted_after)
        shown += stream.evidence[0].with_it
    assert caught >= 0.95 * 200
    # Of the 100 good ones, each of which came up once or twice.
    assert blamed == 0
    assert shown / 200 < 25


@pytest.mark.parametrize(("effect", "most"), [(0.2, 0.03), (0.4, 0.01)])
def test_a_good_concept_is_seldom_demoted_however_often_it_is_looked_at(effect: float, most: float) -> None:
    demoted = shown = 0
    for seed in range(200):
        stream = Stream(seed, effect=effect)
        stream.run(60)
        demoted += 0 in stream.demoted_after
        shown += stream.evidence[0].with_it
    assert demoted <= most * 200
    # It is shown to most of the jobs that find it.
    assert shown > 0.7 * 200 * 60


COUNTS = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted)
EVIDENCE = st.builds(
    lambda first, second, votes: Evidence(
        with_it=first[1], solved_with=first[0], without=second[1], solved_without=second[0],
        helpful=votes[0], harmful=votes[1], retrieved=first[1] + second[1], chosen=first[1] + second[1],
    ),
    COUNTS,
    COUNTS,
    st.tuples(st.integers(0, 5), st.integers(0, 5)),
)  # fmt: skip
RATE = st.floats(0.01, 0.99)


@given(evidence=EVIDENCE, rate=RATE)
def test_shares_stay_within_their_bounds_and_failures_with_it_raise_suspicion(evidence: Evidence, rate: float) -> None:
    share = drop_probability(POLICY, evidence, rate)
    assert POLICY.least_dropped <= share <= POLICY.most_dropped
    worse = replace(evidence, with_it=evidence.with_it + 1)
    assert drop_probability(POLICY, worse, rate) >= share - 1e-9
    assert harm_probability(POLICY, worse, rate) >= harm_probability(POLICY, evidence, rate) - 1e-9


@given(evidence=EVIDENCE, rate=RATE)
def test_what_a_status_rests_on_can_be_read_in_its_reason(evidence: Evidence, rate: float) -> None:
    found = standing(POLICY, ACTIVE, evidence, rate)
    assert found.status in (ACTIVE, DEMOTED)
    assert bool(found.reason) is (found.status is DEMOTED)
    few = min(evidence.with_it, evidence.without) < POLICY.fewest_jobs
    if few and evidence.harmful - evidence.helpful < POLICY.harmful_votes:
        assert found.status is ACTIVE
    # Only a person takes these back.
    assert standing(POLICY, ARCHIVED, evidence, rate).status is ARCHIVED
    assert standing(POLICY, ConceptStatus.DELETED, evidence, rate).status is ConceptStatus.DELETED


def test_demoted_ones_come_back_or_go_for_good() -> None:
    harmful = Evidence(with_it=10, solved_with=0, without=20, solved_without=15)
    assert standing(POLICY, ACTIVE, harmful, 0.5).status is DEMOTED
    assert standing(POLICY, DEMOTED, harmful, 0.5).status is DEMOTED
    old = replace(harmful, retrieved_as_demoted=POLICY.archive_after)
    assert standing(POLICY, DEMOTED, old, 0.5).status is ARCHIVED
    proved = replace(old, with_it=60, solved_with=50)
    assert standing(POLICY, DEMOTED, proved, 0.5).status is ACTIVE


def test_what_never_helps_is_demoted() -> None:
    assert "never helped" in standing(POLICY, ACTIVE, Evidence(with_it=60), 0.2).reason
    assert standing(POLICY, ACTIVE, Evidence(with_it=60, solved_with=1), 0.2).status is ACTIVE
    assert "never chosen" in standing(POLICY, ACTIVE, Evidence(retrieved=300), 0.2).reason
    assert standing(POLICY, ACTIVE, Evidence(retrieved=300, chosen=1), 0.2).status is ACTIVE
    assert "called harmful" in standing(POLICY, ACTIVE, Evidence(harmful=4, helpful=1), 0.2).reason


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_the_probability_is_that_of_the_posteriors(a: int, b: int, c: int, d: int) -> None:
    draws = np.random.default_rng(a * b + c * d)
    estimate = float(np.mean(draws.beta(a, b, 40_000) < draws.beta(c, d, 40_000)))
    assert probability_less(a, b, c, d) == pytest.approx(estimate, abs=0.02)
    assert probability_less(a, b, c, d) + probability_less(c, d, a, b) == pytest.approx(1.0, abs=1e-6)


def test_draws_agree_and_are_spread_evenly() -> None:
    drawn = [chance(0, "job", f"job-{number}") for number in range(20_000)]
    assert drawn == [chance(0, "job", f"job-{number}") for number in range(20_000)]
    assert np.histogram(drawn, bins=10, range=(0, 1))[0].min() > 1_800
    assert sum(is_held_out(POLICY, f"job-{number}") for number in range(20_000)) == pytest.approx(2_000, abs=150)
    none, every = TrialPolicy(hold_out=0), TrialPolicy(hold_out=1)
    assert not any(is_held_out(none, str(number)) for number in range(100))
    assert all(is_held_out(every, str(number)) for number in range(100))
    assert not is_dropped(none, "job", "c", 1.0)


def test_the_policy_is_a_file(tmp_path: Path) -> None:
    assert load_trial() == TrialPolicy(), "the file that ships says what the fields' defaults are"
    assert load_trial(tmp_path, hold_out=0.25).hold_out == 0.25
    own = tmp_path / "memory" / "trial.toml"
    own.parent.mkdir()
    own.write_text("demote_at = 0.99\n")
    assert load_trial(tmp_path).demote_at == 0.99
    for wrong in ("demote_at = 2\n", "unknown = 1\n", "="):
        own.write_text(wrong)
        with pytest.raises(ConfigError, match=r"trial\.toml"):
            load_trial(tmp_path)
    assert SHIPPED.is_file()
