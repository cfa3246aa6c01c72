"""The figures of a stream of problems with and without a memory: shares, differences with intervals, the curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from solvent.service.benchmark import bootstrap

WINDOW = 50
"""Problems over which the curve is averaged."""


@dataclass(frozen=True)
class Row:
    """One problem of one run.

    `right`: the hidden tests accept the selected answer; `shown`: concepts in the prompt; `solved`: what the public
    tests and the run itself say.
    """

    problem_id: str
    right: bool
    tokens: int
    shown: int
    answer: str
    solved: bool = False

    def then(self, later: Row | None) -> Row:
        """The problem with a later attempt, if any: its answer counts where it is solved, its tokens in any case."""
        if later is None:
            return self
        return replace(later if later.solved else self, tokens=self.tokens + later.tokens)


@dataclass(frozen=True)
class Run:
    """One arm in one order of the problems."""

    arm: str
    order: int
    rows: tuple[Row, ...]

    @property
    def share(self) -> float:
        """Of the problems, those solved."""
        return sum(row.right for row in self.rows) / len(self.rows)

    @property
    def tokens(self) -> int:
        """Of all calls."""
        return sum(row.tokens for row in self.rows)

    def line(self) -> str:
        """The run in one line."""
        shown = sum(row.shown > 0 for row in self.rows) / len(self.rows)
        return (
            f"{self.arm} {self.order}: {self.share:.3f} solved, {self.tokens:,} tokens, concepts shown in {shown:.2f}"
        )

    def curve(self, window: int = WINDOW) -> list[float]:
        """The share of solved ones among the `window` problems up to each place (fewer at the beginning)."""
        right = [float(row.right) for row in self.rows]
        starts = [max(0, place - window) for place in range(1, len(right) + 1)]
        return [sum(right[start:place]) / (place - start) for place, start in enumerate(starts, 1)]


@dataclass(frozen=True)
class Difference:
    """Of the shares of two arms on the same problems, with a 95 % interval (bootstrap over problems)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def difference(of: Sequence[Run], without: Sequence[Run], seed: int = 0) -> Difference:
    """How much greater the share of some runs is than that of others, each problem with its mean over the runs.

    Raises:
        ValueError: the runs have different problems.
    """
    first, second = _rates(of), _rates(without)
    if set(first) != set(second):
        raise ValueError("the runs have different problems")
    gains = [first[name] - second[name] for name in sorted(first)]
    low, high = bootstrap(gains, seed)
    return Difference(sum(gains) / len(gains), low, high)


def _rates(runs: Sequence[Run]) -> dict[str, float]:
    rates: dict[str, float] = {}
    for run in runs:
        for row in run.rows:
            rates[row.problem_id] = rates.get(row.problem_id, 0.0) + row.right / len(runs)
    return rates


@dataclass(frozen=True)
class Stream:
    """All runs over the same problems. `frozen_repeats`: whether two runs with a snapshot were equal; None: not run."""

    runs: tuple[Run, ...]
    seed: int
    job_tokens: int | None
    other_job_tokens: int | None
    """Cap of a job in the arms `off` and `empty`."""
    budget: int | None = None
    """Tokens of an arm, which its jobs share."""
    frozen_repeats: bool | None = None

    def of(self, arm: str) -> list[Run]:
        """The runs of an arm, by order."""
        return [run for run in self.runs if run.arm == arm]

    def figures(self) -> dict[str, JsonValue]:
        """Everything as JSON values."""
        live = self.of("live")
        found: dict[str, JsonValue] = {
            "seed": self.seed,
            "job_tokens": self.job_tokens,
            "other_job_tokens": self.other_job_tokens,
            "budget": self.budget,
            "problems": len(self.runs[0].rows),
            "runs": [
                {"arm": run.arm, "order": run.order, "solved": run.share, "tokens": run.tokens} for run in self.runs
            ],
            "frozen_repeats": self.frozen_repeats,
        }
        for other in ("off", "empty", "known"):
            if live and self.of(other):
                gain = difference(live, self.of(other))
                found[f"live_minus_{other}"] = {"value": gain.value, "low": gain.low, "high": gain.high}
        if live:
            found["live_spread"] = max(run.share for run in live) - min(run.share for run in live)
            found["live_curve"] = [round(value, 4) for value in _mean_curve(live)]
        return found


def _mean_curve(runs: Sequence[Run]) -> list[float]:
    curves = [run.curve() for run in runs]
    return [sum(values) / len(values) for values in zip(*curves, strict=True)]


def report(stream: Stream) -> str:
    """The figures as Markdown."""
    live = stream.of("live")
    lines = ["| arm | order | solved | tokens | tokens a problem |", "|---|---|---|---|---|"]
    for run in stream.runs:
        each = run.tokens / len(run.rows)
        lines.append(f"| {run.arm} | {run.order} | {run.share:.3f} | {run.tokens:,} | {each:.0f} |")
    lines.append("")
    compared = [other for other in ("off", "empty", "known") if live and stream.of(other)]
    lines += [f"* live less {other}: {difference(live, stream.of(other))}" for other in compared]
    if len(live) > 1:
        spread = max(run.share for run in live) - min(run.share for run in live)
        lines.append(f"* greatest difference between orders of live: {spread:.3f}")
    if stream.frozen_repeats is not None:
        lines.append(f"* a frozen snapshot repeats its own result: {'yes' if stream.frozen_repeats else 'NO'}")
    return "\n".join(lines) + "\n"


def draw(stream: Stream, picture: Path, say: Callable[[str], None]) -> None:
    """Draw the share of solved problems over the stream; without matplotlib, say so and draw nothing."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        say("matplotlib is not installed: no picture of the curve")
        return
    figure = Figure(figsize=(8, 4.5))
    axes = figure.subplots()
    for arm, colour in (("live", "tab:blue"), ("off", "tab:grey"), ("empty", "tab:orange"), ("known", "tab:green")):
        runs = stream.of(arm)
        for run in runs if len(runs) > 1 else ():
            axes.plot(range(1, len(run.rows) + 1), run.curve(), color=colour, linewidth=0.6, alpha=0.35)
        if runs:
            curve = _mean_curve(runs)
            # Often as `off` is, and drawn over it.
            dashes = "--" if arm == "empty" else "-"
            axes.plot(range(1, len(curve) + 1), curve, dashes, color=colour, linewidth=2, label=arm)
    axes.set(xlabel="problem of the stream", ylabel=f"solved, of the last {WINDOW}", ylim=(0, 1))
    axes.grid(True, alpha=0.3)
    axes.legend()
    figure.savefig(picture, dpi=110, bbox_inches="tight")
