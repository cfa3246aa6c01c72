"""A model server that answers instantly, scripted: what is measured against it is the service's own work.

    python -m solvent.benchmarks.cluster_model [--port 0]

It speaks as much of OpenAI's chat completions as the service asks for. The model `instant` sends 32 tokens, one an
event, all at once. The model `held` sends one and waits for `POST /gate/open`. The answer follows from the request's
seed, so that answers differ between the trajectories of a job.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

TOKENS = 32
"""Of each reply; each comes as an event of its own."""
PROMPT_TOKENS = 64


class ModelServer:
    """What it has been asked, and whether the held replies may end."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.open = 0
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until it is closed."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, _ = head.split(b" ", 2)
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = await reader.readexactly(length)
                await self._answer(method.decode(), path.decode(), body, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, method: str, path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        match method, path:
            case "POST", "/v1/chat/completions":
                await self._complete(json.loads(body), writer)
                return
            case "POST", "/gate/open":
                self.gate.set()
            case "POST", "/gate/close":
                self.gate.clear()
        models = [{"id": "instant", "object": "model"}, {"id": "held", "object": "model"}]
        _send(writer, {"object": "list", "data": models, "open": self.open, "asked": self.asked})

    async def _complete(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        self.open += 1
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            tokens = ["so", *[" we"] * (TOKENS - 3), " have", rf" \boxed{{{int(request.get('seed') or 0) % 5}}}"]
            first = 0
            if request.get("model") == "held":
                writer.write(_event(_piece(tokens[0], 1)))
                await writer.drain()
                first = 1
                await self.gate.wait()
            events = [_event(_piece(token, number)) for number, token in enumerate(tokens[first:], start=first + 1)]
            last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": _usage(TOKENS)}
            done = b"data: [DONE]\n\n"
            writer.write(b"".join(events) + _event(last) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(done), done))
        finally:
            self.open -= 1


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": tokens, "total_tokens": PROMPT_TOKENS + tokens}


def _piece(text: str, tokens: int) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {"id": "0", "object": "chat.completion.chunk", "choices": [choice], "usage": _usage(tokens)}


def _event(value: dict[str, Any]) -> bytes:
    data = b"data: %s\n\n" % json.dumps(value).encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


def _send(writer: asyncio.StreamWriter, value: dict[str, Any]) -> None:
    data = json.dumps(value).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)
    )


async def run(port: int) -> None:
    """Serve until the process is ended; prints the URL first."""
    server = await asyncio.start_server(ModelServer().serve, "127.0.0.1", port, backlog=512)
    print(f"serving at http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(run(parser.parse_args().port))


if __name__ == "__main__":
    main()
