"""A program: the scripted model behind OpenAI's HTTP, in a process of its own that counts what it generates.

    python scripted_server.py SCRIPT LOG PORT TOKEN_S

Of each request the log says `B NUMBER PROMPT_TOKENS` as it begins, `T NUMBER` for each token,
`E NUMBER COMPLETION_TOKENS` at its end, and `X NUMBER TIME` when nothing is generated for it any more; a request
without an end was cut. What is in the log stays there, also after a `kill -9`.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from openai_server import OpenAIServer

from solvent.models.base import ChatRequest, Chunk
from solvent.models.script_file import ScriptFile
from solvent.models.scripted import ScriptedModel

CONTEXT_TOKENS = 4000


class CountedModel(ScriptedModel):
    """Writes down what it generates as it does.

    Args:
        script: what it says.
        log: file that is appended to.
        token_s: pause before each token.
    """

    def __init__(self, script: ScriptFile, log: Path, token_s: float) -> None:
        super().__init__(script, context_tokens=CONTEXT_TOKENS)
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._token_s = token_s

    def _note(self, line: str) -> None:
        os.write(self._log, f"{line}\n".encode())

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """See `ScriptedModel.stream`."""
        number = secrets.token_hex(6)
        self._note(f"B {number} {await self.count_prompt_tokens(request.messages, request.prefix)}")
        try:
            async with aclosing(super().stream(request)) as chunks:
                async for chunk in chunks:
                    if chunk.usage is not None:
                        self._note(f"E {number} {chunk.usage.completion_tokens}")
                    else:
                        self._note(f"T {number}")
                        await asyncio.sleep(self._token_s)
                    yield chunk
        finally:
            self._note(f"X {number} {time.time()}")


def main() -> None:
    """Serve until SIGTERM."""
    script, log, port, token_s = sys.argv[1:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    model = CountedModel(ScriptFile(Path(script)), Path(log), float(token_s))
    with OpenAIServer(model, port=int(port)) as server:
        sys.stdout.write(f"serving at {server.base_url}\n")
        sys.stdout.flush()
        stop.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
