"""A real HTTP server with OpenAI's chat completions over any ChatModel, with faults on demand.

It listens on 127.0.0.1 in a thread of its own, words its errors as vLLM does, and stops generating when the client
disconnects. Used as a context manager:

    with OpenAIServer(ScriptedModel(["hello"])) as server:
        model = OpenAIChatModel(server.profile())
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from solvent.errors import SolventError
from solvent.models.base import ChatModel, ChatRequest, Chunk, Message, Sampling, generate
from solvent.models.profiles import ModelProfile

Events = AsyncGenerator[bytes, None]
WAIT_S = 20.0


@dataclass
class Fault:
    """What is done to one chat request instead of, or on top of, answering it.

    Args:
        status: answer with this status and `body`, and generate nothing.
        headers: headers of that answer.
        body: JSON body of that answer, or bytes to send as they are.
        rewrite: replaces the stream of events.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    rewrite: Callable[[Events], Events] | None = None


class OpenAIServer:
    """The server; see the module.

    Attributes:
        faults: taken one per chat request, from the left; None answers that request properly.
        bodies: the body of each chat request, in order of arrival.
        headers: the headers of each chat request.
        live: chat requests being answered now.
        counted: requests for the tokens of a text or a prompt.
        served: chat requests whose stream has ended, also by a disconnect.
        loop: event loop of the server, once it has got a chat request.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        model_ids: tuple[str, ...] = ("served",),
        api_key: str | None = None,
        usage: bool = True,
        thinking: str = "",
        port: int = 0,
    ) -> None:
        self.model = model
        self.faults: deque[Fault | None] = deque()
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.live = 0
        self.counted = 0
        self.served = 0
        self.loop: asyncio.AbstractEventLoop | None = None
        self._ids = model_ids
        self._key = api_key
        self._usage = usage
        self._thinking = thinking
        self._changed = threading.Condition()
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/health", self._health),
                Route("/tokenize", self._tokenize, methods=["POST"]),
                Route("/detokenize", self._detokenize, methods=["POST"]),
            ]
        )
        # Not "auto", which would import the websockets library and its deprecation warnings.
        config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=5)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self) -> OpenAIServer:
        # The socket listens already, so a client that connects before uvicorn accepts just waits.
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.should_exit = True
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "the server did not stop"

    def profile(self, **changes: Any) -> ModelProfile:
        """Return a profile for this server, as for a vLLM endpoint."""
        fields: dict[str, Any] = {
            "name": "served",
            "backend": "openai",
            "base_url": self.base_url,
            "model": "served",
            "context_tokens": self.model.info.context_tokens,
            "prefix": "vllm",
            "count": "tokenize",
            "retry": {"attempts": 1},
        }
        return ModelProfile.model_validate(fields | changes)

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Return once `condition` holds; it is looked at whenever a request begins or ends.

        Raises:
            AssertionError: it never came to hold.
        """

        def block() -> bool:
            with self._changed:
                return self._changed.wait_for(condition, WAIT_S)

        assert await asyncio.to_thread(block), "the server never came to the expected state"

    async def _chat(self, request: Request) -> Response | _Stream:
        body = await request.json()
        self._note(lambda: (self.bodies.append(body), self.headers.append(dict(request.headers))))
        if self._key is not None and request.headers.get("authorization") != f"Bearer {self._key}":
            return _error(401, f"Incorrect API key provided: {request.headers.get('authorization')}")
        fault = self.faults.popleft() if self.faults else None
        if fault is not None and fault.status is not None:
            if isinstance(fault.body, bytes):
                return Response(fault.body, fault.status, dict(fault.headers))
            return JSONResponse(fault.body, fault.status, dict(fault.headers))
        if body["model"] not in self._ids:
            return _error(404, f"The model `{body['model']}` does not exist.", "NotFoundError")
        parsed = _parse(body)
        prompt = await self.model.count_prompt_tokens(parsed.messages, parsed.prefix)
        refusal = _overflow(prompt, parsed.sampling.max_tokens, self.model.info.context_tokens)
        if refusal is not None:
            return _error(400, refusal)
        if not body.get("stream"):
            self._note(self._begin)
            try:
                answer = await self._whole(parsed)
            finally:
                self._note(self._end)
            return JSONResponse(fault.body if fault is not None and fault.body is not None else answer)
        running = bool((body.get("stream_options") or {}).get("continuous_usage_stats")) and self._usage
        events = self._events(parsed, prompt if running else None)
        return _Stream(fault.rewrite(events) if fault is not None and fault.rewrite is not None else events, self)

    async def _whole(self, request: ChatRequest) -> dict[str, Any]:
        """Return a whole answer with how likely the tokens of the prompt were, as vLLM's prompt_logprobs = 0 does."""
        (sample,) = await generate(self.model, request)
        prompt = await self.model.count_prompt_tokens(request.messages, request.prefix)
        own = prompt - await self.model.count_prompt_tokens(request.messages)
        assert sample.prefix_logprob is not None
        values = [-9.0] * (prompt - own - 1) + [sample.prefix_logprob / own] * own
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": sample.text},
                    "finish_reason": sample.finish_reason,
                    "stop_reason": sample.stop_text,
                }
            ],
            "usage": _usage(sample.usage.prompt_tokens, sample.usage.completion_tokens),
            "prompt_logprobs": [None, *({"7": {"logprob": one, "rank": 1, "decoded_token": "x"}} for one in values)],
        }

    async def _events(self, request: ChatRequest, prompt: int | None) -> Events:
        """Yield the events; with `prompt`, each with the usage so far, as vLLM's continuous_usage_stats does."""
        yield _sse({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})
        if self._thinking:
            yield _sse({"choices": [{"index": 0, "delta": {"reasoning": self._thinking}, "finish_reason": None}]})
        try:
            async with aclosing(self.model.stream(request)) as chunks:
                async for chunk in chunks:
                    so_far = {} if prompt is None else {"usage": _usage(prompt, chunk.tokens or 0)}
                    yield _sse({"choices": [_choice(chunk, request)], **so_far})
                    if chunk.usage is not None and self._usage:
                        usage = _usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
                        yield _sse({"choices": [], "usage": usage})
        except SolventError as error:
            yield _sse({"error": {"message": error.message, "type": "InternalServerError", "code": 500}})
            return
        yield b"data: [DONE]\n\n"

    async def _health(self, request: Request) -> Response:
        return Response(status_code=200)

    async def _models(self, request: Request) -> Response:
        if self._key is not None and request.headers.get("authorization") != f"Bearer {self._key}":
            return _error(401, "Unauthorized")
        length = self.model.info.context_tokens
        data = [
            {"id": name, "object": "model", "created": 0, "owned_by": "vllm", "max_model_len": length}
            for name in self._ids
        ]
        return JSONResponse({"object": "list", "data": data})

    async def _tokenize(self, request: Request) -> Response:
        body = await request.json()
        self.counted += 1
        if "prompt" in body:
            # A prompt of one message costs what an empty one does, and its text.
            texts = [(Message(role="user", content=text),) for text in (body["prompt"], "")]
            whole, empty = [await self.model.count_prompt_tokens(messages) for messages in texts]
            count = whole - empty
            tokens = list(await self.model.token_ids(body["prompt"]))
        else:
            messages, prefix = _turns(body)
            count = await self.model.count_prompt_tokens(messages, prefix)
            tokens = []
        return JSONResponse({"count": count, "max_model_len": self.model.info.context_tokens, "tokens": tokens})

    async def _detokenize(self, request: Request) -> Response:
        try:
            return JSONResponse({"prompt": await self.model.token_text((await request.json())["tokens"])})
        except SolventError as error:
            return _error(400, error.message)

    def _note(self, change: Callable[[], object]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    def _begin(self) -> None:
        self.live += 1
        self.loop = asyncio.get_running_loop()

    def _end(self) -> None:
        self.live -= 1
        self.served += 1


class _Stream:
    """An ASGI answer that sends events until they end or the client disconnects, whichever is first."""

    def __init__(self, events: Events, server: OpenAIServer) -> None:
        self._events = events
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._server._note(self._server._begin)
        tasks = [asyncio.create_task(self._write(send)), asyncio.create_task(_disconnected(receive))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self._server._note(self._server._end)
        if isinstance(results[0], Exception):
            raise results[0]

    async def _write(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for data in events:
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class DroppedError(Exception):
    """Raised within a stream of events, it makes uvicorn cut the connection without an end of the body."""


def drop_after(count: int) -> Fault:
    """Cut the connection after `count` events."""

    async def rewrite(events: Events) -> Events:
        async with aclosing(events):
            sent = 0
            async for data in events:
                if sent == count:
                    raise DroppedError
                yield data
                sent += 1

    return Fault(rewrite=rewrite)


def silent() -> Fault:
    """Answer with headers only, and then nothing until the client gives up."""

    async def rewrite(events: Events) -> Events:
        async with aclosing(events):
            await asyncio.Event().wait()
            yield b""

    return Fault(rewrite=rewrite)


def stall_after(count: int) -> Fault:
    """Send `count` events, and then nothing until the client gives up."""

    async def rewrite(events: Events) -> Events:
        async with aclosing(events):
            sent = 0
            async for data in events:
                if sent == count:
                    await asyncio.Event().wait()
                yield data
                sent += 1

    return Fault(rewrite=rewrite)


def replace(*events: bytes | dict[str, Any]) -> Fault:
    """Send these events (objects as JSON, bytes as they are) instead of the model's."""

    async def rewrite(original: Events) -> Events:
        await original.aclose()
        for event in events:
            yield event if isinstance(event, bytes) else _sse(event)

    return Fault(rewrite=rewrite)


def refuse(status: int, message: str, code: str | None = None, **headers: str) -> Fault:
    """Answer with an error of OpenAI's form."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status=status, headers=named, body={"error": {"message": message, "type": "error", "code": code}})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _usage(prompt: int, completion: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _sse(payload: dict[str, Any]) -> bytes:
    common: dict[str, Any] = {}
    if "choices" in payload:
        common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "served"}
    return b"data: " + json.dumps(common | payload).encode() + b"\n\n"


def _choice(chunk: Chunk, request: ChatRequest) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "delta": {"content": chunk.text}, "finish_reason": chunk.finish_reason}
    choice["stop_reason"] = chunk.stop_text
    if request.sampling.top_logprobs is not None:
        content = [
            {
                "token": token.token,
                "logprob": token.logprob,
                "bytes": None,
                "top_logprobs": [{"token": name, "logprob": value, "bytes": None} for name, value in token.top],
            }
            for token in chunk.logprobs
        ]
        choice["logprobs"] = {"content": content}
    return choice


def _turns(body: dict[str, Any]) -> tuple[tuple[Message, ...], str]:
    turns = list(body["messages"])
    prefix = ""
    if body.get("continue_final_message"):
        assert body.get("add_generation_prompt") is False, "vLLM refuses both"
        assert turns[-1]["role"] == "assistant"
        prefix = turns.pop()["content"]
    elif turns[-1].get("prefix"):
        prefix = turns.pop()["content"]
    return tuple(Message.model_validate(turn) for turn in turns), prefix


def _parse(body: dict[str, Any]) -> ChatRequest:
    scored = body.get("prompt_logprobs") == 0
    assert scored != body.get("stream", False), "vLLM tells it in whole answers only"
    assert scored or body["stream_options"]["include_usage"] is True
    assert body.get("n", 1) == 1, "one request per sample"
    messages, prefix = _turns(body)
    sampling = Sampling(
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        max_tokens=body.get("max_tokens") or body.get("max_completion_tokens"),
        stop=tuple(body.get("stop") or ()),
        seed=body.get("seed"),
        top_logprobs=body.get("top_logprobs") if body.get("logprobs") else None,
        logit_bias=tuple((int(token), bias) for token, bias in (body.get("logit_bias") or {}).items()),
    )
    return ChatRequest(messages=messages, sampling=sampling, prefix=prefix, prefix_logprob=scored)


def _overflow(prompt: int, wanted: int, context: int) -> str | None:
    """Return the words of vLLM 0.32; like it, cut a completion that does not fit behind the prompt without a word."""
    if wanted > context:
        return (
            f"max_tokens={wanted} cannot be greater than max_model_len={context}. Please request fewer output tokens."
        )
    if prompt == context:
        return "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)"
    if prompt > context:
        return (
            f"This model's maximum context length is {context} tokens. However, your prompt contains at least "
            f"{context + 1} input tokens, which exceeds this limit even without any output tokens. Please reduce the "
            "length of the input prompt."
        )
    return None


def _error(status: int, message: str, kind: str = "BadRequestError") -> Response:
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": status}}, status)
