"""What a strategy is: a pure policy that is asked what to do and told what came of it.

No I/O, no clock, no randomness: the same answers to the same history, so that a job can be resumed, spread over
machines, or replayed over recorded samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypedDict, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.job import StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.registry import Fidelity, Registry
from solvent.problems.problem import ProblemKind

PLAIN = DecodingOptions()


@dataclass(frozen=True)
class Start:
    """Start a trajectory. Its seed derives from the job's seed and its id."""

    trajectory: str
    temperature: float | None = None
    max_tokens: int | None = None
    repairs: int = 0
    decoding: DecodingOptions = PLAIN


@dataclass(frozen=True)
class Cancel:
    """Stop a trajectory that is running; its outcome comes with stop reason `cancelled`."""

    trajectory: str


@dataclass(frozen=True)
class Stop:
    """End the search; what is still running is cancelled."""

    reason: StopReason


Action = Start | Cancel | Stop


class StrategyState(TypedDict):
    """What a strategy sees. `started`, `told` and `pending` are kept by the search, `memo` is the strategy's own."""

    started: int
    told: int
    pending: list[str]
    """Trajectories that are running."""
    memo: dict[str, Any]
    """Small JSON values; it is written at every step."""


@dataclass(frozen=True)
class Task:
    """What a strategy may know of its job."""

    kind: ProblemKind
    public_tests: int
    """0 also where the judge cannot run them."""
    can_refine: bool
    """Whether the model's prompts know repairs; a further round is a fresh sample otherwise."""


@dataclass(frozen=True)
class Selection:
    """The best outcome and what speaks for it."""

    outcome: TrajectoryOutcome | None
    solved: bool = False
    """Whether the evidence selects it: it passes all public tests, or enough independent answers agree."""
    reason: StopReason = StopReason.MAX_ROUNDS
    """Why it is solved; read only if it is."""
    agreement: int = 0
    votes: int = 0


class StrategyParameters(BaseModel):
    """Base of a strategy's parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DecodingParameters(StrategyParameters):
    """Base of those of a strategy that hands decoding controls on; a job is refused if its model cannot have them."""

    decoding: DecodingOptions = PLAIN


class Strategy(Protocol):
    """A policy for one job. The search calls `ask`, starts what is ordered, and calls `tell` for each that ends."""

    def ask(self, state: StrategyState) -> list[Action]:
        """Return what to do now. Nothing, while nothing runs, ends the search with `max_rounds`."""
        ...

    def tell(self, state: StrategyState, outcome: TrajectoryOutcome) -> StrategyState:
        """Return the state with what was learned from an outcome."""
        ...

    def select(self, state: StrategyState) -> Selection:
        """Return the best outcome so far; may be called at any time."""
        ...


@dataclass(frozen=True)
class StrategyInfo:
    """A strategy as it is listed."""

    name: str
    fidelity: Fidelity
    reference: str
    note: str
    """What differs from the reference, if anything does."""
    parameters: type[StrategyParameters]
    make: Callable[[Any, Task], Strategy]


_registry: Registry[StrategyInfo] = Registry(
    "strategy",
    "strategies",
    package=__package__ or "",
    folder=Path(__file__).resolve().parent,
    configs="strategies",
)
C = TypeVar("C", bound=type[Any])


def strategy(name: str, *, fidelity: Fidelity, reference: str, note: str = "") -> Callable[[C], C]:
    """Register a class `(parameters, task) -> Strategy` with a nested class `Parameters` under `name`."""

    def register(cls: C) -> C:
        _registry.add(StrategyInfo(name, fidelity, reference, note, cls.Parameters, cls))
        return cls

    return register


def strategy_names() -> list[str]:
    """Return the names of all strategies in the folder, without importing them."""
    return _registry.names()


def find_strategy(name: str) -> StrategyInfo:
    """Return the strategy of this name, importing its file.

    Raises:
        ConfigError: there is none; names those that exist.
    """
    return _registry.find(name)


def load_parameters(
    info: StrategyInfo, overrides: Mapping[str, JsonValue], config_dir: Path | None = None
) -> StrategyParameters:
    """Return a strategy's parameters, with those of a job in `overrides`; see `Registry.parameters`.

    Raises:
        ConfigError: a file or value is wrong; names the file and the parameter.
    """
    parameters = _registry.parameters(info, overrides, config_dir)
    assert isinstance(parameters, StrategyParameters), "what the strategy registered"
    return parameters
