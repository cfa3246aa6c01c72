"""What a strategy is: a pure policy that is asked what to do and told what came of it.

No I/O, no clock, no randomness: the same answers to the same history, so that a job can be resumed, spread over
machines, or replayed over recorded samples.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypedDict, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.job import StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.errors import ConfigError
from solvent.problems.problem import ProblemKind

PLAIN = DecodingOptions()
FOLDER = Path(__file__).resolve().parent
SHIPPED = FOLDER.parent.parent / "configs" / "strategies"


class Fidelity(StrEnum):
    """How a strategy stands to the paper that it follows."""

    EXACT = "exact"
    APPROXIMATION = "approximation"
    UNTRAINED = "untrained"
    """the method, with a general model where the paper trained a special one"""


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


_registry: dict[str, StrategyInfo] = {}
C = TypeVar("C", bound=type[Any])


def strategy(name: str, *, fidelity: Fidelity, reference: str, note: str = "") -> Callable[[C], C]:
    """Register a class `(parameters, task) -> Strategy` with a nested class `Parameters` under `name`."""

    def register(cls: C) -> C:
        _registry[name] = StrategyInfo(name, fidelity, reference, note, cls.Parameters, cls)
        return cls

    return register


def strategy_names() -> list[str]:
    """Return the names of all strategies in the folder, without importing them."""
    return sorted(path.stem.replace("_", "-") for path in FOLDER.glob("*.py") if path.stem not in {"__init__", "base"})


def find_strategy(name: str) -> StrategyInfo:
    """Return the strategy of this name, importing its file.

    Raises:
        ConfigError: there is none; names those that exist.
    """
    if name not in strategy_names():
        raise ConfigError(f"unknown strategy {name!r}", remedy=f"strategies: {', '.join(strategy_names())}")
    importlib.import_module(f"solvent.agents.strategies.{name.replace('-', '_')}")
    return _registry[name]


def load_parameters(
    info: StrategyInfo, overrides: Mapping[str, JsonValue], config_dir: Path | None = None
) -> StrategyParameters:
    """Return the parameters: the class's defaults, then configs/strategies/<name>.toml, then `overrides`.

    A TOML file under `config_dir` is taken instead of the one that ships with the package. A dot in the name of an
    override leads into a table, as in `decoding.end_bias`.

    Raises:
        ConfigError: a file or value is wrong; names the file and the parameter.
    """
    own = [] if config_dir is None else [config_dir / "strategies" / f"{info.name}.toml"]
    table: dict[str, Any] = {}
    source = "the job"
    for path in (*own, SHIPPED / f"{info.name}.toml"):
        if path.is_file():
            source = f"{path} or the job"
            try:
                table = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
                raise ConfigError(f"cannot read the strategy's parameters in {path}: {cause}") from cause
            break
    try:
        return info.parameters.model_validate(_merged(table, overrides))
    except ValidationError as cause:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'parameters'}: {e['msg']}" for e in cause.errors())
        known = ", ".join(info.parameters.model_fields)
        raise ConfigError(
            f"strategy {info.name}, parameters of {source}: {wrong}", remedy=f"parameters: {known}"
        ) from None


def _merged(table: dict[str, Any], overrides: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Return the table with the overrides in place, tables within it merged; neither is changed."""
    merged = dict(table)
    for name, value in overrides.items():
        first, dot, rest = name.partition(".")
        inner = {rest: value} if dot else value
        before = merged.get(first)
        if isinstance(inner, dict) and (dot or isinstance(before, dict)):
            merged[first] = _merged(before if isinstance(before, dict) else {}, inner)
        else:
            merged[first] = inner
    return merged
