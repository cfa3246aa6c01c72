"""The roles' evaluation as a table for the README."""

from __future__ import annotations

from pathlib import Path

from solvent.training.evaluate_roles import RoleEvaluation

BEGIN, END = "<!-- roles: begin -->", "<!-- roles: end -->"


def describe_roles(evaluation: RoleEvaluation) -> str:
    """The table with what it rests on."""
    settings = evaluation.settings
    lines = [
        f"{evaluation.problems} held-out problems ({settings.problems_per_family} of each family, depths 1 to "
        f"{settings.max_depth}), {settings.samples} programs tried on each at temperature 1, {settings.answers} "
        "replies of refine, tests and summarise to each prompt, the likeliest reply elsewhere; seed "
        f"{settings.seed}, judged in the `{evaluation.sandbox}` sandbox. In brackets the 95 % interval.",
        "",
        "| role | measure | value | n | without the role |",
        "|---|---|---|---|---|",
    ]
    for measure in evaluation.measures:
        baseline = "" if measure.baseline is None else f"{measure.baseline:.2f} ({measure.baseline_name})"
        lines.append(
            f"| {measure.role} | {measure.name} | {measure.value:.2f} [{measure.low:.2f}, {measure.high:.2f}] "
            f"| {measure.count} | {baseline} |"
        )
    return "\n".join(lines)


def update_roles(evaluation: RoleEvaluation, path: Path) -> None:
    """Put the table between the marks in the file.

    Raises:
        ValueError: the marks are not there.
    """
    before, found_begin, rest = path.read_text().partition(BEGIN)
    _, found_end, after = rest.partition(END)
    if not found_begin or not found_end:
        raise ValueError(f"{path} has no {BEGIN} ... {END}")
    path.write_text(f"{before}{BEGIN}\n{describe_roles(evaluation)}\n{END}{after}")
