"""The replay of allocations over recorded answers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from solvent.benchmarks.allocation import FIXED, IN_ORDER, Recorded, compare, read, replay, right


def recorded(count: int, seed: int = 0) -> list[Recorded]:
    """Return questions from easy to hopeless."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        easy = 1 - number / count
        answers = ["yes" if chance.random() < easy else str(chance.randint(0, 9)) for _ in range(40)]
        found.append(Recorded(f"q{number}", "m", "yes", answers, [chance.randint(50, 150) for _ in answers]))
    return found


@pytest.mark.parametrize("name", [IN_ORDER, FIXED, "even", "adaptive"])
@pytest.mark.parametrize("cap", [0, 900, 6000, 10**6])
def test_no_way_of_sharing_spends_more_than_there_is(name: str, cap: int) -> None:
    drawn = replay(recorded(12), name, cap, seed=1)

    assert sum(one.spent for one in drawn) <= cap
    assert [one.spent for one in drawn] == [one.spent for one in replay(recorded(12), name, cap, seed=1)]


def test_what_easy_questions_leave_is_spent_on_hard_ones() -> None:
    rows = {row["policy"]: row for row in compare(recorded(30), [8.0], seeds=3)}

    assert float(str(rows["even"]["spent"])) > float(str(rows[FIXED]["spent"]))
    assert float(str(rows["even"]["accuracy"])) >= float(str(rows[FIXED]["accuracy"]))


@pytest.mark.shared_data
def test_recorded_answers_of_real_models_are_read(shared_data: Path) -> None:
    questions = read([shared_data / "replay" / "aime2024.jsonl"])

    assert len(questions) > 300
    assert all(len(each.answers) == len(each.tokens) for each in questions)
    of_one = [each for each in questions if each.model == questions[0].model]
    drawn = replay(of_one, "adaptive", 8 * 10_000 * len(of_one), seed=0)
    assert sum(right(each, one) for each, one in zip(of_one, drawn, strict=True)) > len(of_one) / 2
