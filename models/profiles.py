"""Model profiles: one TOML file says where a model is, how it is asked, what it costs and what it can do."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator, model_validator

from solvent.errors import ConfigError
from solvent.models.base import Role, Sampling


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SamplingDefaults(_Strict):
    """What a request that leaves these open is drawn with; None leaves the choice to the endpoint."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)


class ThinkingMarkers(_Strict):
    """Texts around the part of a reply that is thought aloud, as they stand in the completion."""

    start: str
    end: str
    in_prompt: bool = False
    """The chat template writes `start` itself, at the end of the prompt, so that a reply begins behind it."""


class Prices(_Strict):
    """What a million tokens costs."""

    prompt_per_million: float = Field(default=0.0, ge=0)
    completion_per_million: float = Field(default=0.0, ge=0)
    currency: str = "USD"

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the price of these tokens, in `currency`."""
        return (prompt_tokens * self.prompt_per_million + completion_tokens * self.completion_per_million) / 1_000_000


class Timeouts(_Strict):
    """When a silent endpoint is given up, in seconds."""

    connect_s: float = Field(default=10.0, gt=0)
    first_token_s: float = Field(default=300.0, gt=0)
    """From sending a request to its first token: waiting in the endpoint's queue and reading the prompt."""
    between_chunks_s: float = Field(default=120.0, gt=0)
    total_s: float = Field(default=3600.0, gt=0)
    """One sample, with all its attempts."""


class RetryPolicy(_Strict):
    """When a request that surely generated nothing is sent again (see `solvent.models.retry`)."""

    attempts: int = Field(default=5, ge=1)
    """Most times a request is sent."""
    first_delay_s: float = Field(default=0.5, gt=0)
    max_delay_s: float = Field(default=30.0, gt=0)


class EndpointEntry(_Strict):
    """One of several endpoints that serve the same model; what is left out is as the profile says."""

    base_url: str
    name: str | None = None
    """For messages and metrics; None takes host and port."""
    model: str | None = None
    api_key_env: str | None = None
    tokenize_url: str | None = None
    weight: float = Field(default=1.0, gt=0)
    """Its share of the load, beside the others' weights."""
    max_concurrent: int | None = Field(default=None, ge=1)
    """Most samples that it generates at once; None takes the profile's `concurrency`."""
    max_outstanding_tokens: int | None = Field(default=None, ge=1)
    """Most tokens, of prompts and reserved completions, that it is given at once. A sample larger than that gets it
    alone."""

    @field_validator("base_url", "tokenize_url")
    @classmethod
    def _plain_url(cls, value: str | None) -> str | None:
        return _plain(value)

    @property
    def label(self) -> str:
        """The name that it goes by."""
        return self.name or urlsplit(self.base_url).netloc


class RouterOptions(_Strict):
    """How requests are spread over several endpoints (see docs/models.md)."""

    affinity_factor: float = Field(default=2.0, ge=1)
    """A session stays at its endpoint while that has at most this many times the least load..."""
    affinity_slack_tokens: int = Field(default=16_384, ge=0)
    """...and this many tokens more."""
    failures_to_open: int = Field(default=3, ge=1)
    """Failures in a row after which an endpoint gets no requests; a refused connection is enough by itself."""
    first_open_s: float = Field(default=1.0, gt=0)
    """How long it gets none before it is looked at; doubles with each look that finds it still failing."""
    max_open_s: float = Field(default=60.0, gt=0)
    wait_s: float = Field(default=60.0, gt=0)
    """How long a request waits while no endpoint at all answers."""
    resend_unanswered: bool = True
    """Send a request to another endpoint where the first one was lost before a token of it came. What that one may have
    computed was never reported and is counted by nobody; false raises the error instead."""
    seed: int | None = None
    """Of the jitter of back-offs; None draws one."""


class PromptBound(_Strict):
    """What a chat template adds to the texts at most, in tokens; used where prompts are not counted exactly."""

    per_message: int = Field(default=16, ge=0)
    per_prompt: int = Field(default=128, ge=0)
    """Default system prompt, generation prompt and special tokens."""


class ModelProfile(_Strict):
    """How one model is reached and used."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    backend: str
    """Implementation of ChatModel: a key of `solvent.models.registry.BACKENDS`."""
    notes: str = ""
    """What the model is good for and where the figures come from; shown by `solvent models show`."""
    context_tokens: int = Field(ge=2)
    """Prompt and completion together; no more than what the endpoint serves."""

    prompts: str = "default"
    """Folder in configs/prompts."""
    reply_tokens: int = Field(default=16_384, ge=1)
    """Most completion tokens of one reply, where the strategy does not say; what the context leaves may be less."""
    roles: tuple[Role, ...] | None = None
    """Roles that the model can play; None: all for which its prompt style has a template."""
    answer_style: Literal["boxed", "program"] = "boxed"
    """How math answers are given: in \\boxed{}, or as a program that prints the answer."""
    sampling: SamplingDefaults = SamplingDefaults()
    thinking: ThinkingMarkers | None = None
    prices: Prices = Prices()
    concurrency: int = Field(default=32, ge=1)
    """Most samples that are generated at once."""

    base_url: str | None = None
    """openai: up to and with /v1, such as http://localhost:8000/v1."""
    endpoints: tuple[EndpointEntry, ...] = ()
    """openai: several endpoints that serve the same model, instead of base_url."""
    router: RouterOptions = RouterOptions()
    """openai: how requests are spread over `endpoints`."""
    model: str | None = None
    """openai: model id; None takes the one that the endpoint serves, if it serves one only."""
    api_key_env: str | None = None
    """openai: environment variable with the API key; None sends none. A key never stands in a profile."""
    prefix: Literal["vllm", "completions", "assistant", "none"] = "none"
    """openai: how the beginning of the assistant's turn is sent. `vllm`: continue_final_message, which the chat
    templates of many thinking models spoil, as they rewrite or drop thinking. `completions`: as token ids to
    /v1/completions, which nothing rewrites; needs count = "tokenize". `assistant`: the last message carries
    prefix = true (DeepSeek). `none`: requests with a prefix are refused."""
    count: Literal["tokenize", "bound"] = "bound"
    """openai: how prompts are counted beforehand. `tokenize`: exactly, by vLLM's /tokenize, which also counts the
    completions of a server that reports no usage. `bound`: an upper bound from the bytes."""
    tokenize_url: str | None = None
    """openai: where /tokenize is, if not beside the /v1 of base_url."""
    prompt_bound: PromptBound = PromptBound()
    reasoning: Literal["hide", "wrap"] = "hide"
    """openai: thinking that the server sends apart from the text is left out of it (it is still counted and paid), or
    put into it between the thinking markers."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    continuous_usage: bool | None = None
    """openai: ask for a running count of tokens with each piece (vLLM's stream_options.continuous_usage_stats); None
    asks where the profile says that the endpoint is vLLM (prefix = "vllm" or count = "tokenize")."""
    cut_margin_tokens: int | None = Field(default=None, ge=0)
    """openai: most tokens that the endpoint generates beyond those that came, once a stream is closed or breaks off; a
    sample without an end counts as what came and these. None: it counts at all that was reserved, so that caps hold
    whatever the endpoint does. Do not set it for an endpoint that hides thinking: what is hidden does not come."""
    extra_body: dict[str, JsonValue] = Field(default_factory=dict)
    """openai: further fields of each request, such as top_k or chat_template_kwargs."""
    timeouts: Timeouts = Timeouts()
    retry: RetryPolicy = RetryPolicy()
    serve: tuple[str, ...] = ()
    """openai: options with which `vllm serve` should be started for this profile, and their values; the model, the port
    and --max-model-len come from the other fields (see `solvent.models.serve_command`). Solvent starts no vLLM."""

    weights_dir: Path | None = None
    """starter: directory of the weights; None takes those that ship with the package."""
    threads: int | None = Field(default=None, ge=1)
    """starter: threads of the engine; None takes the cores that this process may use."""

    script: Path | None = None
    """scripted: JSONL file of replies."""
    call_log: Path | None = None
    """scripted: file to which each call appends a line; with it a script goes on across processes."""

    @field_validator("base_url", "tokenize_url")
    @classmethod
    def _plain_url(cls, value: str | None) -> str | None:
        return _plain(value)

    @field_validator("extra_body")
    @classmethod
    def _not_ours(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        owned = {"model", "messages", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens", "stop"}
        owned |= {"seed", "logprobs", "top_logprobs", "temperature", "top_p", "prompt_logprobs"}
        taken = sorted(owned & value.keys())
        if taken:
            raise ValueError(f"{', '.join(taken)}: set by the request, not here (defaults: the table [sampling])")
        return value

    @field_validator("serve")
    @classmethod
    def _options(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for option in value:
            name = option.partition("=")[0]
            if name == "--api-key":
                raise ValueError("--api-key: a key never stands in a profile; give it to the server by VLLM_API_KEY")
            if name in {"--model", "--port", "--max-model-len"}:
                raise ValueError(f"{name}: comes from the fields model, base_url and context_tokens")
        if value and not value[0].startswith("-"):
            raise ValueError(f"{value[0]!r}: begins with an option, such as --enable-prefix-caching")
        return value

    @model_validator(mode="after")
    def _complete(self) -> ModelProfile:
        if self.backend == "openai" and self.base_url is None and not self.endpoints:
            raise ValueError("the backend openai needs base_url, or a table [[endpoints]] for each of several")
        if self.base_url is not None and self.endpoints:
            raise ValueError("base_url and [[endpoints]] exclude each other: give each endpoint its base_url")
        labels = [entry.label for entry in self.endpoints]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"endpoints: {', '.join(twice)} is there twice; give each its own `name`")
        if self.serve and self.backend != "openai":
            raise ValueError(f"serve: tells how to start a vLLM, and the backend {self.backend} needs none")
        if self.prefix == "completions" and self.count != "tokenize":
            raise ValueError('prefix = "completions" sends the tokens of the prompt, and so needs count = "tokenize"')
        if self.backend == "scripted" and self.script is None:
            raise ValueError("the backend scripted needs script")
        if self.reasoning == "wrap" and self.thinking is None:
            raise ValueError('reasoning = "wrap" needs the markers of the table [thinking]')
        return self

    @property
    def running_usage(self) -> bool:
        """Whether the endpoint is asked for running counts."""
        return (
            self.count == "tokenize" or self.prefix == "vllm"
            if self.continuous_usage is None
            else self.continuous_usage
        )

    def plays(self, role: Role) -> bool:
        """Return whether the model can play a role."""
        return self.roles is None or role in self.roles

    def at(self, entry: EndpointEntry) -> ModelProfile:
        """Return the profile of one of the endpoints alone, whose requests are sent once."""
        changes = {
            "name": f"{self.name}/{entry.label}".replace(":", "-").replace("/", "."),
            "base_url": entry.base_url,
            "model": entry.model or self.model,
            "api_key_env": entry.api_key_env or self.api_key_env,
            "tokenize_url": entry.tokenize_url,
            "concurrency": entry.max_concurrent or self.concurrency,
            "endpoints": (),
            "retry": self.retry.model_copy(update={"attempts": 1}),
        }
        return self.model_copy(update=changes)

    def resolve(self, sampling: Sampling) -> Sampling:
        """Return `sampling` with this profile's defaults where it leaves the choice open."""
        changes = {
            field: getattr(self.sampling, field)
            for field in SamplingDefaults.model_fields
            if getattr(sampling, field) is None and getattr(self.sampling, field) is not None
        }
        return sampling.model_copy(update=changes) if changes else sampling


def _plain(value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL such as http://localhost:8000/v1")
    if parts.username or parts.password or parts.query:
        raise ValueError("must hold no user, password or query: keys come from the variable that api_key_env names")
    return value.rstrip("/")


def read_profile(path: Path) -> ModelProfile:
    """Read the profile in a TOML file. Relative paths in it start at the file's directory.

    Raises:
        ConfigError: the file cannot be read or is malformed; names the file and the field.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as cause:
        raise ConfigError(f"cannot read the model profile {path}: {cause}") from cause
    except tomllib.TOMLDecodeError as cause:
        raise ConfigError(f"{path}: not valid TOML: {cause}") from cause
    for field in ("weights_dir", "script", "call_log"):
        if isinstance(table.get(field), str):
            table[field] = path.parent / Path(table[field]).expanduser()
    try:
        return ModelProfile.model_validate(table)
    except ValidationError as cause:
        problems = [_describe(error) for error in cause.errors(include_url=False, include_input=False)]
        raise ConfigError(
            f"{path}: {'; '.join(problems)}", remedy="docs/models.md lists the fields of a profile"
        ) from None


def _describe(error: Any) -> str:
    location = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(location[-1], _fields_at(location[:-1]), n=1)
        return f"field {'.'.join(location)}: unknown key" + (f"; did you mean {near[0]}?" if near else "")
    message = error["msg"].removeprefix("Value error, ")
    return f"field {'.'.join(location)}: {message}" if location else message


def _fields_at(location: list[str]) -> list[str]:
    model: type[BaseModel] = ModelProfile
    for part in location:
        if part.isdigit():
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *get_args(annotation)]
        model = next(item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel))
    return list(model.model_fields)
