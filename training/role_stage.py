"""What the measures of the roles share: settings, the model at work, problems with programs tried on them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from solvent.errors import PromptTooLong
from solvent.models.base import ChatModel, ChatRequest, Completion, Message, Sampling, generate
from solvent.sandbox.base import Sandbox
from solvent.training.bulk import Candidate, judge_all
from solvent.training.evaluate import extract_program, judgeable
from solvent.training.families import Sample
from solvent.training.families.catalog import to_problem
from solvent.training.roles.trials import Tried

GREEDY, DRAWN = 0.0, 1.0
"""Temperatures."""


class RoleSettings(BaseModel):
    """What is drawn; with the weights it decides every sample."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    problems_per_family: int = 16
    """Held-out problems of each family, of the depths 1 to `max_depth` in turn."""
    max_depth: int = 4
    samples: int = 8
    """Programs that are tried on each problem."""
    answers: int = 4
    """Replies of refine, tests and summarise to each prompt."""
    max_tokens: int = 320
    seed: int = 17


@dataclass(frozen=True)
class Stage:
    """What every measure is taken with: the model, the sandbox, the problems with programs that were tried on them."""

    model: ChatModel
    sandbox: Sandbox
    settings: RoleSettings
    tried: tuple[Tried, ...]
    gate: asyncio.Semaphore

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

        async def one(prompt: str) -> list[Completion]:
            sampling = Sampling(
                temperature=temperature,
                max_tokens=max_tokens or self.settings.max_tokens,
                seed=self.settings.seed,
                top_logprobs=top_logprobs,
            )
            request = ChatRequest(messages=(Message(role="user", content=prompt),), sampling=sampling, n=n)
            async with self.gate:
                try:
                    return await generate(self.model, request)
                except PromptTooLong:
                    return []

        return list(await asyncio.gather(*map(one, prompts)))

    async def greedy(self, prompts: Sequence[str], *, max_tokens: int | None = None) -> list[str]:
        """The likeliest reply to each prompt; empty where it does not fit."""
        return [replies[0].text if replies else "" for replies in await self.ask(prompts, max_tokens=max_tokens)]

    async def solved(self, samples: Sequence[Sample], prompts: Sequence[str]) -> list[float]:
        """For each prompt the share of its drawn replies whose program passes all tests of the sample."""
        replies = await self.ask(prompts, n=self.settings.answers, temperature=DRAWN)
        texts = [[extract_program(reply.text).strip("\n") for reply in of] for of in replies]
        different = list(dict.fromkeys((place, text) for place, of in enumerate(texts) for text in of))
        problems = [judgeable(to_problem(sample, f"role-{place}")) for place, sample in enumerate(samples)]
        verdicts = await judge_all(self.sandbox, [Candidate(problems[place], text) for place, text in different])
        right = {pair for pair, verdict in zip(different, verdicts, strict=True) if verdict.public and verdict.hidden}
        return [sum((place, text) in right for text in of) / len(of) if of else 0.0 for place, of in enumerate(texts)]


def pass_rate(tried: Tried) -> float:
    """The share of the samples of a problem that are right."""
    total = sum(trial.count for trial in tried.trials)
    return sum(trial.count for trial in tried.trials if trial.right) / total if total else 0.0


def resample_rate(tried: Tried) -> float:
    """The pass rate of a fresh sample, where one that is known to be wrong has been left out."""
    total = sum(trial.count for trial in tried.trials)
    return sum(trial.count for trial in tried.trials if trial.right) / (total - 1) if total > 1 else 0.0
