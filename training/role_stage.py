"""What the measures of the roles share: settings, the model at work, problems with programs tried on them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict

from solvent.models.base import Completion, Sampling
from solvent.sandbox.base import Sandbox
from solvent.training.bulk import BulkVerdict
from solvent.training.evaluate import Drawn, Verdicts, extract_program, judge_drawn, replies
from solvent.training.families import FAMILIES, Sample
from solvent.training.roles.trials import Tried
from solvent.training.sampler_pool import Sampler

GREEDY, DRAWN = 0.0, 1.0
"""Temperatures."""


class RoleSettings(BaseModel):
    """What is drawn; with the weights and the samples of solving it decides every sample."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_depth: int = 4
    """The roles play on the problems of solving up to this depth."""
    programs: int = 8
    """Samples of each of these problems that the roles look at: the first ones. The others are the fresh samples that
    repairs and summaries are compared with, so there must be some."""
    repairs: int = 3
    """Replies of refine to each prompt."""
    answers: int = 2
    """Replies of tests and summarise to each prompt, and programs after a plan for each problem."""
    concept_problems: int = 20
    """Problems of each family of house rules, each with four kinds of concepts."""
    concept_answers: int = 3
    reasoned_answers: int = 8
    """Of each word problem."""
    max_tokens: int = 320
    max_thinking_tokens: int = 320
    seed: int = 17
    families: tuple[str, ...] = tuple(FAMILIES)


@dataclass(frozen=True)
class Stage:
    """What every measure is taken with.

    Attributes:
        drawn: All problems of solving with what the model wrote; `verdicts` are those of its programs.
        tried: Those problems that the roles play on, each with the different programs among its first samples.
        fresh: For each of `tried` the share of right ones among its other samples. Were it measured on the first ones,
            to choose problems by what is wrong or right among these would bias it.
    """

    sampler: Sampler
    sandbox: Sandbox
    settings: RoleSettings
    drawn: tuple[Drawn, ...]
    verdicts: Verdicts
    tried: tuple[Tried, ...]
    fresh: tuple[float, ...]

    async def ask(
        self,
        prompts: Sequence[str],
        *,
        n: int = 1,
        temperature: float = GREEDY,
        top_logprobs: int | None = None,
        max_tokens: int | None = None,
    ) -> list[list[Completion]]:
        """The model's replies to each prompt; none to a prompt that does not fit its context."""
        sampling = Sampling(
            temperature=temperature,
            max_tokens=max_tokens or self.settings.max_tokens,
            seed=self.settings.seed,
            top_logprobs=top_logprobs,
        )
        return list(await asyncio.gather(*(replies(self.sampler, prompt, sampling, n) for prompt in prompts)))

    async def greedy(self, prompts: Sequence[str], *, max_tokens: int | None = None) -> list[str]:
        """The likeliest reply to each prompt; empty where it does not fit."""
        return [found[0].text if found else "" for found in await self.ask(prompts, max_tokens=max_tokens)]

    async def solved(self, samples: Sequence[Sample], prompts: Sequence[str], n: int) -> list[float]:
        """For each prompt the share of its n drawn replies whose program passes all tests of the sample."""
        found = await self.ask(prompts, n=n, temperature=DRAWN)
        drawn = [
            Drawn(sample, tuple(extract_program(reply.text).strip("\n") for reply in of), 0)
            for sample, of in zip(samples, found, strict=True)
        ]
        verdicts = await judge_drawn(self.sandbox, drawn)
        return [right_share(one, of) for one, of in zip(drawn, verdicts, strict=True)]

    def solve_rates(self) -> list[float]:
        """For each of `drawn` the share of right samples."""
        return [right_share(one, of) for one, of in zip(self.drawn, self.verdicts, strict=True)]


def fresh_rate(drawn: Drawn, verdicts: dict[str, BulkVerdict], programs: int) -> float:
    """The share of right ones among the samples behind the first so many; 0 where the prompt does not fit.

    Raises:
        ValueError: there are none behind them.
    """
    if 0 < len(drawn.programs) <= programs:
        raise ValueError(f"the roles look at {programs} samples of each problem, and need more to compare with")
    return right_share(replace(drawn, programs=drawn.programs[programs:]), verdicts)


def right_share(drawn: Drawn, verdicts: dict[str, BulkVerdict]) -> float:
    """The share of the samples that pass all tests; 0 where there are none."""
    right = sum(verdicts[program].public and verdicts[program].hidden for program in drawn.programs)
    return right / len(drawn.programs) if drawn.programs else 0.0
