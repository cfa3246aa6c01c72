"""A server process for the router's tests: OpenAI's protocol over a model that writes slowly and keeps a log.

    python router_server.py LOG

Prints its base URL, and serves until its standard input ends. The log has a line for each request that began
(`begin NUMBER SEED PROMPT_TOKENS`), each token that was sent (`token NUMBER`) and each answer that was sent to its end
(`end NUMBER COMPLETION_TOKENS`), written with one system call each, so that SIGKILL takes none of them back.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from random import Random

from openai_server import OpenAIServer

from solvent.models.base import ChatRequest, Chunk
from solvent.models.scripted import ScriptedModel

TOKEN_S = 0.02


def think_and_answer(request: ChatRequest) -> str:
    dice = Random(request.sampling.seed)
    return " ".join(["so"] * dice.randint(8, 40)) + " \\boxed{42}"


class LoggingModel(ScriptedModel):
    """Writes down what it has sent: a chunk is asked for only after the one before it was sent."""

    def __init__(self, log: Path) -> None:
        super().__init__(think_and_answer, context_tokens=2000, prompt_tokens_per_sample=True)
        self._log = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        self._number = 0

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        self._number += 1
        number = self._number
        prompt_tokens = await self.count_prompt_tokens(request.messages, request.prefix)
        os.write(self._log, f"begin {number} {request.sampling.seed} {prompt_tokens}\n".encode())
        async for chunk in super().stream(request):
            await asyncio.sleep(TOKEN_S)
            yield chunk
            if chunk.usage is None:
                os.write(self._log, f"token {number}\n".encode())
            else:
                os.write(self._log, f"end {number} {chunk.usage.completion_tokens}\n".encode())


if __name__ == "__main__":
    with OpenAIServer(LoggingModel(Path(sys.argv[1]))) as server:
        sys.stdout.write(server.base_url + "\n")
        sys.stdout.flush()
        sys.stdin.read()
