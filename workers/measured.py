"""Models and ledger of a worker with their calls counted and timed on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import cast

from pydantic import JsonValue

from solvent.agents.budget import Ask, Granted, Ledger, Refused, Reservation, Scope, Settled
from solvent.errors import ProviderOverloaded, ProviderRejected, ProviderUnavailable
from solvent.models.base import ChatModel, ChatRequest, Chunk, Message, ModelInfo
from solvent.usage import Budget, Usage
from solvent.workers.metrics import HasRouterMetrics, WorkerMetrics


class MeasuredModel:
    """A `ChatModel` whose requests are counted.

    Args:
        model: does the work; closed with this.
        profile: label of the counts.
        metrics: where they are counted.
    """

    def __init__(self, model: ChatModel, profile: str, metrics: WorkerMetrics) -> None:
        self._model = model
        self._profile = profile
        self._metrics = metrics

    @property
    def info(self) -> ModelInfo:
        """See `ChatModel.info`."""
        return self._model.info

    async def count_prompt_tokens(self, messages: Sequence[Message], prefix: str = "") -> int:
        """See `ChatModel.count_prompt_tokens`."""
        return await self._model.count_prompt_tokens(messages, prefix)

    async def token_ids(self, text: str) -> tuple[int, ...]:
        """See `ChatModel.token_ids`."""
        return await self._model.token_ids(text)

    async def token_text(self, tokens: Sequence[int]) -> str:
        """See `ChatModel.token_text`."""
        return await self._model.token_text(tokens)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """See `ChatModel.stream`."""
        metrics, profile = self._metrics, self._profile
        started, first, result = time.monotonic(), True, "failed"
        with metrics.requests_running.labels(profile).track_inprogress():
            try:
                async with aclosing(self._model.stream(request)) as chunks:
                    async for chunk in chunks:
                        if first and (chunk.text or chunk.finish_reason):
                            first = False
                            metrics.first_s.labels(profile).observe(time.monotonic() - started)
                        yield chunk
                result = "ok"
            except (asyncio.CancelledError, GeneratorExit):
                result = "cancelled"
                raise
            except ProviderOverloaded:
                result = "overloaded"
                raise
            except ProviderUnavailable:
                result = "unavailable"
                raise
            except ProviderRejected:
                result = "rejected"
                raise
            finally:
                metrics.requests.labels(profile, result).inc()
                if result == "ok":
                    metrics.request_s.labels(profile).observe(time.monotonic() - started)

    async def aclose(self) -> None:
        """See `ChatModel.aclose`."""
        await self._model.aclose()


class MeasuredLedger:
    """A `Ledger` whose answers and charges are counted.

    Args:
        ledger: does the work; closed with this.
        metrics: where they are counted.
    """

    def __init__(self, ledger: Ledger, metrics: WorkerMetrics) -> None:
        self._ledger = ledger
        self._metrics = metrics

    async def open(
        self,
        scope: str,
        budget: Budget,
        *,
        parent: str | None = None,
        fingerprint: str = "",
        daily: bool = False,
    ) -> Scope:
        """See `Ledger.open`."""
        return await self._ledger.open(scope, budget, parent=parent, fingerprint=fingerprint, daily=daily)

    async def reserve(self, scope: str, call: str, ask: Ask) -> Reservation:
        """See `Ledger.reserve`."""
        with self._metrics.reserve_s.time():
            answer = await self._ledger.reserve(scope, call, ask)
        self._metrics.reservations.labels(_word(answer)).inc()
        if isinstance(answer, Refused):
            self._metrics.refusals.labels(answer.reason.value, scope_kind(answer.scope)).inc()
        return answer

    async def commit(
        self,
        scope: str,
        call: str,
        used: Usage,
        *,
        artifact: str | None = None,
        note: dict[str, JsonValue] | None = None,
    ) -> None:
        """See `Ledger.commit`."""
        await self._ledger.commit(scope, call, used, artifact=artifact, note=note)
        metrics = self._metrics
        metrics.spent_tokens.labels("prompt").inc(used.prompt_tokens)
        metrics.spent_tokens.labels("completion").inc(used.completion_tokens)
        metrics.spent_calls.inc(used.model_calls)
        metrics.spent_cpu.inc(used.sandbox_cpu_s)
        metrics.spent_cost.inc(used.cost)

    async def release(self, scope: str, call: str) -> None:
        """See `Ledger.release`."""
        await self._ledger.release(scope, call)

    def forfeit(self, scope: str, call: str) -> None:
        """See `Ledger.forfeit`."""
        self._ledger.forfeit(scope, call)

    async def usage(self, scope: str, *, in_flight: bool = True) -> Usage:
        """See `Ledger.usage`."""
        return await self._ledger.usage(scope, in_flight=in_flight)

    async def finish(self, scope: str, result: str) -> None:
        """See `Ledger.finish`."""
        await self._ledger.finish(scope, result)

    async def restart(self, scope: str) -> None:
        """See `Ledger.restart`."""
        await self._ledger.restart(scope)

    async def aclose(self) -> None:
        """See `Ledger.aclose`."""
        await self._ledger.aclose()


def scope_kind(scope: str) -> str:
    """Return whose scope of the ledger it is: a job's, a batch's or a key's. Pure."""
    if scope.startswith("key:"):
        return "key"
    return "batch" if scope.startswith("batch") else "job"


def _word(answer: Reservation) -> str:
    match answer:
        case Granted():
            return "granted"
        case Refused():
            return "refused"
        case Settled():
            return "settled"
        case _:
            return "unfinished"


def router_of(model: object) -> HasRouterMetrics | None:
    """Return a model that has several endpoints as that, or None."""
    return cast(HasRouterMetrics, model) if callable(getattr(model, "metrics", None)) else None
