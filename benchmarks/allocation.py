"""Allocations of a batch's budget, replayed over recorded answers of real models.

Each row is a question with the final answers that a model gave to it, again and again, and the tokens of each. A
question draws them in an order that the seed shuffles, until its votes are decided (`agents.agreement`) or its share is
spent; the last answer that no longer fits is cut off, which costs its tokens and gives no vote, as in the service.

    python -m solvent.benchmarks.allocation FILE... [--per-question 2 4 8 16] [--seeds 5] [--json FILE]

`FILE` holds JSON lines with model, problem_num, gold, answers and tokens (plain, or .gz).
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from solvent.agents.agreement import agreed
from solvent.agents.allocation.base import Phase, Question, granted, make_policy, policy_names, state_of, tell

CONFIDENCE, MIN_VOTES, MOST_SAMPLES = 0.95, 3, 64
IN_ORDER = "none"
"""First come, first served: what a batch without an allocation does."""
FIXED = "fixed"
"""An equal share each, and nothing of what others leave: what a cap of each job by itself does."""
RESAMPLES = 2000


@dataclass(frozen=True)
class Recorded:
    """A question with what was recorded of it."""

    id: str
    model: str
    gold: str
    answers: Sequence[str]
    tokens: Sequence[int]


@dataclass
class Drawn:
    """What of a question was drawn so far."""

    order: Sequence[int]
    taken: int = 0
    spent: int = 0
    cut: int = 0
    votes: Counter[str] | None = None

    def draw(self, question: Recorded, share: int) -> bool:
        """Draw until the vote is decided or `share` tokens are spent; returns whether more budget may help."""
        votes = self.votes = self.votes or Counter()
        while self.taken < min(MOST_SAMPLES, len(self.order)):
            if agreed(list(votes.values()), confidence=CONFIDENCE, min_votes=MIN_VOTES):
                return False
            tokens = question.tokens[self.order[self.taken]]
            if self.spent + tokens > share:
                self.cut += share > self.spent
                self.taken += share > self.spent
                self.spent = max(self.spent, share)
                return True
            self.spent += tokens
            votes[question.answers[self.order[self.taken]]] += 1
            self.taken += 1
        return False


def read(paths: Iterable[Path]) -> list[Recorded]:
    """Return the questions of recorded files."""
    found = []
    for path in paths:
        raw = path.read_bytes()
        for line in (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines():
            row = json.loads(line)
            if any(tokens is None for tokens in row["tokens"]):
                continue
            id = f"{row['dataset']}/{row['problem_num']}"
            found.append(Recorded(id, row["model"], row["gold"], row["answers"], row["tokens"]))
    return found


def replay(questions: Sequence[Recorded], name: str, cap: int, seed: int) -> list[Drawn]:
    """Return what was drawn of each question under a budget that a policy, or one of the two baselines, shares."""
    chance = random.Random(seed)
    drawn = [Drawn(chance.sample(range(len(each.answers)), len(each.answers))) for each in questions]
    if name == FIXED:
        for each, one in zip(questions, drawn, strict=True):
            one.draw(each, cap // len(questions))
        return drawn
    if name == IN_ORDER:
        left = cap
        for each, one in zip(questions, drawn, strict=True):
            one.draw(each, left)
            left -= one.spent
        return drawn
    policy = make_policy(name)
    state = state_of(cap, [Question(str(index)) for index in range(len(questions))], seed)
    while grants := policy.ask(state):
        state = granted(state, grants)
        for id, share in grants.items():
            one = drawn[int(id)]
            more = one.draw(questions[int(id)], share)
            state = tell(state, _told(state.questions[id], one, more))
    return drawn


def _told(question: Question, one: Drawn, more: bool) -> Question:
    votes = one.votes or Counter()
    return replace(
        question,
        phase=Phase.OPEN if more else Phase.DONE,
        spent=one.spent,
        samples=one.taken,
        votes=votes.total(),
        leader=max(votes.values(), default=0),
    )


def right(question: Recorded, one: Drawn) -> bool:
    """Return whether the most frequent answer is right."""
    votes = one.votes or Counter()
    return bool(votes) and votes.most_common(1)[0][0] == question.gold


def compare(questions: Sequence[Recorded], per_question: Sequence[float], seeds: int) -> list[dict[str, object]]:
    """Return accuracy of each policy at each budget (in mean samples per question), and its gain over the others."""
    by_model: defaultdict[str, list[Recorded]] = defaultdict(list)
    for each in questions:
        by_model[each.model].append(each)
    policies = (IN_ORDER, FIXED, *policy_names())
    rows: list[dict[str, object]] = []
    for samples in per_question:
        # Right answers by policy and question, over models and seeds.
        scores: dict[str, defaultdict[str, list[bool]]] = {name: defaultdict(list) for name in policies}
        spent: Counter[str] = Counter()
        cap_sum = 0
        for of_model in by_model.values():
            mean = float(np.mean([np.mean(each.tokens) for each in of_model]))
            cap = int(samples * mean * len(of_model))
            for seed in range(seeds):
                cap_sum += cap
                for name in policies:
                    drawn = replay(of_model, name, cap, seed)
                    total = sum(one.spent for one in drawn)
                    assert total <= cap, f"{name} passed its budget"
                    spent[name] += total
                    for each, one in zip(of_model, drawn, strict=True):
                        scores[name][each.id].append(right(each, one))
        rows += [
            {
                "samples_per_question": samples,
                "policy": name,
                "accuracy": round(float(np.mean([np.mean(found) for found in scores[name].values()])), 4),
                "spent": round(spent[name] / cap_sum, 3),
                "gain_over_fixed": difference(scores[name], scores[FIXED]),
            }
            for name in policies
        ]
    return rows


def difference(one: Mapping[str, Sequence[bool]], other: Mapping[str, Sequence[bool]]) -> list[float]:
    """Return the mean difference in points and its 95 % interval, bootstrapped over questions."""
    deltas = np.asarray([100 * (np.mean(one[id]) - np.mean(other[id])) for id in sorted(one)])
    drawn = np.random.default_rng(0)
    means = deltas[drawn.integers(0, len(deltas), (RESAMPLES, len(deltas)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return [round(float(value), 2) for value in (deltas.mean(), low, high)]


def main() -> None:
    """Print the table, and write it as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--per-question", nargs="+", type=float, default=[2, 4, 8, 16])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = compare(read(given.files), given.per_question, given.seeds)
    print(f"{'samples':>8} {'policy':<10} {'accuracy':>9} {'spent':>6}  gain over fixed, points [95 %]")
    for row in rows:
        gain = row["gain_over_fixed"]
        assert isinstance(gain, list)
        words = f"{gain[0]:+.2f} [{gain[1]:+.2f}, {gain[2]:+.2f}]"
        print(f"{row['samples_per_question']:>8} {row['policy']:<10} {row['accuracy']:>9} {row['spent']:>6}  {words}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
