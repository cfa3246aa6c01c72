"""What a concept is worth, found out by chance, and what follows from it. Pure decisions; no I/O.

A chosen concept is left out of some prompts at random, so that jobs with it and without it differ by nothing else: all
chosen ones of a share of the jobs, and each by itself with the probability that it does harm (Thompson sampling; Russo
et al., "A Tutorial on Thompson Sampling", 2018). Rates have Beta posteriors, which stay valid when it is looked at them
after every job and when the shares change by what was seen, as intervals of a fixed sample do not.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from solvent.errors import ConfigError, boundary
from solvent.memory.concept import ConceptStatus

SHIPPED = Path(__file__).resolve().parent.parent / "configs" / "memory" / "trial.toml"
_POINTS = 400
_EPSILON = 1e-3


class TrialPolicy(BaseModel):
    """How concepts are tried; configs/memory/trial.toml explains the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hold_out: float = Field(default=0.1, ge=0, le=1)
    seed: int = 0
    least_dropped: float = Field(default=0.05, ge=0, le=1)
    most_dropped: float = Field(default=0.6, ge=0, le=1)
    optimism: float = Field(default=4.0, ge=0)
    prior: float = Field(default=4.0, gt=0)
    demote_at: float = Field(default=0.95, gt=0.5, le=1)
    fewest_jobs: int = Field(default=8, ge=1)
    verdict_prior: float = Field(default=2.0, gt=0)
    harmful_votes: int = Field(default=3, ge=1)
    never_helped: int = Field(default=60, ge=0)
    never_chosen: int = Field(default=300, ge=0)
    probe: float = Field(default=0.1, ge=0, le=1)
    restore_below: float = Field(default=0.5, ge=0, le=1)
    archive_after: int = Field(default=60, ge=1)

    @property
    def randomises(self) -> bool:
        """Whether chance decides what is shown, so that with and without can be compared."""
        return 0 < self.hold_out < 1


@dataclass(frozen=True)
class Evidence:
    """What is known of a concept since it says what it says: jobs in which chance decided, and what people said."""

    with_it: int = 0
    solved_with: int = 0
    without: int = 0
    solved_without: int = 0
    helpful: int = 0
    harmful: int = 0
    retrieved: int = 0
    chosen: int = 0
    """Times that it was chosen, shown or left out."""
    retrieved_as_demoted: int = 0


@dataclass(frozen=True)
class Standing:
    """What a concept's status is to be, and why."""

    status: ConceptStatus
    reason: str = ""


def load_trial(config_dir: Path | None = None, *, hold_out: float | None = None) -> TrialPolicy:
    """Return the policy of `memory/trial.toml` in a directory, or the one that ships.

    Args:
        config_dir: searched first.
        hold_out: in the place of the file's.

    Raises:
        ConfigError: names the file and the field that is wrong.
    """
    own = None if config_dir is None else config_dir / "memory" / "trial.toml"
    path = own if own is not None and own.is_file() else SHIPPED
    with boundary(ConfigError, f"read {path}", OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    if hold_out is not None:
        values["hold_out"] = hold_out
    try:
        return TrialPolicy.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {field}: {first['msg']}", remedy="docs/memory.md has the fields") from error


def chance(seed: int, *path: str) -> float:
    """Return a number from 0 to 1 that is the same for the same path, and as good as random over different ones."""
    digest = hashlib.sha256("\n".join([str(seed), *path]).encode("utf-8", errors="surrogatepass")).digest()
    return int.from_bytes(digest[:7], "big") / 2.0**56


def is_held_out(policy: TrialPolicy, key: str) -> bool:
    """Return whether a job is shown nothing of what is chosen for it. The same for the same key."""
    return chance(policy.seed, "job", key) < policy.hold_out


def is_dropped(policy: TrialPolicy, key: str, concept: str, probability: float) -> bool:
    """Return whether a chosen concept is left out of a job's prompts."""
    return policy.randomises and chance(policy.seed, "concept", key, concept) < probability


def is_probed(policy: TrialPolicy, key: str, concept: str) -> bool:
    """Return whether a demoted concept is offered to a job all the same."""
    return policy.randomises and chance(policy.seed, "probe", key, concept) < policy.probe


def probability_less(solved: float, failed: float, other_solved: float, other_failed: float) -> float:
    """Return the probability that a rate with the first Beta posterior is below one with the other.

    All four parameters are above 0. By the midpoint rule on 400 points, right to about 0.002.
    """
    first = _density(max(solved, _EPSILON), max(failed, _EPSILON))
    second = _density(max(other_solved, _EPSILON), max(other_failed, _EPSILON))
    below = np.cumsum(first) - first / 2
    return float(below @ second)


def _density(a: float, b: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    points = (np.arange(_POINTS) + 0.5) / _POINTS
    logs = (a - 1) * np.log(points) + (b - 1) * np.log1p(-points)
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def drop_probability(policy: TrialPolicy, evidence: Evidence, rate: float) -> float:
    """Return with which probability a chosen concept is left out of a job.

    It is that with which the concept lowers the rate of solved jobs, where one that was never tried is believed to
    help, and what it is not known to do without is believed to be as in the whole project.

    Args:
        policy: has the bounds.
        evidence: of the concept.
        rate: of solved jobs in the project, 0 to 1.
    """
    solved, failed = rate * policy.prior, (1 - rate) * policy.prior
    harm = probability_less(
        solved + policy.optimism + evidence.solved_with,
        failed + evidence.with_it - evidence.solved_with,
        solved + evidence.solved_without,
        failed + evidence.without - evidence.solved_without,
    )
    return min(max(harm, policy.least_dropped), max(policy.most_dropped, policy.least_dropped))


def harm_probability(policy: TrialPolicy, evidence: Evidence, rate: float) -> float:
    """Return the probability that a concept lowers the rate of solved jobs, with the same belief for both sorts."""
    solved, failed = rate * policy.verdict_prior, (1 - rate) * policy.verdict_prior
    return probability_less(
        solved + evidence.solved_with,
        failed + evidence.with_it - evidence.solved_with,
        solved + evidence.solved_without,
        failed + evidence.without - evidence.solved_without,
    )


def standing(policy: TrialPolicy, status: ConceptStatus, evidence: Evidence, rate: float) -> Standing:
    """Return what a concept's status is to be by what is known; the same one, without a reason, where nothing changes.

    A concept that a person archived or deleted stays so.
    """
    if status is ConceptStatus.ACTIVE:
        reason = _blamed(policy, evidence, rate)
        return Standing(ConceptStatus.DEMOTED, reason) if reason else Standing(status)
    if status is ConceptStatus.DEMOTED:
        if _may_return(policy, evidence, rate):
            said = f"harm is no longer likely ({harm_probability(policy, evidence, rate):.2f}); {_tally(evidence)}"
            return Standing(ConceptStatus.ACTIVE, said)
        if evidence.retrieved_as_demoted >= policy.archive_after:
            return Standing(ConceptStatus.ARCHIVED, f"{evidence.retrieved_as_demoted} times found since it was demoted")
    return Standing(status)


def _blamed(policy: TrialPolicy, evidence: Evidence, rate: float) -> str:
    votes = evidence.harmful - evidence.helpful
    if votes >= policy.harmful_votes:
        return f"called harmful {evidence.harmful} times and helpful {evidence.helpful} times"
    if min(evidence.with_it, evidence.without) >= policy.fewest_jobs:
        harm = harm_probability(policy, evidence, rate)
        if harm >= policy.demote_at:
            return f"does harm with probability {harm:.3f}: {_tally(evidence)}"
    if 0 < policy.never_helped <= evidence.with_it and not evidence.solved_with:
        return f"never helped: {_tally(evidence)}"
    if 0 < policy.never_chosen <= evidence.retrieved and not evidence.chosen:
        return f"found {evidence.retrieved} times and never chosen"
    return ""


def _may_return(policy: TrialPolicy, evidence: Evidence, rate: float) -> bool:
    if _blamed(policy, evidence, rate):
        return False
    return evidence.with_it > 0 and harm_probability(policy, evidence, rate) < policy.restore_below


def _tally(evidence: Evidence) -> str:
    with_it = f"solved {evidence.solved_with} of {evidence.with_it} jobs with it"
    return f"{with_it}, {evidence.solved_without} of {evidence.without} without"
