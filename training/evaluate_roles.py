"""Evaluation of the roles on the held-out problems of solving: each against what could be had without it."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from solvent.agents.role_replies import concepts_of, inputs_of, numbers_of, probability_right, said_right
from solvent.sandbox.base import Sandbox
from solvent.training.attempts import try_again
from solvent.training.concept_effect import concept_effect
from solvent.training.evaluate import Drawn, Verdicts
from solvent.training.families import FAMILIES
from solvent.training.meaning import same_meaning
from solvent.training.role_measures import Measure, area_measure, share
from solvent.training.role_stage import DRAWN, RoleSettings, Stage, fresh_rate
from solvent.training.roles.builders import BUILDERS, NOTHING
from solvent.training.roles.prompts import render_role
from solvent.training.roles.trials import Trial, Tried
from solvent.training.sampler_pool import Sampler
from solvent.training.style_measures import reasoned_answers, thinking_effect

_FEWEST_SHOWN, _ATTEMPTS_SHOWN = 2, 3
_WORD_TOKENS, _NUMBERS_TOKENS = 8, 24
_NUMBER = re.compile(r"^\d\.$", re.MULTILINE)


class RoleEvaluation(BaseModel):
    """Settings and figures of one evaluation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: RoleSettings
    sandbox: str
    problems: int
    seconds: float
    measures: tuple[Measure, ...]


async def evaluate_roles(
    sampler: Sampler,
    sandbox: Sandbox,
    settings: RoleSettings,
    drawn: Sequence[Drawn],
    verdicts: Verdicts,
    report: Callable[[str], None],
) -> RoleEvaluation:
    """Play each role on the problems that programs were drawn for; `report` gets a line for each figure.

    All roles are played at once, so that the model is never idle; the figures come in a fixed order.

    Raises:
        ValueError: no more samples were drawn than the roles look at.
        SandboxError: the sandbox failed, or a program broke a harness.
        ProviderError: the model failed.
    """
    started = time.monotonic()
    tried, fresh = await tried_of(sandbox, settings, drawn, verdicts)
    stage = Stage(sampler, sandbox, settings, tuple(drawn), verdicts, tuple(tried), tuple(fresh))

    async def measured(part: Callable[[Stage], Awaitable[list[Measure]]]) -> list[Measure]:
        found = await part(stage)
        for measure in found:
            report(f"{measure.role}, {measure.name}: {measure.value:.3f} (n = {measure.count})")
        return found

    parts = (
        thinking_effect,
        reasoned_answers,
        verify_fast,
        verify_slow,
        repair,
        write_tests,
        abstraction,
        choice_of_concepts,
        choice_of_program,
        summary,
        concept_effect,
    )
    figures = await asyncio.gather(*map(measured, parts))
    return RoleEvaluation(
        settings=settings,
        sandbox=sandbox.info.isolation,
        problems=len(tried),
        seconds=round(time.monotonic() - started, 1),
        measures=tuple(measure for of in figures for measure in of),
    )


async def tried_of(
    sandbox: Sandbox, settings: RoleSettings, drawn: Sequence[Drawn], verdicts: Verdicts
) -> tuple[list[Tried], list[float]]:
    """`Stage.tried` and `Stage.fresh`: programs among the first samples, traced, and how the other samples fared.

    Raises:
        ValueError: a problem has no other samples.
        SandboxError: the sandbox failed, or a program broke a harness.
    """
    chosen = [(one, of) for one, of in zip(drawn, verdicts, strict=True) if one.sample.depth <= settings.max_depth]
    fresh = [fresh_rate(one, of, settings.programs) for one, of in chosen]
    programs = [one.programs[: settings.programs] for one, _ in chosen]
    return await try_again(sandbox, [one.sample for one, _ in chosen], programs, [of for _, of in chosen]), fresh


def judged_programs(stage: Stage, each: int) -> list[tuple[int, Trial]]:
    """Up to `each` right and as many wrong programs of the model itself for each problem, by its place in `tried`."""
    rng = random.Random(stage.settings.seed)
    found = []
    for place, tried in enumerate(stage.tried):
        for verdict in (True, False):
            of = [trial for trial in tried.trials if trial.right is verdict]
            found += [(place, trial) for trial in rng.sample(of, min(each, len(of)))]
    return found


async def verify_fast(stage: Stage) -> list[Measure]:
    """The area under the curve of P(right), and the share of programs that it tells rightly."""
    pairs = judged_programs(stage, 2)
    prompts = [render_role(stage.tried[place].sample, "verify", program=trial.program) for place, trial in pairs]
    replies = await stage.ask(prompts, top_logprobs=20, max_tokens=_WORD_TOKENS)
    chances = [probability_right(of[0].logprobs) if of else None for of in replies]
    return _verified("verify-fast", pairs, chances)


async def verify_slow(stage: Stage) -> list[Measure]:
    """As `verify_fast`, after a trace; and the share of the traces that are true."""
    pairs = judged_programs(stage, 1)
    prompts = [render_role(stage.tried[place].sample, "verify-slow", program=trial.program) for place, trial in pairs]
    replies = await stage.ask(prompts, top_logprobs=20)
    chances = [
        probability_right(of[0].logprobs) if of and said_right(of[0].text) is not None else None for of in replies
    ]
    true = [
        float(bool(of) and tuple(of[0].text.splitlines()[:-1]) == trial.trace)
        for (_, trial), of in zip(pairs, replies, strict=True)
    ]
    verified = _verified("verify-slow", pairs, chances)
    return [*verified, *share("verify-slow", "traces that are true to the last line", true)]


def _verified(role: str, pairs: Sequence[tuple[int, Trial]], chances: Sequence[float | None]) -> list[Measure]:
    """An unusable reply counts as undecided, and as told wrongly. The items of the shares are problems."""
    scores: dict[int, tuple[list[float], list[float]]] = {}
    for (place, trial), chance in zip(pairs, chances, strict=True):
        right, wrong = scores.setdefault(place, ([], []))
        (right if trial.right else wrong).append(0.5 if chance is None else chance)
    told_right = [sum(score > 0.5 for score in right) / len(right) for right, _ in scores.values() if right]
    told_wrong = [sum(score < 0.5 for score in wrong) / len(wrong) for _, wrong in scores.values() if wrong]
    return [
        *area_measure(role, "AUC", list(scores.values())),
        *share(role, "right programs called right", told_right),
        *share(role, "wrong programs called wrong", told_wrong),
    ]


async def repair(stage: Stage) -> list[Measure]:
    """The share of repairs of programs that failed a public test that pass all tests, against a fresh sample."""
    rng = random.Random(stage.settings.seed)
    samples, prompts, fresh = [], [], []
    for tried, rate in zip(stage.tried, stage.fresh, strict=True):
        failed = [trial for trial in tried.wrong if trial.failure is not None]
        if failed:
            trial = rng.choice(failed)
            samples.append(tried.sample)
            prompts.append(render_role(tried.sample, "refine", program=trial.program, failure=trial.failure))
            fresh.append(rate)
    solved = await stage.solved(samples, prompts, stage.settings.repairs)
    return share("refine", "wrong programs repaired", solved, fresh, "fresh sample")


async def write_tests(stage: Stage) -> list[Measure]:
    """The share of inputs that are valid; a reply without inputs counts as an invalid one."""
    samples = [tried.sample for tried in stage.tried if tried.sample.kind != "math"]
    prompts = [render_role(sample, "tests") for sample in samples]
    replies = await stage.ask(prompts, n=stage.settings.answers, temperature=DRAWN)
    valid, new = [], []
    for sample, of in zip(samples, replies, strict=True):
        inputs = [text for reply in of for text in inputs_of(reply.text) or [""]]
        known = {test.stdin for test in sample.public_tests}
        accepted = [text for text in inputs if FAMILIES[sample.family].accepts(text)]
        valid.append(len(accepted) / len(inputs))
        new.append(sum(text not in known for text in accepted) / len(inputs))
    return [*share("tests", "inputs that are valid", valid), *share("tests", "inputs that are valid and new", new)]


async def abstraction(stage: Stage) -> list[Measure]:
    """The share of problems whose concepts are all named, with texts that mean the same; and of the rest "none"."""
    having = [tried.sample for tried in stage.tried if tried.sample.concepts]
    others = [tried.sample for tried in stage.tried if not tried.sample.concepts]
    others = others[:: max(1, len(others) // max(1, len(having)))]
    samples = [*having, *others]
    replies = await stage.greedy([render_role(sample, "abstract", program=sample.program) for sample in samples])
    named, meant, nothing = [], [], []
    for sample, reply in zip(samples, replies, strict=True):
        said = {concept.name: concept.text for concept in concepts_of(reply) or []}
        if not sample.concepts:
            nothing.append(float(reply.strip() == NOTHING))
            continue
        named.append(float(set(said) == {concept.name for concept in sample.concepts}))
        meant.append(
            named[-1] * all(same_meaning(said.get(c.name, ""), c.text, sample.family) for c in sample.concepts)
        )
    return [
        *share("abstract", "names right", named),
        *share("abstract", "names and meanings right", meant),
        *share("abstract", "none where there is nothing", nothing),
    ]


async def choice_of_concepts(stage: Stage) -> list[Measure]:
    """The share of problems for which exactly the right concepts are chosen."""
    return await _choice(stage, "choose-concepts", "exactly the right concepts", None)


async def choice_of_program(stage: Stage) -> list[Measure]:
    """The share of problems for which the right one among two to four of the model's own programs is chosen."""
    mixed = []
    for tried in stage.tried:
        right = [trial for trial in tried.trials if trial.right]
        if right and tried.wrong:
            # The builder may choose the reference too, which the model has not written.
            mixed.append(replace(tried, reference=right[0], trials=(*right[1:], *tried.wrong)))
    return await _choice(stage, "choose-program", "the right program", mixed)


async def _choice(stage: Stage, role: str, name: str, work: Sequence[Tried] | None) -> list[Measure]:
    rows = BUILDERS[role](random.Random(stage.settings.seed), stage.tried if work is None else work)
    replies = await stage.greedy([prompt for prompt, _ in rows], max_tokens=_NUMBERS_TOKENS)
    hits, chance = [], []
    for (prompt, wanted), reply in zip(rows, replies, strict=True):
        offered = len(_NUMBER.findall(prompt))
        numbers = numbers_of(reply, 99)
        hits.append(float(numbers is not None and (", ".join(map(str, sorted(numbers))) or NOTHING) == wanted))
        chance.append(1 / max(1, offered))
    if role == "choose-program":
        return share(role, name, hits, chance, "chance")
    return share(role, name, hits)


async def summary(stage: Stage) -> list[Measure]:
    """The share of right programs after two or three different attempts: all of them wrong, and as they come."""
    rng = random.Random(stage.settings.seed)
    measures = []
    for name, only_wrong in (("all attempts shown wrong", True), ("attempts as they come", False)):
        samples, prompts, fresh = [], [], []
        for tried, rate in zip(stage.tried, stage.fresh, strict=True):
            pool = tried.wrong if only_wrong else list(tried.trials)
            if len(pool) >= _FEWEST_SHOWN:
                shown = rng.sample(pool, min(_ATTEMPTS_SHOWN, len(pool)))
                samples.append(tried.sample)
                prompts.append(render_role(tried.sample, "summarise", attempts=[trial.attempt for trial in shown]))
                fresh.append(rate)
        solved = await stage.solved(samples, prompts, stage.settings.answers)
        measures += share("summarise", name, solved, fresh, "fresh sample")
    return measures
