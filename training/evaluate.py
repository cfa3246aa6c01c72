"""Evaluation: sample the shipped engine on held-out problems, judge every program in the sandbox, count."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from solvent.models.base import ChatModel, ChatRequest, Message, Sampling, generate
from solvent.problems.problem import IoTest, Problem, ProblemKind
from solvent.sandbox.base import Sandbox
from solvent.training.bulk import Candidate, judge_all
from solvent.training.families import FAMILIES, Sample, generate_samples
from solvent.training.families.catalog import MAX_DEPTH, to_problem
from solvent.training.passk import pass_at_k
from solvent.training.prompting import render_prompt

_FENCE = re.compile(r"```(?:python)?\n(.*?)(?:```|\Z)", re.DOTALL)
_PROBLEMS_AT_ONCE = 4


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EvaluationSettings(_Frozen):
    """What is drawn; with the weights it decides every sample."""

    problems_per_cell: int = 12
    """Held-out problems for each family and depth."""
    samples: int = 32
    temperature: float = 1.0
    seed: int = 7
    max_tokens: int = 220


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


class Evaluation(_Frozen):
    """Settings, results and costs of one evaluation."""

    settings: EvaluationSettings
    sandbox: str
    tokens: int
    sampling_s: float
    judging_s: float
    problems: tuple[ProblemResult, ...]

    def pass_at(self, k: int, *, family: str | None = None, depths: Iterable[int] = range(1, MAX_DEPTH + 1)) -> float:
        """Mean pass@k of the problems of these depths, of one family or of all."""
        wanted = set(depths)
        chosen = [p for p in self.problems if p.depth in wanted and family in (None, p.family)]
        return sum(pass_at_k(p.samples, p.right, k) for p in chosen) / len(chosen)


def extract_program(text: str) -> str:
    """The program in the first fence, else the whole text."""
    found = _FENCE.search(text)
    return found.group(1) if found else text


def held_out_samples(settings: EvaluationSettings) -> list[Sample]:
    """The problems of the evaluation, family by family and depth by depth."""
    return [
        sample
        for family in FAMILIES
        for depth in range(1, FAMILIES[family].max_depth + 1)
        for sample in generate_samples("held-out", family, depth, settings.problems_per_cell, settings.seed)
    ]


async def evaluate(
    model: ChatModel, sandbox: Sandbox, settings: EvaluationSettings, report: Callable[[str], None]
) -> Evaluation:
    """Sample and judge all problems; `report` gets a line of progress now and then."""
    samples = held_out_samples(settings)
    started = time.monotonic()
    programs, tokens = await _sample_all(model, samples, settings, report)
    sampled = time.monotonic()
    results = await _judge_all(sandbox, samples, programs, report)
    return Evaluation(
        settings=settings,
        sandbox=sandbox.info.isolation,
        tokens=tokens,
        sampling_s=round(sampled - started, 1),
        judging_s=round(time.monotonic() - sampled, 1),
        problems=tuple(results),
    )


async def _sample_all(
    model: ChatModel, samples: list[Sample], settings: EvaluationSettings, report: Callable[[str], None]
) -> tuple[list[Counter[str]], int]:
    gate = asyncio.Semaphore(_PROBLEMS_AT_ONCE)
    done = 0

    async def sample_one(sample: Sample) -> tuple[Counter[str], int]:
        nonlocal done
        sampling = Sampling(temperature=settings.temperature, max_tokens=settings.max_tokens, seed=settings.seed)
        messages = (Message(role="user", content=render_prompt(sample)),)
        async with gate:
            request = ChatRequest(messages=messages, sampling=sampling, n=settings.samples)
            completions = await generate(model, request)
        done += 1
        if done % 32 == 0 or done == len(samples):
            report(f"sampled {done} of {len(samples)} problems")
        programs = Counter(extract_program(completion.text) for completion in completions)
        return programs, sum(completion.usage.completion_tokens for completion in completions)

    outcomes = await asyncio.gather(*map(sample_one, samples))
    return [programs for programs, _ in outcomes], sum(tokens for _, tokens in outcomes)


async def _judge_all(
    sandbox: Sandbox, samples: list[Sample], programs: list[Counter[str]], report: Callable[[str], None]
) -> list[ProblemResult]:
    problems = [judgeable(to_problem(sample, f"held-out-{number:04d}")) for number, sample in enumerate(samples)]
    pairs = [(number, source) for number, counts in enumerate(programs) for source in counts]
    verdicts = await judge_all(sandbox, [Candidate(problems[number], source) for number, source in pairs], report)
    right, misled = [0] * len(samples), [0] * len(samples)
    for (number, source), verdict in zip(pairs, verdicts, strict=True):
        count = programs[number][source]
        right[number] += count * (verdict.public and verdict.hidden)
        misled[number] += count * (verdict.public and not verdict.hidden and bool(samples[number].public_tests))
    return [
        ProblemResult(
            family=sample.family,
            depth=sample.depth,
            open_steps=sample.open_steps,
            samples=programs[number].total(),
            right=right[number],
            different=len(programs[number]),
            misled=misled[number],
        )
        for number, sample in enumerate(samples)
    ]


def judgeable(problem: Problem) -> Problem:
    """A math problem as one whose program must print the gold answer; others as they are."""
    if problem.kind is not ProblemKind.MATH:
        return problem
    test = IoTest(name="answer", stdin="", expected=f"{problem.answer}\n")
    return problem.model_copy(update={"kind": ProblemKind.STDIO, "hidden_tests": (test,)})


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Write the evaluation as JSON."""
    path.write_text(evaluation.model_dump_json(indent=1) + "\n")
