"""The connection to an endpoint that speaks OpenAI's interface: its client, its errors, what it serves."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from solvent.errors import ConfigError, ProviderError, ProviderProtocolError, ProviderUnavailable
from solvent.models.openai_errors import Endpoint, translate
from solvent.models.openai_stream import SampleReader
from solvent.models.profiles import ModelProfile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai import AsyncOpenAI


class Connection:
    """One endpoint; connects when it is first asked for something.

    Args:
        profile: a profile with the backend openai.
        environment: where the API key is looked up.

    Raises:
        ConfigError: base_url is missing, or the variable that `api_key_env` names is not set.
    """

    def __init__(self, profile: ModelProfile, environment: Mapping[str, str] | None = None) -> None:
        if profile.base_url is None:
            raise ConfigError(f"profile {profile.name}: the backend openai needs base_url")
        key = None
        if profile.api_key_env is not None:
            key = (os.environ if environment is None else environment).get(profile.api_key_env)
            if not key:
                raise ConfigError(
                    f"profile {profile.name}: the environment variable {profile.api_key_env} is not set",
                    remedy="set it to the endpoint's API key",
                )
        self.profile = profile
        self.endpoint = Endpoint(profile.name, profile.base_url, profile.model, profile.api_key_env, key)
        self._opening = asyncio.Lock()
        self._client: AsyncOpenAI | None = None
        self._model = profile.model

    async def open(self) -> AsyncOpenAI:
        """Return the client."""
        async with self._opening:
            if self._client is None:
                # Importing it takes most of a second, which the event loop should not stand still for.
                self._client = await asyncio.to_thread(_new_client, self.profile, self.endpoint)
            return self._client

    async def model_id(self) -> str:
        """Return the id of the model to ask for.

        Raises:
            ConfigError: the profile names none, and the endpoint does not serve exactly one.
            ProviderError: the endpoint had to be asked and failed.
        """
        if self._model is None:
            served = await self.served_models()
            if len(served) != 1:
                raise ConfigError(
                    f"{self.endpoint} serves {', '.join(sorted(served)) or 'no model'}",
                    remedy="set `model` in the profile to one of these",
                )
            (self._model,) = served
        return self._model

    async def served_models(self) -> dict[str, int | None]:
        """Return the ids that the endpoint serves and the context length of each, where it says so (vLLM does).

        Raises:
            ProviderError: it could not be asked.
        """
        client = await self.open()
        async with self.translated("list its models"):
            page = await client.models.list(timeout=self.profile.timeouts.connect_s)
            served = getattr(page, "data", None) or []
        lengths = {str(model.id): getattr(model, "max_model_len", None) for model in served}
        return {name: length if isinstance(length, int) else None for name, length in lengths.items()}

    async def answers(self) -> bool:
        """Return whether the endpoint answers: GET /health beside /v1, or /v1/models where that is not there."""
        from openai import APIStatusError, OpenAIError

        client = await self.open()
        root = self.endpoint.url.removesuffix("/v1")
        for url in (f"{root}/health", f"{self.endpoint.url}/models"):
            try:
                await client.get(url, cast_to=str, options={"timeout": self.profile.timeouts.connect_s})
            except APIStatusError as error:
                if error.status_code == 404:
                    continue
                return error.status_code < 500
            except (OpenAIError, ValueError):
                return False
            return True
        # It says 404 to everything that is not a chat, and that is an answer too.
        return True

    @asynccontextmanager
    async def translated(self, what: str, reader: SampleReader | None = None) -> AsyncIterator[None]:
        """Raise the client's errors as ours.

        Args:
            what: what was tried, for messages.
            reader: of the sample that is being generated, if one is.
        """
        from openai import OpenAIError

        try:
            yield
        except (OpenAIError, ValueError) as error:
            failure = self.failure(error, what, reader)
            if failure is None:
                raise
            # `from None`: the client's exceptions quote headers and bodies, which can hold the key.
            raise failure from None

    def failure(self, error: Exception, what: str, reader: SampleReader | None = None) -> ProviderError | None:
        """Return the error to raise for one of the client's; None for what is not one. Arguments as of `translated`."""
        from openai import APIStatusError, OpenAIError

        if isinstance(error, UnicodeDecodeError):
            return ProviderProtocolError(
                f"{self.endpoint}: cannot {what}: the answer is not UTF-8: {error.reason}", may_have_generated=True
            )
        if not isinstance(error, (OpenAIError, json.JSONDecodeError)):
            return None
        failure = translate(error, self.endpoint, started=reader is not None and reader.started)
        if reader is not None and isinstance(failure, ProviderUnavailable) and not isinstance(error, APIStatusError):
            failure.received_tokens = reader.tokens
        return failure

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _new_client(profile: ModelProfile, endpoint: Endpoint) -> AsyncOpenAI:
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

    timeout = Timeout(None, connect=profile.timeouts.connect_s)
    # uvicorn, and so vLLM, closes a connection that was idle for 5 s, which is also how long the client would keep it:
    # a request sent at that moment is lost, and looks as if it may have generated.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=profile.concurrency, keepalive_expiry=2.0)
    return AsyncOpenAI(
        base_url=endpoint.url,
        # The client insists on a key, and would else send the one in OPENAI_API_KEY to whatever endpoint this is.
        api_key=endpoint.secret or "none",
        # Never by itself: its retries do not know whether tokens were generated.
        max_retries=0,
        timeout=timeout,
        http_client=DefaultAsyncHttpxClient(limits=limits, timeout=timeout),
    )
