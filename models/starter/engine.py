"""The engine: one background thread that decodes all live samples together, each joining and leaving at any step."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solvent.errors import ProviderUnavailable
from solvent.models.base import Chunk, FinishReason, SampleUsage, TokenLogprob
from solvent.models.starter.decoder import Decoder, Prompt
from solvent.models.starter.sampling import Rule, draw, log_probabilities, random_source
from solvent.models.starter.text import ChatTokenizer, TextStream
from solvent.models.starter.weights import Array, Weights

_REMEMBERED_PROMPTS = 16


@dataclass(eq=False)
class Job:
    """One request: a prompt and its samples.

    Attributes:
        deliver: Takes the chunks of one step, or the exception that ended the job; called on the engine's thread.
        max_tokens: Most tokens of one sample; prompt and sample together fit the context.
    """

    prompt_ids: list[int]
    n: int
    rule: Rule
    seed: int | None
    stop: tuple[str, ...]
    max_tokens: int
    top_logprobs: int | None
    deliver: Callable[[list[Chunk] | BaseException], None]
    cancelled: bool = False


@dataclass(eq=False)
class _Sample:
    """A sample while it is being generated."""

    job: Job
    index: int
    source: np.random.Generator
    text: TextStream
    logits: Array
    token: int = -1
    tokens: int = 0
    ended: bool = False


class Engine:
    """Decodes for any number of requests at once.

    Args:
        slots: Most samples that are decoded together; further ones wait in order of arrival.

    Attributes:
        idle: Set while nothing is left to do.
    """

    def __init__(self, weights: Weights, tokenizer: ChatTokenizer, slots: int) -> None:
        self._decoder = Decoder(weights)
        self._tokenizer = tokenizer
        self._slots = slots
        self.idle = threading.Event()
        self._changed = threading.Condition()
        self._arrived: deque[Job] = deque()
        self._any_cancelled = False
        self._closing = False
        self._waiting: deque[tuple[Job, int]] = deque()
        self._live: list[_Sample] = []
        self._prompts: OrderedDict[tuple[int, ...], Prompt] = OrderedDict()
        self._thread = threading.Thread(target=self._run, name="solvent-starter", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a request; from any thread."""
        with self._changed:
            self.idle.clear()
            self._arrived.append(job)
            self._changed.notify()

    def cancel(self, job: Job) -> None:
        """Drop what is left of a request before the next step; from any thread, also after its end."""
        with self._changed:
            job.cancelled = True
            self._any_cancelled = True
            self._changed.notify()

    def close(self) -> None:
        """Stop the thread and wait for it; unfinished requests end with ProviderUnavailable."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._take_changes():
            try:
                self._advance()
            except Exception as error:  # noqa: BLE001 - a defect must reach those who wait, not die with the thread
                self._fail(error)
        self._fail(ProviderUnavailable("the starter model was closed", may_have_generated=True))
        self.idle.set()

    def _take_changes(self) -> bool:
        """Take new and cancelled requests, sleeping while there is nothing to do; False at the end."""
        with self._changed:
            while True:
                while self._arrived:
                    job = self._arrived.popleft()
                    self._waiting.extend((job, index) for index in range(job.n))
                self._drop_cancelled()
                if self._closing:
                    return False
                if self._live or self._waiting:
                    return True
                self.idle.set()
                self._changed.wait()

    def _drop_cancelled(self) -> None:
        if not self._any_cancelled:
            return
        self._any_cancelled = False
        self._waiting = deque((job, index) for job, index in self._waiting if not job.cancelled)
        self._leave(lambda sample: sample.job.cancelled)

    def _advance(self) -> None:
        """Let waiting samples of one request join, draw a token for every live sample, deliver, and decode."""
        self._join()
        logits = np.stack([sample.logits for sample in self._live])
        tokens = draw(logits, [s.job.rule for s in self._live], [s.source for s in self._live])
        news: dict[Job, list[Chunk]] = {}
        for sample, token in zip(self._live, tokens.tolist(), strict=True):
            chunk = self._record(sample, token)
            if chunk is not None:
                news.setdefault(sample.job, []).append(chunk)
        self._leave(lambda sample: sample.ended)
        for job, chunks in news.items():
            job.deliver(chunks)
        if self._live:
            rows = self._decoder.step(np.array([sample.token for sample in self._live]))
            for sample, row in zip(self._live, rows, strict=True):
                sample.logits = row

    def _join(self) -> None:
        if not self._waiting or len(self._live) >= self._slots:
            return
        job = self._waiting[0][0]
        prompt = self._read(tuple(job.prompt_ids))
        while self._waiting and self._waiting[0][0] is job and len(self._live) < self._slots:
            _, index = self._waiting.popleft()
            self._decoder.join(prompt)
            source = random_source(None if job.seed is None else job.seed + index)
            self._live.append(_Sample(job, index, source, TextStream(job.stop), prompt.logits))

    def _read(self, ids: tuple[int, ...]) -> Prompt:
        """Read the prompt, or remember it: samples of one problem often come as requests of their own."""
        prompt = self._prompts.pop(ids, None) or self._decoder.read(list(ids))
        self._prompts[ids] = prompt
        if len(self._prompts) > _REMEMBERED_PROMPTS:
            self._prompts.popitem(last=False)
        return prompt

    def _record(self, sample: _Sample, token: int) -> Chunk | None:
        """Add the drawn token to the sample; return what there is to say, which at its end is never nothing."""
        job = sample.job
        sample.token = token
        sample.tokens += 1
        finish: FinishReason | None = None
        logprobs: tuple[TokenLogprob, ...] = ()
        if token == self._tokenizer.end_id:
            text, finish = sample.text.finish(), "stop"
        else:
            if job.top_logprobs is not None:
                logprobs = (self._logprob(sample.logits, token, job.top_logprobs),)
            text = sample.text.push(self._tokenizer.token_bytes(token))
            if sample.text.stopped:
                finish = "stop"
            elif sample.tokens == job.max_tokens:
                text, finish = text + sample.text.finish(), "length"
        if finish is None:
            if not text and not logprobs:
                return None
            return Chunk(index=sample.index, text=text, logprobs=logprobs, tokens=sample.tokens)
        sample.ended = True
        prompt_tokens = len(job.prompt_ids) if sample.index == 0 else 0
        usage = SampleUsage(prompt_tokens=prompt_tokens, completion_tokens=sample.tokens)
        return Chunk(
            index=sample.index,
            text=text,
            logprobs=logprobs,
            finish_reason=finish,
            usage=usage,
            tokens=sample.tokens,
        )

    def _logprob(self, logits: Array, token: int, top: int) -> TokenLogprob:
        values = log_probabilities(logits)
        best = np.argsort(-values, kind="stable")[:top]
        return TokenLogprob(
            token=self._tokenizer.token_text(token),
            logprob=min(0.0, float(values[token])),
            top=tuple((self._tokenizer.token_text(int(i)), min(0.0, float(values[i]))) for i in best),
        )

    def _leave(self, gone: Callable[[_Sample], bool]) -> None:
        """Free the slots of these samples; `_live` stays in the order of the decoder's slots."""
        for slot in reversed(range(len(self._live))):
            if gone(self._live[slot]):
                self._decoder.leave(slot)
                last = self._live.pop()
                if slot < len(self._live):
                    self._live[slot] = last

    def _fail(self, error: Exception) -> None:
        for job in {sample.job for sample in self._live} | {job for job, _ in self._waiting}:
            job.deliver(error)
        self._waiting.clear()
        self._leave(lambda _: True)
