"""Tokens by the endpoint's own tokenizer, which vLLM offers beside /v1."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from solvent.errors import ConfigError, ProviderProtocolError, ProviderRejected
from solvent.models.base import Message
from solvent.models.openai_connection import Connection
from solvent.models.openai_request import sendable, template_fields, turns

KNOWN_S, KNOWN = 60.0, 256
"""For how long, and of how many prompts, a count is believed: the attempts at one problem ask together."""


class RemoteTokenizer:
    """Asks /tokenize and /detokenize; what is counted again soon is asked once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._profile = connection.profile
        self._url = self._profile.tokenize_url or connection.endpoint.url.removesuffix("/v1") + "/tokenize"
        self._back_url = self._url.removesuffix("/tokenize") + "/detokenize"
        self._counts: OrderedDict[bytes, tuple[float, asyncio.Task[int]]] = OrderedDict()
        """When each was asked for, the oldest first."""

    async def count_chat(self, messages: Sequence[Message], prefix: str) -> int:
        """Return the tokens of a prompt as the endpoint will charge them.

        Raises:
            ProviderError: /tokenize failed.
            ConfigError: a prefix is given and the profile says that the endpoint takes none.
        """
        sent, switches = turns(self._profile, messages, prefix)
        if prefix and self._profile.prefix == "completions":
            return len(await self.prompt_ids(messages, prefix))
        return await self._count({"messages": sent, **switches, **template_fields(self._profile)})

    async def count_text(self, text: str) -> int:
        """Return the tokens of a plain text.

        Raises:
            ProviderError: /tokenize failed.
        """
        return await self._count({"prompt": text, "add_special_tokens": False})

    async def ids(self, text: str) -> tuple[int, ...]:
        """Return the ids of a text's tokens.

        Raises:
            ConfigError: the profile does not say that the endpoint has /tokenize.
            ProviderError: it failed.
        """
        self._must_be_there()
        return self._read_ids(await self._ask(self._url, {"prompt": sendable(text), "add_special_tokens": False}))

    async def text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens.

        Raises:
            ConfigError: the profile does not say that the endpoint has /tokenize, or it refuses these tokens.
            ProviderError: it failed.
        """
        self._must_be_there()
        endpoint = self._connection.endpoint
        try:
            answer = await self._ask(self._back_url, {"tokens": list(tokens)})
        except ProviderRejected as error:
            raise ConfigError(f"{list(tokens)} are no tokens of {endpoint}: {error.message}") from None
        text = answer.get("prompt") if isinstance(answer, dict) else None
        if not isinstance(text, str):
            raise ProviderProtocolError(f"{endpoint}: {self._back_url} answered no text")
        if tokens and not text:
            # vLLM's answer to an id that is no token.
            raise ConfigError(f"{list(tokens)} have no text at {endpoint}", remedy="check the ids of the tokens")
        return text

    async def prompt_ids(self, messages: Sequence[Message], prefix: str) -> list[int]:
        """Return the tokens of a prompt up to where the assistant's turn begins, and of the beginning of that turn.

        Raises:
            ConfigError: the profile does not say that the endpoint has /tokenize.
            ProviderError: it failed.
        """
        self._must_be_there()
        sent, _ = turns(self._profile, messages, "")
        head = self._read_ids(await self._ask(self._url, {"messages": sent, **template_fields(self._profile)}))
        return [*head, *await self.ids(prefix)]

    def _must_be_there(self) -> None:
        if self._profile.count != "tokenize":
            raise ConfigError(
                f"profile {self._profile.name}: this endpoint does not tell which tokens a text has",
                remedy='set count = "tokenize" if it is vLLM, or leave out what needs the ids of tokens',
            )

    def _read_ids(self, answer: object) -> tuple[int, ...]:
        tokens = answer.get("tokens") if isinstance(answer, dict) else None
        if not isinstance(tokens, list) or any(type(token) is not int for token in tokens):
            raise ProviderProtocolError(f"{self._connection.endpoint}: {self._url} answered no tokens")
        return tuple(tokens)

    async def _ask(self, url: str, body: dict[str, Any]) -> object:
        client = await self._connection.open()
        model = await self._connection.model_id()
        async with self._connection.translated("count tokens"):
            answer: object = await client.post(
                url,
                cast_to=dict[str, Any],
                body={"model": model, **body},
                options={"timeout": self._profile.timeouts.first_token_s},
            )
        return answer

    async def _count(self, body: dict[str, Any]) -> int:
        key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
        asked_at, task = self._counts.get(key, (0.0, None))
        now = time.monotonic()
        if task is None or now - asked_at > KNOWN_S or (task.done() and (task.cancelled() or task.exception())):
            self._counts.pop(key, None)
            task = asyncio.create_task(self._ask_count(body))
            # Looked at, also where nobody waits any more.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._counts[key] = (now, task)
            if len(self._counts) > KNOWN:
                self._counts.popitem(last=False)
        # Who is cancelled leaves the answer to the others.
        return await asyncio.shield(task)

    async def _ask_count(self, body: dict[str, Any]) -> int:
        answer = await self._ask(self._url, body)
        count = answer.get("count") if isinstance(answer, dict) else None
        if type(count) is not int or count < 0:
            raise ProviderProtocolError(
                f"{self._connection.endpoint}: {self._url} answered no count",
                remedy='set count = "bound" in the profile if the endpoint is not vLLM',
            )
        return count
