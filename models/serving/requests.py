"""From a request's body to what the engine is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from solvent.models.base import Message
from solvent.models.profiles import ModelProfile
from solvent.models.serving.errors import ApiError, too_long
from solvent.models.serving.generation import Deliver, MakeJob
from solvent.models.serving.schema import MOST_SAMPLES, ChatBody, ChatMessage, CompletionBody, SamplingFields
from solvent.models.starter.engine import Job
from solvent.models.starter.sampling import Rule
from solvent.models.starter.text import ChatTokenizer

_DEFAULT_COMPLETION_TOKENS = 16
"""Of /v1/completions, as at OpenAI; a chat takes what the context leaves."""
_LEAST_TEMPERATURE = 1e-5
"""Below it the likeliest token is taken, as vLLM does."""


@dataclass(frozen=True)
class Reader:
    """Reads bodies for one model."""

    profile: ModelProfile
    tokenizer: ChatTokenizer

    def chat_prompt(
        self, messages: Sequence[ChatMessage], *, add_generation_prompt: bool, continue_final_message: bool
    ) -> list[int]:
        """Token ids of a conversation."""
        turns = [
            Message(role="system" if message.role == "developer" else message.role, content=message.text)
            for message in messages
        ]
        if continue_final_message:
            return self.tokenizer.encode_chat(turns[:-1], turns[-1].content)
        ids = self.tokenizer.encode_chat(turns)
        return ids if add_generation_prompt else ids[:-1]

    def chat(self, body: ChatBody) -> list[MakeJob]:
        """Return the one job of a chat.

        Raises:
            ApiError: 400: the prompt is too long, or a field does not fit the model.
        """
        ids = self.chat_prompt(
            body.messages,
            add_generation_prompt=body.add_generation_prompt,
            continue_final_message=body.continue_final_message,
        )
        top = (body.top_logprobs or 0) if body.logprobs else None
        most = body.max_completion_tokens or body.max_tokens or self.profile.context_tokens
        return [self._job(body, ids, most, top, "messages")]

    def completion(self, body: CompletionBody) -> list[MakeJob]:
        """Return a job for each prompt.

        Raises:
            ApiError: as `chat`.
        """
        prompts = self._prompts(body)
        if not prompts or len(prompts) * body.n > MOST_SAMPLES:
            raise ApiError(400, f"prompt: 1 to {MOST_SAMPLES} samples in all prompts together", param="prompt")
        for ids in prompts:
            if not ids:
                raise ApiError(400, "prompt: is empty", param="prompt")
            self.check_known(ids, "prompt")
        most = body.max_tokens or _DEFAULT_COMPLETION_TOKENS
        return [self._job(body, ids, most, body.logprobs, "prompt") for ids in prompts]

    def _prompts(self, body: CompletionBody) -> list[list[int]]:
        given = body.prompt
        if isinstance(given, str):
            return [self.tokenizer.encode_raw(given)]
        if given and isinstance(given[0], int):
            return [[item for item in given if isinstance(item, int)]]
        return [
            self.tokenizer.encode_raw(item) if isinstance(item, str) else item
            for item in given
            if not isinstance(item, int)
        ]

    def _job(self, body: SamplingFields, ids: list[int], most: int, top: int | None, prompt_field: str) -> MakeJob:
        context = self.profile.context_tokens
        room = context - len(ids)
        if room < 1:
            raise too_long(len(ids), context, prompt_field)
        if body.min_tokens > min(most, room):
            raise ApiError(400, f"min_tokens: at most {min(most, room)} tokens can come here", param="min_tokens")
        self.check_known(body.stop_token_ids, "stop_token_ids")
        rule = self._rule(body)

        def make(deliver: Deliver) -> Job:
            return Job(
                prompt_ids=ids,
                n=body.n,
                rule=rule,
                seed=body.seed,
                stop=body.stops,
                max_tokens=min(most, room),
                top_logprobs=top,
                deliver=deliver,
                min_tokens=body.min_tokens,
                stop_tokens=frozenset(body.stop_token_ids),
                ignore_end=body.ignore_eos,
                scored=body.prompt_logprobs is not None,
            )

        return make

    def _rule(self, body: SamplingFields) -> Rule:
        usual = self.profile.sampling
        temperature = body.temperature if body.temperature is not None else usual.temperature
        temperature = 1.0 if temperature is None else temperature
        top_p = body.top_p if body.top_p is not None else usual.top_p
        bias = None
        if body.logit_bias:
            tokens: dict[int, float] = {}
            for name, value in body.logit_bias.items():
                if not (name.isascii() and name.isdecimal() and len(name) < 10):
                    raise ApiError(400, f"logit_bias: {name[:40]!r} is not a token id", param="logit_bias")
                tokens[int(name)] = value
            self.check_known(list(tokens), "logit_bias")
            bias = (tuple(tokens), tuple(tokens.values()))
        return Rule(
            temperature=0.0 if temperature < _LEAST_TEMPERATURE else temperature,
            top_p=1.0 if top_p is None else top_p,
            top_k=max(0, body.top_k),
            min_p=body.min_p,
            bias=bias,
        )

    def check_known(self, ids: Sequence[int], field: str) -> None:
        """Raise ApiError 400 where one of the ids is no token."""
        size = self.tokenizer.size
        for token in ids:
            if token >= size:
                raise ApiError(400, f"{field}: {token} is no token; ids go from 0 to {size - 1}", param=field)
