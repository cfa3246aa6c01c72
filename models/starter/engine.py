"""The engine: one background thread that decodes all live samples together, each joining and leaving at any step."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvent.errors import ProviderUnavailable
from solvent.models.base import Chunk, FinishReason, SampleUsage, TokenLogprob
from solvent.models.starter.decoder import Decoder, Prompt, Scores
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
        min_tokens: The end, a stop token or a stop string ends no sample before it has so many.
        stop_tokens: Tokens that end a sample as its own end does; they are not part of the text.
        ignore_end: The model's own end is a token like any other, though without text.
        scored: The prompt's tokens are asked for; `scores` is there once a chunk was delivered.
    """

    prompt_ids: list[int]
    n: int
    rule: Rule
    seed: int | None
    stop: tuple[str, ...]
    max_tokens: int
    top_logprobs: int | None
    deliver: Callable[[list[Chunk] | BaseException], None]
    min_tokens: int = 0
    stop_tokens: frozenset[int] = frozenset()
    ignore_end: bool = False
    scored: bool = False
    scores: Scores | None = None
    cancelled: bool = False


@dataclass(eq=False)
class _Sample:
    """A sample while it is being generated."""

    job: Job
    index: int
    source: np.random.Generator
    text: TextStream
    logits: Array
    ends: frozenset[int]
    token: int = -1
    tokens: int = 0
    ended: bool = False


@dataclass
class Counts:
    """What an engine has done, since it was opened; written on its thread, to be read on any."""

    prompt_tokens: int = 0
    """Of all samples that were begun, each with its whole prompt."""
    remembered_tokens: int = 0
    """Those of `prompt_tokens` that had not to be read again."""
    generated_tokens: int = 0
    steps: int = 0


class Engine:
    """Decodes for any number of requests at once.

    Args:
        slots: Most samples that are decoded together; further ones wait in order of arrival.

    Attributes:
        idle: Set while nothing is left to do.
        counts: What it has done.
    """

    def __init__(self, weights: Weights, tokenizer: ChatTokenizer, slots: int) -> None:
        self._decoder = Decoder(weights)
        self._tokenizer = tokenizer
        self._slots = slots
        self.idle = threading.Event()
        self.counts = Counts()
        self._changed = threading.Condition()
        self._arrived: deque[Job] = deque()
        self._any_cancelled = False
        self._closing = False
        self._waiting: deque[tuple[Job, int]] = deque()
        self._live: list[_Sample] = []
        self._prompts: OrderedDict[tuple[int, ...], Prompt] = OrderedDict()
        self._thread = threading.Thread(target=self._run, name="solvent-starter", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it takes requests."""
        return self._thread.is_alive()

    @property
    def running(self) -> int:
        """Samples that are being decoded; from any thread."""
        return len(self._live)

    @property
    def waiting(self) -> int:
        """Samples that wait for a slot; from any thread."""
        with self._changed:
            return len(self._waiting) + sum(job.n for job in self._arrived if not job.cancelled)

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
        barred = [sorted(s.ends) if s.tokens < s.job.min_tokens else () for s in self._live]
        tokens = draw(logits, [s.job.rule for s in self._live], [s.source for s in self._live], barred)
        self.counts.steps += 1
        self.counts.generated_tokens += len(self._live)
        news: dict[Job, list[Chunk]] = {}
        logprobs = self._logprobs(logits, tokens)
        for sample, token, logprob in zip(self._live, tokens.tolist(), logprobs, strict=True):
            chunk = self._record(sample, token, logprob)
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
        prompt = self._read(tuple(job.prompt_ids), score=job.scored)
        if job.scored:
            job.scores = prompt.scores
        ends = job.stop_tokens if job.ignore_end else job.stop_tokens | {self._tokenizer.end_id}
        begun = 0
        while self._waiting and self._waiting[0][0] is job and len(self._live) < self._slots:
            _, index = self._waiting.popleft()
            self._decoder.join(prompt)
            source = random_source(None if job.seed is None else job.seed + index)
            self._live.append(_Sample(job, index, source, TextStream(job.stop), prompt.logits, ends))
            begun += 1
        self.counts.prompt_tokens += begun * prompt.length
        self.counts.remembered_tokens += (begun - 1) * prompt.length

    def _read(self, ids: tuple[int, ...], *, score: bool) -> Prompt:
        """Read the prompt, or remember it: samples of one problem often come as requests of their own."""
        prompt = self._prompts.pop(ids, None)
        if prompt is None or (score and prompt.scores is None):
            prompt = self._decoder.read(list(ids), score=score)
        else:
            self.counts.remembered_tokens += prompt.length
        self._prompts[ids] = prompt
        if len(self._prompts) > _REMEMBERED_PROMPTS:
            self._prompts.popitem(last=False)
        return prompt

    def _record(self, sample: _Sample, token: int, logprob: TokenLogprob | None) -> Chunk | None:
        """Add the drawn token to the sample; return what there is to say, which at its end is never nothing."""
        job = sample.job
        sample.token = token
        sample.tokens += 1
        finish: FinishReason | None = None
        logprobs: tuple[TokenLogprob, ...] = ()
        if token in sample.ends:
            text, finish = sample.text.finish(), "stop"
        else:
            if logprob is not None:
                logprobs = (logprob,)
            text = sample.text.push(self._tokenizer.token_bytes(token), may_stop=sample.tokens > job.min_tokens)
            if sample.text.stopped_by is not None:
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
            stop_text=sample.text.stopped_by,
        )

    def _logprobs(self, logits: Array, tokens: NDArray[np.int64]) -> list[TokenLogprob | None]:
        """For each live sample what its token's probability was, where the job asks for it."""
        result: list[TokenLogprob | None] = [None] * len(tokens)
        asked = [(row, sample.job.top_logprobs) for row, sample in enumerate(self._live)]
        wanted = [(row, most) for row, most in asked if most is not None]
        if not wanted:
            return result
        rows = [row for row, _ in wanted]
        values = np.minimum(log_probabilities(logits[rows]), 0.0)
        best = np.argsort(-values, axis=1, kind="stable")[:, : max(most for _, most in wanted)]
        text = self._tokenizer.token_text
        for place, (row, most) in enumerate(wanted):
            token, of = int(tokens[row]), values[place]
            top = tuple((text(i), float(of[i])) for i in best[place, :most].tolist())
            result[row] = TokenLogprob(token=text(token), logprob=float(of[token]), top=top)
        return result

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
