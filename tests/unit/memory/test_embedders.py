"""An embedder behind OpenAI's `/v1/embeddings`: what is asked, what is read, and what is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from solvent.errors import ConfigError, MemoryUnavailable
from solvent.memory.embed import HashedEmbedder, OpenAiEmbedder, open_embedder

Answer = Callable[[dict[str, Any]], tuple[int, Any]]


class Endpoint:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.answer: Answer = self.vectors
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.asked.append(body)
                endpoint.keys.append(self.headers.get("Authorization"))
                status, answer = endpoint.answer(body)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, format: str, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    @staticmethod
    def vectors(body: dict[str, Any]) -> tuple[int, Any]:
        rows = [{"index": n, "embedding": [float(len(text)), 3.0]} for n, text in enumerate(body["input"])]
        return 200, {"data": rows[::-1]}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()


async def test_vectors_come_in_the_order_of_the_texts_with_length_one(endpoint: Endpoint) -> None:
    embedder = OpenAiEmbedder(endpoint.url, "BAAI/bge-m3")
    try:
        assert embedder.id == "openai.BAAI-bge-m3"
        assert await embedder.dimension() == 2
        made = await embedder.embed(["a" * 4, ""])
        assert np.allclose(made, [[0.8, 0.6], [1 / 10**0.5, 3 / 10**0.5]])
        assert endpoint.asked[-1] == {"model": "BAAI/bge-m3", "input": ["aaaa", "-"]}
        assert (await embedder.embed([str(n) for n in range(130)])).shape == (130, 2)
        assert [len(body["input"]) for body in endpoint.asked[-3:]] == [64, 64, 2]
    finally:
        await embedder.aclose()


async def test_the_key_is_sent_and_never_shown(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDER_KEY", "very-secret")
    embedder = OpenAiEmbedder(endpoint.url, "m", "EMBEDDER_KEY")
    endpoint.answer = lambda _: (401, {"error": "no"})
    try:
        with pytest.raises(MemoryUnavailable, match="401") as caught:
            await embedder.embed(["x"])
    finally:
        await embedder.aclose()
    assert endpoint.keys == ["Bearer very-secret"]
    assert "very-secret" not in str(caught.value)
    monkeypatch.delenv("EMBEDDER_KEY")
    with pytest.raises(ConfigError, match="EMBEDDER_KEY"):
        OpenAiEmbedder(endpoint.url, "m", "EMBEDDER_KEY")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": []},
        {"data": [{"index": 0, "embedding": [float("nan")]}]},
        {"data": [{"index": 0, "embedding": "text"}]},
        {"data": [{"index": 0}]},
        [],
    ],
)
async def test_an_answer_that_holds_no_vectors_is_refused(endpoint: Endpoint, answer: Any) -> None:
    endpoint.answer = lambda _: (200, answer)
    embedder = OpenAiEmbedder(endpoint.url, "m")
    try:
        with pytest.raises(MemoryUnavailable, match="embed texts"):
            await embedder.embed(["x"])
    finally:
        await embedder.aclose()


async def test_an_endpoint_that_is_away_is_named() -> None:
    embedder = OpenAiEmbedder("http://127.0.0.1:9/v1", "m")
    try:
        with pytest.raises(MemoryUnavailable, match=r"127\.0\.0\.1:9"):
            await embedder.embed(["x"])
    finally:
        await embedder.aclose()


def test_embedders_are_named_in_the_settings() -> None:
    assert isinstance(open_embedder("hashed"), HashedEmbedder)
    assert open_embedder("http://localhost:8000/v1#m").id == "openai.m"
    for wrong in ("", "minilm", "http://localhost:8000/v1", "ftp://host#m"):
        with pytest.raises(ConfigError, match="no embedder"):
            open_embedder(wrong)
