"""Ways of solving against each other: a plan first, and an answer by reasoning instead of a program."""

from __future__ import annotations

import re

from solvent.training.evaluate import EvaluationSettings, draw_programs, judge_drawn
from solvent.training.prompting import render_prompt
from solvent.training.role_measures import Measure, share
from solvent.training.role_stage import DRAWN, Stage, right_share

GROUPS: dict[str, tuple[str, ...]] = {
    "list, number, string": ("list", "number", "string"),
    "house rules": ("list-rules", "number-rules", "string-rules", "grid-rules"),
    "word": ("word",),
    "grid, matrix, table": ("grid", "matrix", "table"),
    "scan, loop, dp": ("scan", "loop", "dp"),
}
"""Families by what their problems are like."""
_BOXED = re.compile(r"\\boxed\{([^{}\n]*)\}")


async def thinking_effect(stage: Stage) -> list[Measure]:
    """Pass@1 with a plan before the program, by group of families; the baseline is that of the program at once."""
    settings = stage.settings
    pairs = [(one, rate) for one, rate in zip(stage.drawn, stage.solve_rates(), strict=True) if one.sample.plan]
    how = EvaluationSettings(samples=settings.answers, seed=settings.seed, max_tokens=settings.max_thinking_tokens)
    thought = await draw_programs(stage.sampler, [one.sample for one, _ in pairs], how, thinking=True)
    verdicts = await judge_drawn(stage.sandbox, thought)
    rates = [right_share(one, of) for one, of in zip(thought, verdicts, strict=True)]
    measures: list[Measure] = []
    for name, families in {**GROUPS, "all": tuple(stage.settings.families)}.items():
        places = [place for place, one in enumerate(thought) if one.sample.family in families]
        plain = [pairs[place] for place in places]
        lengths = [
            sum(one.tokens for one in of) / max(1, sum(len(one.programs) for one in of))
            for of in ([thought[place] for place in places], [one for one, _ in plain])
        ]
        title = f"pass@1 with a plan first, {name} ({lengths[0]:.0f} tokens a sample, {lengths[1]:.0f} without)"
        measures += share("solve", title, [rates[place] for place in places], [rate for _, rate in plain], "no plan")
    return measures


async def reasoned_answers(stage: Stage) -> list[Measure]:
    """The share of right answers by reasoning, of word problems; the baseline is that of programs."""
    pairs = [
        (one, rate) for one, rate in zip(stage.drawn, stage.solve_rates(), strict=True) if one.sample.kind == "math"
    ]
    prompts = [render_prompt(one.sample, answer=True) for one, _ in pairs]
    found = await stage.ask(prompts, n=stage.settings.reasoned_answers, temperature=DRAWN)
    right = [
        sum(boxed_answer(reply.text) == one.sample.answer for reply in of) / len(of) if of else 0.0
        for (one, _), of in zip(pairs, found, strict=True)
    ]
    return share("solve", "pass@1 of word answers by reasoning", right, [rate for _, rate in pairs], "by a program")


def boxed_answer(text: str) -> str | None:
    """What stands in the last box of a reply."""
    found = _BOXED.findall(text)
    return found[-1].strip() if found else None
