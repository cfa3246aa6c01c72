"""Evaluation of solving: programs drawn on held-out problems, each judged in the sandbox, and counted."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from solvent.errors import PromptTooLong
from solvent.models.base import ChatRequest, Completion, Message, Sampling
from solvent.problems.problem import IoTest, Problem, ProblemKind
from solvent.sandbox.base import Sandbox
from solvent.training.bulk import BulkVerdict, Candidate, judge_all
from solvent.training.depths import depths_of
from solvent.training.families import FAMILIES, Sample, generate_samples
from solvent.training.families.catalog import to_problem
from solvent.training.passk import pass_at_k
from solvent.training.prompting import render_prompt
from solvent.training.sampler_pool import Sampler

_FENCE = re.compile(r"```(?:python)?\n(.*?)(?:```|\Z)", re.DOTALL)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EvaluationSettings(_Frozen):
    """What is drawn; with the weights it decides every sample."""

    problems_per_family: int = 10
    """Held-out problems of each family, spread over its depths."""
    samples: int = 64
    temperature: float = 1.0
    seed: int = 7
    max_tokens: int = 256
    """The longest reference program has 160."""
    families: tuple[str, ...] = tuple(FAMILIES)


class ProblemResult(_Frozen):
    """How the samples of one problem fared."""

    family: str
    depth: int
    open_steps: int
    samples: int
    right: int
    """Samples that pass all tests, public and hidden."""
    different: int
    """Different programs among the samples."""
    misled: int
    """Samples that pass all public tests but not the hidden ones."""
    tokens: int
    """Of all its samples."""
    too_long: bool
    """The prompt does not fit the model's context: all samples count as wrong."""


class Evaluation(_Frozen):
    """Settings, results and costs of one evaluation."""

    settings: EvaluationSettings
    sandbox: str
    processes: int
    tokens: int
    sampling_s: float
    judging_s: float
    problems: tuple[ProblemResult, ...]

    def chosen(self, family: str | None = None, depths: Iterable[int] | None = None) -> list[ProblemResult]:
        """The problems of one family or of all, of these depths or of all."""
        wanted = None if depths is None else set(depths)
        return [
            one for one in self.problems if family in (None, one.family) and (wanted is None or one.depth in wanted)
        ]

    def pass_at(self, k: int, *, family: str | None = None, depths: Iterable[int] | None = None) -> float | None:
        """Mean pass@k of the chosen problems; None where there are none."""
        problems = self.chosen(family, depths)
        return sum(pass_at_k(p.samples, p.right, k) for p in problems) / len(problems) if problems else None


@dataclass(frozen=True)
class Drawn:
    """A problem with what the model wrote for it.

    Attributes:
        programs: One for each of its samples, in their order; none where the prompt does not fit.
        tokens: Of all samples.
    """

    sample: Sample
    programs: tuple[str, ...]
    tokens: int


Verdicts = list[dict[str, BulkVerdict]]
"""For each problem the verdict of each different program."""


def extract_program(text: str) -> str:
    """The program in the first fence, else the whole text."""
    found = _FENCE.search(text)
    return found.group(1) if found else text


def held_out_samples(settings: EvaluationSettings) -> list[Sample]:
    """The problems of the evaluation, family by family and depth by depth. No concepts are shown with them."""
    drawn = [
        sample
        for family in settings.families
        for depth, count in depths_of(family, settings.problems_per_family).items()
        for sample in generate_samples("held-out", family, depth, count, settings.seed)
    ]
    return [replace(sample, shown_concepts=()) for sample in drawn]


async def evaluate(
    sampler: Sampler, sandbox: Sandbox, settings: EvaluationSettings, processes: int, report: Callable[[str], None]
) -> tuple[Evaluation, list[Drawn], Verdicts]:
    """Draw samples of all problems and judge them.

    Raises:
        SandboxError: the sandbox failed, or a program broke the harness.
        ProviderError: the model failed.
    """
    started = time.monotonic()
    drawn = await draw_programs(sampler, held_out_samples(settings), settings)
    sampled = time.monotonic()
    report(f"solve: {sum(one.tokens for one in drawn)} tokens in {sampled - started:.0f} s")
    verdicts = await judge_drawn(sandbox, drawn, report)
    evaluation = Evaluation(
        settings=settings,
        sandbox=sandbox.info.isolation,
        processes=processes,
        tokens=sum(one.tokens for one in drawn),
        sampling_s=round(sampled - started, 1),
        judging_s=round(time.monotonic() - sampled, 1),
        problems=tuple(result_of(one, found, settings.samples) for one, found in zip(drawn, verdicts, strict=True)),
    )
    return evaluation, drawn, verdicts


async def draw_programs(
    sampler: Sampler, samples: Sequence[Sample], settings: EvaluationSettings, *, thinking: bool = False
) -> list[Drawn]:
    """Programs of the model for each problem, at once or after a plan."""
    sampling = Sampling(temperature=settings.temperature, max_tokens=settings.max_tokens, seed=settings.seed)

    async def one(sample: Sample) -> Drawn:
        completions = await replies(sampler, render_prompt(sample, thinking=thinking), sampling, settings.samples)
        programs = tuple(extract_program(completion.text).strip("\n") for completion in completions)
        return Drawn(sample, programs, sum(completion.usage.completion_tokens for completion in completions))

    return list(await asyncio.gather(*map(one, samples)))


async def replies(sampler: Sampler, prompt: str, sampling: Sampling, n: int) -> list[Completion]:
    """The model's replies to a prompt; none to one that does not fit its context.

    Each prompt has random numbers of its own, which follow from the seed and from nothing else.
    """
    digest = hashlib.blake2b(f"{sampling.seed}|{prompt}".encode(), digest_size=4).digest()
    own = sampling.model_copy(update={"seed": int.from_bytes(digest, "big")})
    try:
        return await sampler.sample(ChatRequest(messages=(Message(role="user", content=prompt),), sampling=own, n=n))
    except PromptTooLong:
        return []


async def judge_drawn(
    sandbox: Sandbox, drawn: Sequence[Drawn], report: Callable[[str], None] = lambda _: None
) -> Verdicts:
    """Judge every different program of each problem once.

    Raises:
        SandboxError: the sandbox failed, or a program broke the harness.
    """
    problems = [judgeable(to_problem(one.sample, f"held-out-{number:04d}")) for number, one in enumerate(drawn)]
    pairs = [(number, source) for number, one in enumerate(drawn) for source in dict.fromkeys(one.programs)]
    judged = await judge_all(sandbox, [Candidate(problems[number], source) for number, source in pairs], report)
    verdicts: Verdicts = [{} for _ in drawn]
    for (number, source), verdict in zip(pairs, judged, strict=True):
        verdicts[number][source] = verdict
    return verdicts


def result_of(drawn: Drawn, verdicts: dict[str, BulkVerdict], samples: int) -> ProblemResult:
    """The counts of one problem, of which `samples` samples were asked."""
    fared = [verdicts[program] for program in drawn.programs]
    tested = bool(drawn.sample.public_tests)
    return ProblemResult(
        family=drawn.sample.family,
        depth=drawn.sample.depth,
        open_steps=drawn.sample.open_steps,
        samples=samples,
        right=sum(one.public and one.hidden for one in fared),
        different=len(verdicts),
        misled=sum(one.public and not one.hidden and tested for one in fared),
        tokens=drawn.tokens,
        too_long=not drawn.programs,
    )


def judgeable(problem: Problem) -> Problem:
    """A math problem as one whose program must print the gold answer; others as they are."""
    if problem.kind is not ProblemKind.MATH:
        return problem
    test = IoTest(name="answer", stdin="", expected=f"{problem.answer}\n")
    return problem.model_copy(update={"kind": ProblemKind.STDIO, "hidden_tests": (test,)})


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Write the evaluation as JSON, a problem a line."""
    whole = evaluation.model_dump(mode="json")
    rows = [json.dumps(row) for row in whole.pop("problems")]
    head = json.dumps(whole, indent=1).removesuffix("\n}")
    path.write_text(head + ',\n "problems": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n")
