"""The roles' evaluation as a table for the README."""

from __future__ import annotations

from pathlib import Path

from solvent.training.evaluate_roles import RoleEvaluation
from solvent.training.report import replace_between

BEGIN, END = "<!-- roles: begin -->", "<!-- roles: end -->"


def describe_roles(evaluation: RoleEvaluation) -> str:
    """The table with what it rests on."""
    settings = evaluation.settings
    lines = [
        f"On the held-out problems of the evaluation below: the roles play on the {evaluation.problems} of depths 1 to "
        f"{settings.max_depth}, with the first {settings.programs} samples of each (its other samples are the fresh "
        f"ones that repairs and summaries are compared with); {settings.repairs} repairs, "
        f"{settings.answers} replies of tests, summarise and plans first, and {settings.reasoned_answers} answers by "
        "reasoning to each prompt, at temperature 1, and the likeliest reply elsewhere. Concepts: "
        f"{settings.concept_problems} further problems of each family of house rules, {settings.concept_answers} "
        f"samples each. Seed {settings.seed}, judged in the `{evaluation.sandbox}` sandbox, "
        f"{evaluation.seconds:.0f} s. In brackets the 95 % interval; the gain's is that of the differences of the same "
        "items.",
        "",
        "| role | measure | value | n | without the role | gain |",
        "|---|---|---|---|---|---|",
    ]
    for measure in evaluation.measures:
        baseline = "" if measure.baseline is None else f"{measure.baseline:.2f} ({measure.baseline_name})"
        gain = "" if measure.gain is None else "{:+.2f} [{:+.2f}, {:+.2f}]".format(*measure.gain)
        lines.append(
            f"| {measure.role} | {measure.name} | {measure.value:.2f} [{measure.low:.2f}, {measure.high:.2f}] "
            f"| {measure.count} | {baseline} | {gain} |"
        )
    return "\n".join(lines)


def update_roles(evaluation: RoleEvaluation, path: Path) -> None:
    """Put the table between the marks in the file.

    Raises:
        ValueError: the marks are not there.
    """
    replace_between(path, BEGIN, END, describe_roles(evaluation))
