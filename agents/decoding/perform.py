"""Carries a plan out: each piece is a call that reserves the budget, and its result is kept under a key of its own.

A job that is resumed reads the pieces that were written from the ledger and goes on behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from solvent.agents.budget import Refused
from solvent.agents.calls import Calls
from solvent.agents.decoding.completion import PROBE_TOKENS
from solvent.agents.decoding.confidence import Confidence, ConfidenceMeter, together
from solvent.agents.decoding.end_bias import end_token
from solvent.agents.decoding.markovian import think_in_chunks
from solvent.agents.decoding.no_thinking import without_thinking
from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.decoding.pieces import Came, Piece, Plan, Reply, piece_key, plain
from solvent.agents.decoding.places import places_in
from solvent.agents.decoding.requirements import check
from solvent.agents.decoding.thinking import think
from solvent.agents.decoding.watching import PieceWatch
from solvent.agents.generated import Generated
from solvent.agents.trajectory_state import derived_seed
from solvent.errors import ConfigError, PromptTooLong

if TYPE_CHECKING:
    from solvent.agents.roles import RoleModel
    from solvent.models.base import ChatRequest, Role
    from solvent.models.profiles import ThinkingMarkers


SPARE_TOKENS = 16
"""A text that is carried over may take a few tokens more than it was generated with."""


@dataclass(frozen=True)
class Decoded:
    """A reply, and how it came about."""

    reply: Reply
    tokens: int
    """Completion tokens that it counts for, with its probes."""
    confidence: Confidence | None
    """None where it was not asked for, or no logprobs came."""


@dataclass(frozen=True)
class Desk:
    """Where replies of one trajectory are written.

    Attributes:
        floor: Fewest tokens of a piece that are worth a call; a probe is worth one at its own size.
    """

    calls: Calls
    trajectory: str
    role: Role
    who: RoleModel
    floor: int


async def decode(desk: Desk, key: str, request: ChatRequest, options: DecodingOptions) -> Decoded | Refused:
    """Write one reply under the controls, within the request's `max_tokens`; its own prefix must be empty.

    Where a later piece does not fit the context any more, or the budget refuses it, the reply ends there, as one that
    ran out of tokens.

    Raises:
        ConfigError: the model cannot have the controls, or a chunk does not fit its context; before a token is spent.
        PromptTooLong: the prompt itself leaves no room.
        ProviderError: the endpoint failed.
    """
    model, profile = desk.who.model, desk.who.profile
    check(options, model.info, profile)
    biased = options.end_bias != 0 or options.end_bias_growth != 0
    token = await end_token(options, profile.thinking.end, model) if biased and profile.thinking is not None else None
    prompt_tokens = await model.count_prompt_tokens(request.messages)
    plan = await _plan(desk, request, options, model.info.context_tokens - prompt_tokens)
    performer = _Performer(desk, key, request, options, token)
    try:
        piece = next(plan)
        while True:
            came = await performer.piece(piece)
            if isinstance(came, Refused):
                return came
            piece = plan.send(came)
    except StopIteration as done:
        reply: Reply = done.value
    finally:
        plan.close()
    return Decoded(reply, performer.tokens, together(performer.confidences))


class _Performer:
    def __init__(
        self, desk: Desk, key: str, request: ChatRequest, options: DecodingOptions, end_token: int | None
    ) -> None:
        self._desk = desk
        self._key = key
        self._request = request
        self._options = options
        self._end_token = end_token
        self._number = 0
        self.tokens = 0
        self.confidences: list[Confidence] = []

    async def piece(self, piece: Piece) -> Came | Refused:
        """Have a piece written."""
        desk, number = self._desk, self._number
        self._number += 1
        watch = partial(self._watch, piece)
        floor = min(desk.floor, piece.max_tokens)
        key = piece_key(self._key, number)
        request = self._asked(piece, number)
        try:
            done = await desk.calls.generate(key, desk.trajectory, request, floor=floor, role=desk.role, watch=watch)
        except PromptTooLong:
            if number == 0:
                raise
            return Came("", "length", 0)
        if isinstance(done, Refused):
            # What was written stays a reply, as one that the budget cut off does.
            return done if number == 0 else Came("", "length", 0)
        return await self._came(piece, done)

    async def _came(self, piece: Piece, done: Generated) -> Came:
        self.tokens += done.tokens
        measured = done.record.get("confidence")
        if measured is not None and not piece.probe:
            self.confidences.append(Confidence(**measured))
        record, model = done.record, self._desk.who.model
        if piece.places is not None and done.finish_reason == "length" and "token_ids" in model.info.capabilities:
            record = {**record, **await places_in(model, done.text, *piece.places)}
        return Came(done.text, done.finish_reason, done.tokens, done.stop_text, done.cut, record)

    def _watch(self, piece: Piece) -> PieceWatch:
        window = self._options.confidence_window_tokens
        measured = window is not None and not piece.probe
        return PieceWatch(
            quiet=piece.probe,
            meter=ConfidenceMeter(window or 1, self._options.confidence_cut) if measured else None,
            places=piece.places,
            distribution=piece.top_logprobs is not None,
        )

    def _asked(self, piece: Piece, number: int) -> ChatRequest:
        usual = self._request.sampling
        measured = self._options.confidence_window_tokens is not None and not piece.probe
        bias = () if self._end_token is None or piece.end_bias == 0 else ((self._end_token, piece.end_bias),)
        seed = usual.seed
        changes = {
            "max_tokens": piece.max_tokens,
            "stop": piece.stop if piece.probe else (*usual.stop, *piece.stop),
            "top_logprobs": self._options.confidence_top_logprobs if measured else piece.top_logprobs,
            "logit_bias": bias,
            # Else a piece would be drawn with the random numbers of the one before it.
            "seed": seed if seed is None or number == 0 else derived_seed(seed, number),
            "temperature": 0.0 if piece.probe else usual.temperature,
        }
        return self._request.model_copy(update={"prefix": piece.prefix, "sampling": usual.model_copy(update=changes)})


async def _plan(desk: Desk, request: ChatRequest, options: DecodingOptions, room: int) -> Plan:
    """Return the plan for the controls that are on.

    Args:
        desk: who writes.
        request: for the whole reply.
        options: the controls.
        room: tokens that the context leaves behind the prompt.
    """
    max_tokens, markers = request.sampling.max_tokens, desk.who.profile.thinking
    chunk = options.markovian_chunk_tokens
    if chunk is not None:
        if chunk + options.markovian_head_tokens + SPARE_TOKENS > room:
            raise ConfigError(
                f"profile {desk.who.profile.name}: chunks of {chunk} tokens and a head of "
                f"{options.markovian_head_tokens} do not fit the {room} that its context leaves behind this prompt",
                remedy="make markovian_chunk_tokens smaller",
            )
        return think_in_chunks(options, markers, max_tokens)
    if options.controls in ((), ("confidence",)) or markers is None:
        return plain(max_tokens)
    if options.no_thinking:
        return without_thinking(options, markers, max_tokens)
    wait = options.thinking_wait
    if isinstance(wait, int):
        wait = await desk.who.model.token_text([wait])
    return think(options, markers, _within(max_tokens, room, _put_in(options, markers, wait)), wait)


def _put_in(options: DecodingOptions, markers: ThinkingMarkers, wait: str) -> int:
    """Return an upper bound of the tokens that are put into a reply, or behind it for a probe: their bytes."""
    behind = [options.answer_bridge]
    if options.early_answers is not None:
        behind.append(options.early_answer_text)
    asked = [len(options.completion_text.encode()) + PROBE_TOKENS] if options.completion_threshold is not None else []
    longest = max([len(text.encode()) for text in behind] + asked)
    waits = options.thinking_waits if options.thinking_floor_tokens else 0
    return waits * len(wait.encode()) + len(markers.end.encode()) + 1 + longest


def _within(max_tokens: int, room: int, put_in: int) -> int:
    """Return the tokens of a reply so that it fits the context with what is put into it, where that is possible."""
    return max(1, min(max_tokens, room - put_in))
