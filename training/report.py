"""The evaluation as tables: for the README and the model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from solvent.training.evaluate import Evaluation
from solvent.training.families import FAMILIES
from solvent.training.families.catalog import MAX_DEPTH

BEGIN, END = "<!-- evaluation: begin -->", "<!-- evaluation: end -->"
_DEPTHS = {str(depth): range(depth, depth + 1) for depth in range(1, MAX_DEPTH + 1)}
_BANDS = {"1-3": range(1, 4), "5-8": range(5, 9), "all": range(1, MAX_DEPTH + 1)}


def table(evaluation: Evaluation) -> str:
    """The figures as Markdown: one row per depth, pass@1 and pass@k for each family and for all."""
    k = evaluation.settings.samples
    names = [*FAMILIES, "all"]
    lines = [
        f"| depth | problems | {' | '.join(f'{name} @1 | @{k}' for name in names)} |",
        f"|{'---|' * (2 + 2 * len(names))}",
    ]
    for band, depths in (_DEPTHS | _BANDS).items():
        count = sum(problem.depth in depths for problem in evaluation.problems)
        cells = [
            f"{evaluation.pass_at(each, family=None if name == 'all' else name, depths=depths):.2f}"
            for name in names
            for each in (1, k)
        ]
        lines.append(f"| {band} | {count} | {' | '.join(cells)} |")
    return "\n".join(lines)


def describe(evaluation: Evaluation) -> str:
    """The tables with what they rest on."""
    settings = evaluation.settings
    drawn = sum(problem.samples for problem in evaluation.problems)
    different = sum(problem.different for problem in evaluation.problems)
    misled = sum(problem.misled for problem in evaluation.problems)
    return (
        f"{len(evaluation.problems)} held-out problems ({settings.problems_per_cell} for each family and depth), "
        f"{settings.samples} samples each at temperature {settings.temperature}, seed {settings.seed}: {drawn} "
        f"samples, {evaluation.tokens} tokens in {evaluation.sampling_s:.0f} s "
        f"({evaluation.tokens / evaluation.sampling_s:.0f} tokens/s); {different} different programs judged in "
        f"{evaluation.judging_s:.0f} s in the `{evaluation.sandbox}` sandbox. {misled} samples "
        f"({100 * misled / drawn:.1f} %) pass the public tests and fail a hidden one.\n\n{table(evaluation)}"
    )


def update_readme(evaluation: Evaluation, path: Path) -> None:
    """Put the tables between the marks in the file.

    Raises:
        ValueError: the marks are not there.
    """
    text = path.read_text()
    before, found_begin, rest = text.partition(BEGIN)
    _, found_end, after = rest.partition(END)
    if not found_begin or not found_end:
        raise ValueError(f"{path} has no {BEGIN} ... {END}")
    path.write_text(f"{before}{BEGIN}\n{describe(evaluation)}\n{END}{after}")


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """The figures for the model card: pass@1 and pass@k by band of depths."""
    k = evaluation.settings.samples
    return {
        "problems": len(evaluation.problems),
        "samples_per_problem": k,
        "temperature": evaluation.settings.temperature,
        "by_depth": {
            band: {f"pass@{each}": round(evaluation.pass_at(each, depths=depths), 3) for each in (1, k)}
            for band, depths in (_DEPTHS | _BANDS).items()
        },
        "by_family": {
            name: {f"pass@{each}": round(evaluation.pass_at(each, family=name), 3) for each in (1, k)}
            for name in FAMILIES
        },
    }


def update_model_card(evaluation: Evaluation, path: Path) -> None:
    """Replace the measured figures in the model card."""
    card = json.loads(path.read_text())
    card["measured"] = figures(evaluation)
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
