"""The JSON of answers: chats and plain completions, whole or as a stream's events."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from solvent.models.base import Chunk, TokenLogprob

if TYPE_CHECKING:
    from solvent.models.starter.decoder import Scores

DONE = b"data: [DONE]\n\n"


def sse(payload: Mapping[str, Any]) -> bytes:
    """Return one event."""
    return b"data: " + json.dumps(payload, separators=(",", ":")).encode() + b"\n\n"


def usage(prompt: int, completion: int) -> dict[str, int]:
    """Return the object of counts."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def prompt_logprobs(ids: Sequence[int], scores: Scores, text: Callable[[int], str]) -> list[dict[str, Any] | None]:
    """Return how likely each token of a prompt was, in vLLM's form: nothing is said of the first one."""
    told = zip(ids[1:], scores.logprobs.tolist(), scores.ranks.tolist(), strict=True)
    return [
        None,
        *({str(token): {"logprob": of, "rank": rank, "decoded_token": text(token)}} for token, of, rank in told),
    ]


class Answer:
    """One answer of a chat.

    Args:
        model: name that was asked for.
        prompt_tokens: of all prompts.
        with_logprobs: whether they were asked for.
        stream_usage: whether a last event tells the usage.
        running_usage: whether each event does; it counts the event's own sample.
    """

    kind = "chat.completion"
    piece_kind = "chat.completion.chunk"
    id_prefix = "chatcmpl-"

    def __init__(
        self,
        model: str,
        prompt_tokens: int,
        *,
        with_logprobs: bool,
        stream_usage: bool = False,
        running_usage: bool = False,
    ) -> None:
        self._head = {"id": self.id_prefix + secrets.token_hex(12), "created": int(time.time()), "model": model}
        self._prompt_tokens = prompt_tokens
        self._with_logprobs = with_logprobs
        self._stream_usage = stream_usage
        self._running_usage = running_usage
        self._tokens: dict[int, int] = {}

    def events(self, chunks: Sequence[Chunk]) -> bytes:
        """Return the events of these chunks."""
        parts: list[bytes] = []
        for chunk in chunks:
            if chunk.index not in self._tokens:
                parts += self._opening(chunk.index)
            self._tokens[chunk.index] = chunk.tokens or 0
            parts.append(self._event(self._piece(chunk), chunk.tokens or 0))
        return b"".join(parts)

    def end(self) -> bytes:
        """Return what ends a stream."""
        if not self._stream_usage:
            return DONE
        last = {**self._head, "object": self.piece_kind, "choices": [], "usage": self._whole_usage()}
        return sse(last) + DONE

    def whole(self, samples: Mapping[int, Sequence[Chunk]], scored: Sequence[Any] = ()) -> dict[str, Any]:
        """Return the body of an answer that is not streamed.

        Args:
            samples: the chunks of each sample, to its end.
            scored: how likely the tokens of each prompt were, where that was asked for.
        """
        self._tokens = {index: chunks[-1].tokens or 0 for index, chunks in samples.items()}
        choices = []
        for index, chunks in sorted(samples.items()):
            logprobs = [token for chunk in chunks for token in chunk.logprobs]
            text = "".join(chunk.text for chunk in chunks)
            choice = {
                "index": index,
                **self._content(text),
                "logprobs": self._logprobs(index, logprobs) if self._with_logprobs else None,
                "finish_reason": chunks[-1].finish_reason,
                "stop_reason": chunks[-1].stop_text,
            }
            choices.append(choice)
        body = {**self._head, "object": self.kind, "choices": choices, "usage": self._whole_usage()}
        return self._with_scores(body, scored) if scored else body

    def _with_scores(self, body: dict[str, Any], scored: Sequence[Any]) -> dict[str, Any]:
        return {**body, "prompt_logprobs": scored[0]}

    def _opening(self, index: int) -> Iterable[bytes]:
        delta = {"role": "assistant", "content": ""}
        yield self._event({"index": index, "delta": delta, "logprobs": None, "finish_reason": None}, 0)

    def _content(self, text: str) -> dict[str, Any]:
        return {"message": {"role": "assistant", "content": text, "refusal": None}}

    def _delta(self, text: str) -> dict[str, Any]:
        return {"delta": {"content": text}}

    def _logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
        return {
            "content": [
                {**_entry(token.token, token.logprob), "top_logprobs": [_entry(*other) for other in token.top]}
                for token in tokens
            ]
        }

    def _piece(self, chunk: Chunk) -> dict[str, Any]:
        return {
            "index": chunk.index,
            **self._delta(chunk.text),
            "logprobs": self._logprobs(chunk.index, chunk.logprobs) if self._with_logprobs else None,
            "finish_reason": chunk.finish_reason,
            "stop_reason": chunk.stop_text,
        }

    def _event(self, choice: dict[str, Any], tokens: int) -> bytes:
        event = {**self._head, "object": self.piece_kind, "choices": [choice]}
        if self._running_usage:
            event["usage"] = usage(self._prompt_tokens, tokens)
        elif self._stream_usage:
            event["usage"] = None
        return sse(event)

    def _whole_usage(self) -> dict[str, int]:
        return usage(self._prompt_tokens, sum(self._tokens.values()))


class PlainAnswer(Answer):
    """One answer of /v1/completions; its logprobs have OpenAI's older form."""

    kind = piece_kind = "text_completion"
    id_prefix = "cmpl-"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._offsets: dict[int, int] = {}

    def _opening(self, index: int) -> Iterable[bytes]:
        return ()

    def _with_scores(self, body: dict[str, Any], scored: Sequence[Any]) -> dict[str, Any]:
        samples = len(body["choices"]) // len(scored)
        for choice in body["choices"]:
            choice["prompt_logprobs"] = scored[choice["index"] // samples]
        return body

    def _content(self, text: str) -> dict[str, Any]:
        return {"text": text}

    def _delta(self, text: str) -> dict[str, Any]:
        return {"text": text}

    def _logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
        offsets = []
        for token in tokens:
            offsets.append(self._offsets.get(index, 0))
            self._offsets[index] = offsets[-1] + len(token.token)
        return {
            "tokens": [token.token for token in tokens],
            "token_logprobs": [token.logprob for token in tokens],
            "top_logprobs": [dict(token.top) for token in tokens],
            "text_offset": offsets,
        }


def _entry(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}
