"""The routes of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Send

from solvent.errors import ProviderError
from solvent.models.base import Chunk
from solvent.models.profiles import ModelProfile
from solvent.models.serving.answers import Answer, PlainAnswer, prompt_logprobs, sse
from solvent.models.serving.errors import ApiError
from solvent.models.serving.generation import Desk, Generation, MakeJob
from solvent.models.serving.http import Gate, UntilGone, answer_error, read_body
from solvent.models.serving.metrics import Metrics
from solvent.models.serving.requests import Reader
from solvent.models.serving.schema import ChatBody, CompletionBody, DetokenizeBody, SamplingFields, TokenizeBody
from solvent.models.starter.engine import Engine
from solvent.models.starter.text import ChatTokenizer

_OPEN_PATHS = frozenset({"/health", "/metrics"})
_LARGE_BODY_CHARACTERS = 16_384
"""From here on a prompt is made into tokens off the event loop."""

Given = TypeVar("Given", bound=SamplingFields)


@dataclass(frozen=True)
class Limits:
    """What the server takes at most.

    Attributes:
        waiting: Samples that may wait beside those that are being decoded; beyond, requests are refused with 429.
        body_bytes: Size of a request's body.
    """

    waiting: int = 256
    body_bytes: int = 1 << 20


class Server:
    """Answers requests for one model.

    Args:
        profile: of the model.
        tokenizer: the model's.
        engine: the model's, running; it is not closed here.
        names: names that the model is asked for by; the first is the one that answers carry.
        limits: see there.
    """

    def __init__(
        self,
        profile: ModelProfile,
        tokenizer: ChatTokenizer,
        engine: Engine,
        *,
        names: tuple[str, ...],
        limits: Limits | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._names = names
        self._tokenizer = tokenizer
        self._engine = engine
        self._context = profile.context_tokens
        self._reader = Reader(profile, tokenizer)
        self._created = int(time.time())
        self.metrics = Metrics(names[0])
        self._desk = Desk(engine, profile.concurrency, self._limits.waiting, self.metrics)

    def app(self, api_key: str | None = None) -> ASGIApp:
        """Return the ASGI application; with a key, all but /health and /metrics asks for it."""
        routes = [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/completions", self._completions, methods=["POST"]),
            Route("/v1/models", self._models),
            Route("/v1/models/{name:path}", self._model),
            Route("/tokenize", self._tokenize, methods=["POST"]),
            Route("/detokenize", self._detokenize, methods=["POST"]),
            Route("/health", self._health),
            Route("/metrics", self._metrics),
        ]
        handlers = {ApiError: answer_error, HTTPException: answer_error, Exception: answer_error}
        paths = frozenset(route.path for route in routes)
        inner = Starlette(routes=routes, exception_handlers=handlers)
        return Gate(inner, key=api_key, metrics=self.metrics, paths=paths, open_paths=_OPEN_PATHS)

    async def _chat(self, request: Request) -> UntilGone:
        body = await read_body(request, ChatBody, self._limits.body_bytes)
        size = sum(len(message.text) for message in body.messages)
        jobs = await self._jobs(body, self._reader.chat, size)
        return self._answer(body, jobs, Answer, with_logprobs=body.logprobs)

    async def _completions(self, request: Request) -> UntilGone:
        body = await read_body(request, CompletionBody, self._limits.body_bytes)
        size = len(body.prompt) if isinstance(body.prompt, str) else sum(len(str(item)) for item in body.prompt)
        jobs = await self._jobs(body, self._reader.completion, size)
        return self._answer(body, jobs, PlainAnswer, with_logprobs=body.logprobs is not None)

    async def _jobs(self, body: Given, read: Callable[[Given], list[MakeJob]], size: int) -> list[MakeJob]:
        self._check_model(body.model)
        return await asyncio.to_thread(read, body) if size > _LARGE_BODY_CHARACTERS else read(body)

    def _answer(
        self, body: SamplingFields, jobs: list[MakeJob], form: type[Answer], *, with_logprobs: bool
    ) -> UntilGone:
        """Admit the request. Nothing may be awaited between this and the answer, which frees its place."""
        generation = self._desk.admit(jobs, len(jobs) * body.n)
        options = body.stream_options
        answer = form(
            body.model or self._names[0],
            generation.prompt_tokens,
            with_logprobs=with_logprobs,
            stream_usage=options is not None and options.include_usage,
            running_usage=options is not None and options.include_usage and options.continuous_usage_stats,
        )
        write = self._stream if body.stream else self._whole

        async def send_answer(send: Send) -> None:
            await write(generation, answer, send)

        return UntilGone(send_answer, generation.close)

    async def _stream(self, generation: Generation, answer: Answer, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            async for chunks in generation.pieces():
                self.metrics.events += len(chunks)
                await send({"type": "http.response.body", "body": answer.events(chunks), "more_body": True})
            last = answer.end()
        except ProviderError as error:
            # The status has been sent; an event is what clients look for.
            last = sse(ApiError(500, error.message, code="generation_failed").body)
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _whole(self, generation: Generation, answer: Answer, send: Send) -> None:
        samples: dict[int, list[Chunk]] = {}
        try:
            async for chunks in generation.pieces():
                for chunk in chunks:
                    samples.setdefault(chunk.index, []).append(chunk)
            scored = [prompt_logprobs(ids, scores, self._tokenizer.token_text) for ids, scores in generation.scores]
            response = JSONResponse(answer.whole(samples, scored))
        except ProviderError as error:
            failure = ApiError(503, error.message, code="generation_failed")
            response = JSONResponse(failure.body, failure.status)
        headers = response.raw_headers
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": False})

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self._card(name) for name in self._names]})

    async def _model(self, request: Request) -> Response:
        name = request.path_params["name"]
        self._check_model(name)
        return JSONResponse(self._card(name))

    async def _tokenize(self, request: Request) -> Response:
        body = await read_body(request, TokenizeBody, self._limits.body_bytes)
        self._check_model(body.model)

        def count() -> list[int]:
            if body.messages is None:
                return self._tokenizer.encode_raw(body.prompt or "")
            return self._reader.chat_prompt(
                body.messages,
                add_generation_prompt=body.add_generation_prompt,
                continue_final_message=body.continue_final_message,
            )

        size = len(body.prompt or "") + sum(len(message.text) for message in body.messages or ())
        ids = await asyncio.to_thread(count) if size > _LARGE_BODY_CHARACTERS else count()
        texts = [self._tokenizer.token_text(token) for token in ids] if body.return_token_strs else None
        return JSONResponse({"count": len(ids), "max_model_len": self._context, "tokens": ids, "token_strs": texts})

    async def _detokenize(self, request: Request) -> Response:
        body = await read_body(request, DetokenizeBody, self._limits.body_bytes)
        self._check_model(body.model)
        self._reader.check_known(body.tokens, "tokens")
        return JSONResponse({"prompt": self._tokenizer.decode(body.tokens)})

    async def _health(self, request: Request) -> Response:
        return Response(status_code=200 if self._engine.alive else 503)

    async def _metrics(self, request: Request) -> Response:
        return PlainTextResponse(
            self.metrics.text(self._engine), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    def _check_model(self, name: str | None) -> None:
        if name is not None and name not in self._names:
            raise ApiError(
                404,
                f"The model {name[:100]!r} does not exist here; this server has: {', '.join(self._names)}",
                param="model",
                code="model_not_found",
            )

    def _card(self, name: str) -> dict[str, object]:
        return {
            "id": name,
            "object": "model",
            "created": self._created,
            "owned_by": "solvent",
            "max_model_len": self._context,
        }
