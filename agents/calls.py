"""The one door through which every model call and sandbox run goes: reserve, do, store the text, commit, report.

A call has a key that is the same in every run of its job. A call that was committed is not made again: its result is
read from the artifact store. A call that was begun and never ended is made anew under the next attempt's id, and its
first attempt stays spent.

Safe provider errors are retried by the backends themselves (`solvent.models.retry`), not here as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from solvent.agents.budget import Ask, Ledger, Refused, Settled
from solvent.agents.events import TextGenerated
from solvent.agents.generated import Generated, generated_from
from solvent.agents.learned import PHASE
from solvent.agents.reporter import Reporter
from solvent.agents.sandbox_calls import SandboxCalls
from solvent.agents.written import Watch, Written
from solvent.artifacts import ArtifactStore
from solvent.errors import PromptTooLong, ProviderUnavailable
from solvent.models.base import ChatRequest
from solvent.sandbox.base import Sandbox
from solvent.usage import Usage

if TYPE_CHECKING:
    from solvent.agents.roles import Cast, RoleModel
    from solvent.models.base import Role

LOSSES_BEFORE_ERROR = 3
"""How often one call may lose its endpoint in one process before the job fails."""


class Calls(SandboxCalls):
    """Model calls and sandbox runs of one job.

    Args:
        job_id: see `CallDoor`, as what is not named here.
        cast: plays the roles.
        sandbox: runs programs.
        cores: held while a program runs, where one is given; shared by all that computes in this process.
    """

    def __init__(
        self,
        *,
        job_id: str,
        cast: Cast,
        sandbox: Sandbox,
        artifacts: ArtifactStore,
        ledger: Ledger,
        report: Reporter,
        cores: asyncio.Semaphore | None = None,
        most_searching: int | None = None,
    ) -> None:
        super().__init__(
            sandbox,
            cores,
            job_id=job_id,
            artifacts=artifacts,
            ledger=ledger,
            report=report,
            most_searching=most_searching,
        )
        self._cast = cast
        self._running: dict[str, asyncio.Task[Generated | Refused]] = {}
        self._text_came = asyncio.Event()

    async def generate(
        self,
        key: str,
        trajectory: str,
        request: ChatRequest,
        *,
        floor: int,
        role: Role = "solve",
        watch: Callable[[], Watch] | None = None,
    ) -> Generated | Refused:
        """Generate one sample (n samples are n calls, each with its own seed and its own fate).

        A call that was begun under this key is waited for. `max_tokens` is cut to what the context and the caps allow;
        where that is under `floor`, the call is refused.

        Where the endpoint is lost meanwhile, the call is made again under the next attempt's id and a reservation of
        its own, up to `LOSSES_BEFORE_ERROR` times. What came of a sample that was lost or cancelled stays spent, with
        the margin that the model states; where the model states none, the whole reservation does. So it is with a
        sample that its `watch` ends (one is made for each attempt), which is a result all the same.

        Raises:
            PromptTooLong: the prompt leaves no room in the context.
            ProviderError: the endpoint failed. What it may have generated stays spent.
        """
        try:
            return await self.begin(key, trajectory, request, floor=floor, role=role, watch=watch)
        finally:
            self._running.pop(key, None)

    def begin(
        self,
        key: str,
        trajectory: str,
        request: ChatRequest,
        *,
        floor: int,
        role: Role = "solve",
        watch: Callable[[], Watch] | None = None,
    ) -> asyncio.Task[Generated | Refused]:
        """Begin a call that `generate` will be asked for, and return its task; its failure waits for `generate` too."""
        if key not in self._running:
            work = self._generate(key, trajectory, request, floor, self._cast.of(role), watch)
            self._running[key] = asyncio.create_task(work, name=f"generate {key}")
        return self._running[key]

    async def first_text(self, *, at_most_s: float) -> None:
        """Wait until a call that was begun writes its first text, until one ends, or until the time is over."""
        if not self._running:
            return
        waiting = asyncio.create_task(self._text_came.wait())
        await asyncio.wait({waiting, *self._running.values()}, timeout=at_most_s, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def aclose(self) -> None:
        """Cancel what was begun and never asked for."""
        left = list(self._running.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _generate(
        self,
        key: str,
        trajectory: str,
        request: ChatRequest,
        floor: int,
        who: RoleModel,
        watch: Callable[[], Watch] | None,
    ) -> Generated | Refused:
        def show(text: str) -> None:
            self._text_came.set()
            self._report(TextGenerated, trajectory=trajectory, text=text)

        prompt_tokens = await who.model.count_prompt_tokens(request.messages, request.prefix)
        info = who.model.info
        room = info.context_tokens - prompt_tokens
        if room < 1:
            raise PromptTooLong(
                f"{info.name}: a prompt of {prompt_tokens} tokens leaves no room in a context of {info.context_tokens}",
                remedy="use a model with a longer context, or shorten the problem",
            )
        wanted = min(request.sampling.max_tokens, room)
        prices = who.profile.prices
        ask = Ask(
            fixed=Usage(prompt_tokens=prompt_tokens, model_calls=1, cost=prices.cost(prompt_tokens, 0)),
            max_tokens=wanted,
            floor=floor,
            token_cost=prices.cost(0, 1),
        )
        losses = 0
        async for call, answer in self._attempts(key, ask, searching=trajectory != PHASE):
            if isinstance(answer, Refused):
                return answer
            if isinstance(answer, Settled):
                text = await self._kept(call, answer)
                if text is None or answer.artifact is None:
                    continue
                return generated_from(text, answer.artifact, answer.used, answer.note)
            sampling = request.sampling.model_copy(update={"max_tokens": answer.max_tokens})
            sampling = who.profile.resolve(sampling)
            written = Written(None if watch is None else watch())
            async with self._ends.held(call):
                try:
                    asked = request.model_copy(
                        update={"sampling": sampling, "session": request.session or self._job_id}
                    )
                    await written.read(who.model, asked, show)
                except asyncio.CancelledError:
                    await self._ends.commit_part(call, answer, written, "cancelled", who)
                    raise
                except ProviderUnavailable as error:
                    if not error.may_have_generated or not error.lost:
                        raise
                    if error.received_tokens is None:
                        self._ledger.forfeit(self._job_id, call)
                    else:
                        await self._ends.commit_part(call, answer, written, "lost", who)
                    losses += 1
                    if losses == LOSSES_BEFORE_ERROR:
                        raise
                    continue
                usage = written.usage
                if usage is None:
                    used = written.used_at_most(answer, info.cut_margin_tokens, prices) or answer.reserved
                else:
                    used = Usage(
                        prompt_tokens=usage.prompt_tokens,
                        completion_tokens=usage.completion_tokens,
                        model_calls=1,
                        cost=prices.cost(usage.prompt_tokens, usage.completion_tokens),
                    )
                note = written.note()
                artifact = await self._ends.keep(call, used, written.text, note=note)
            return generated_from(written.text, artifact, used, note)
        raise AssertionError("attempts do not end")
