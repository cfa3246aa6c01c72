"""What was spent and what may be spent: one vocabulary for ledgers, results and displays."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Usage(BaseModel):
    """Amounts spent. Tokens are the endpoint's own counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    model_calls: int = Field(default=0, ge=0)
    trajectories: int = Field(default=0, ge=0)
    sandbox_runs: int = Field(default=0, ge=0)
    sandbox_cpu_s: float = Field(default=0.0, ge=0)
    cost: float = Field(default=0.0, ge=0)

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        """Return the sum, field by field."""
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields})


class Budget(BaseModel):
    """Hard caps of one job or batch; None means no cap of that kind.

    `deadline_s` is wall-clock seconds from the start of the job. A cap is never exceeded: a call is made only
    after its worst case was reserved.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: int | None = Field(default=None, ge=0)
    """Prompt and completion tokens together."""
    completion_tokens: int | None = Field(default=None, ge=0)
    model_calls: int | None = Field(default=None, ge=0)
    trajectories: int | None = Field(default=None, ge=0)
    sandbox_cpu_s: float | None = Field(default=None, ge=0)
    deadline_s: float | None = Field(default=None, gt=0)
    cost: float | None = Field(default=None, ge=0)
    """In the currency of the model profile's prices."""
