"""The evaluation of solving as tables: for the README and the model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from solvent.training.depths import DEPTHS
from solvent.training.evaluate import Evaluation

BEGIN, END = "<!-- evaluation: begin -->", "<!-- evaluation: end -->"
_BAND = (0.2, 0.8)
_MARGIN = 0.15


def table(evaluation: Evaluation) -> str:
    """The figures as Markdown: a row for each family, "pass@1 / pass@k" for each group of depths and for all."""
    lines = [
        f"| family | {' | '.join(f'depth {group}' for group in DEPTHS)} | all | problems | tokens a sample |",
        f"|{'---|' * (len(DEPTHS) + 4)}",
    ]
    for family in [*evaluation.settings.families, None]:
        problems = evaluation.chosen(family)
        drawn = sum(problem.samples for problem in problems if not problem.too_long)
        cells = [_cell(evaluation, family, depths) for depths in [*DEPTHS.values(), None]]
        tokens = f"{sum(problem.tokens for problem in problems) / drawn:.0f}" if drawn else ""
        name = f"`{family}`" if family else "all"
        lines.append(f"| {name} | {' | '.join(cells)} | {len(problems)} | {tokens} |")
    return "\n".join(lines)


def _cell(evaluation: Evaluation, family: str | None, depths: tuple[int, ...] | None) -> str:
    rates = [evaluation.pass_at(k, family=family, depths=depths) for k in (1, evaluation.settings.samples)]
    return " / ".join(f"{rate:.2f}" for rate in rates if rate is not None)


def spread_line(evaluation: Evaluation) -> str:
    """On how many families pass@1 lies in the middle, and how far pass@k is above it there."""
    k, families = evaluation.settings.samples, evaluation.settings.families
    rates = [
        (evaluation.pass_at(1, family=name) or 0.0, evaluation.pass_at(k, family=name) or 0.0) for name in families
    ]
    gains = sorted(many - one for one, many in rates if _BAND[0] <= one <= _BAND[1])
    line = f"pass@1 lies between {_BAND[0]} and {_BAND[1]} on {len(gains)} of {len(families)} families"
    if not gains:
        return f"{line}."
    return (
        f"{line}; on these pass@{k} is {gains[0]:.2f} to {gains[-1]:.2f} above it, at least {_MARGIN} on "
        f"{sum(gain >= _MARGIN for gain in gains)} of them."
    )


def describe(evaluation: Evaluation) -> str:
    """The table with what it rests on."""
    settings = evaluation.settings
    drawn = sum(problem.samples for problem in evaluation.problems if not problem.too_long)
    different = sum(problem.different for problem in evaluation.problems)
    misled = sum(problem.misled for problem in evaluation.problems)
    too_long = sum(problem.too_long for problem in evaluation.problems)
    rate = evaluation.tokens / max(evaluation.sampling_s, 0.1)
    text = (
        f"{len(evaluation.problems)} held-out problems ({settings.problems_per_family} of each family, spread evenly "
        f"over the columns of depths; no concepts shown), {settings.samples} samples each at temperature "
        f"{settings.temperature}, seed {settings.seed}. {drawn} samples with {evaluation.tokens} tokens took "
        f"{evaluation.sampling_s:.0f} s ({rate:.0f} tokens/s, processes: {evaluation.processes}); {different} "
        f"different programs were judged in {evaluation.judging_s:.0f} s in the `{evaluation.sandbox}` sandbox. "
        f"{misled} samples ({100 * misled / max(1, drawn):.1f} %) pass the public tests and fail a hidden one."
    )
    if too_long:
        text += f" {too_long} prompts do not fit the context; their samples count as wrong."
    return (
        f"{text}\n\n{spread_line(evaluation)}\n\nIn each cell pass@1 / pass@{settings.samples}:\n\n{table(evaluation)}"
    )


def update_readme(evaluation: Evaluation, path: Path) -> None:
    """Put the tables between the marks in the file.

    Raises:
        ValueError: the marks are not there.
    """
    replace_between(path, BEGIN, END, describe(evaluation))


def replace_between(path: Path, begin: str, end: str, text: str) -> None:
    """Put a text between two marks in the file.

    Raises:
        ValueError: the marks are not there.
    """
    before, found_begin, rest = path.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"{path} has no {begin} ... {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """The figures for the model card: pass@1 and pass@k by group of depths and by family."""
    return {
        "problems": len(evaluation.problems),
        "samples_per_problem": evaluation.settings.samples,
        "temperature": evaluation.settings.temperature,
        "by_depth": {group: _rates(evaluation, None, depths) for group, depths in {**DEPTHS, "all": None}.items()},
        "by_family": {name: _rates(evaluation, name, None) for name in evaluation.settings.families},
    }


def _rates(evaluation: Evaluation, family: str | None, depths: tuple[int, ...] | None) -> dict[str, float]:
    ks = (1, evaluation.settings.samples)
    return {
        f"pass@{k}": round(rate, 3)
        for k in ks
        if (rate := evaluation.pass_at(k, family=family, depths=depths)) is not None
    }


def update_model_card(evaluation: Evaluation, path: Path) -> None:
    """Replace the measured figures in the model card."""
    card = json.loads(path.read_text())
    card["measured"] = figures(evaluation)
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
