"""What policies that give in rounds share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from solvent.agents.allocation.base import AllocationState, Question


def least_useful(state: AllocationState, samples: int) -> int:
    """Return what so many attempts cost at the mean of all attempts of this budget so far, units; at least 1.

    A share under it would be spent on replies that are cut off.
    """
    attempts = sum(each.samples for each in state.questions.values())
    spent = sum(each.spent for each in state.questions.values() if each.samples)
    return max(1, -(-spent * samples // attempts)) if attempts else 1


def raise_by(questions: Sequence[Question], shares: Sequence[int]) -> Mapping[str, int]:
    """Return the new totals of questions that are given shares; who is given nothing is left out."""
    return {
        each.id: max(each.granted, each.spent) + share
        for each, share in zip(questions, shares, strict=True)
        if share > 0
    }
