"""What an allocation policy is, and how it is registered, found and configured.

A policy shares one budget between questions. It is pure, like a strategy: no I/O, no clock, and no randomness but the
state's seed. Whoever runs a batch asks it whenever every question has used up what it was given, raises budgets as it
says, and asks again; its state is made anew from the stored rows each time, so a crash loses nothing.

Amounts are whole units of the budget's leading cap (tokens where they are capped, see `units.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from solvent.agents.registry import Fidelity, Registry


class Phase(StrEnum):
    """Where a question stands."""

    NEW = "new"
    """It was given nothing yet."""
    RUNNING = "running"
    """It was given a share and may still use all of it."""
    OPEN = "open"
    """It has used up its share, is not solved, and would go on with more."""
    DONE = "done"
    """Nothing more will be spent on it; what it left of its share is free again."""


@dataclass(frozen=True)
class Question:
    """One question as a policy sees it."""

    id: str
    phase: Phase = Phase.NEW
    granted: int = 0
    """All that it was given so far, units."""
    spent: int = 0
    """All that it has spent so far, units."""
    limit: int | None = None
    """Most that it may be given, units; None for no such cap."""
    samples: int = 0
    """Attempts that were made at it."""
    verified: bool = False
    """Tests tell whether an attempt is right; otherwise the attempts' answers vote."""
    solved: bool = False
    passed: float = 0.0
    """Share of the public tests that its best attempt passes."""
    votes: int = 0
    leader: int = 0
    """Votes of the most frequent answer."""

    @property
    def held(self) -> int:
        """What is not free: what was spent, and what it may still spend."""
        return self.spent if self.phase is Phase.DONE else max(self.granted, self.spent)

    @property
    def room(self) -> int | None:
        """What it may still be given; None for any amount."""
        return None if self.limit is None else max(0, self.limit - max(self.granted, self.spent))


@dataclass(frozen=True)
class AllocationState:
    """One budget and the questions that share it."""

    cap: int
    """The budget, units."""
    questions: Mapping[str, Question]
    seed: int = 0

    @property
    def pool(self) -> int:
        """What is free to be given."""
        return max(0, self.cap - sum(question.held for question in self.questions.values()))

    def of(self, phase: Phase) -> list[Question]:
        """Return the questions of a phase that may be given something, in an order of the seed's choice."""
        found = [each for each in self.questions.values() if each.phase is phase and each.room != 0]
        return sorted(found, key=lambda each: _draw(self.seed, each.id))


def _draw(seed: int, id: str) -> bytes:
    return hashlib.sha256(f"{seed}:{id}".encode("utf-8", errors="surrogatepass")).digest()


def state_of(cap: int, questions: Iterable[Question], seed: int = 0) -> AllocationState:
    """Return the state of a budget and its questions."""
    return AllocationState(cap, {question.id: question for question in questions}, seed)


def granted(state: AllocationState, grants: Mapping[str, int]) -> AllocationState:
    """Return the state after questions were given shares; they run now."""
    changed = {id: replace(state.questions[id], granted=total, phase=Phase.RUNNING) for id, total in grants.items()}
    return replace(state, questions={**state.questions, **changed})


def tell(state: AllocationState, question: Question) -> AllocationState:
    """Return the state after a question used its share or ended."""
    return replace(state, questions={**state.questions, question.id: question})


def fair(pool: int, rooms: Sequence[int | None]) -> list[int]:
    """Return equal shares of a pool, none above its room; what some leave, the others share (max-min fairness).

    The sum is at most the pool; less than one unit for each who shares is left.
    """
    shares = [0] * len(rooms)
    left = pool
    order = sorted(range(len(rooms)), key=lambda index: (rooms[index] is None, rooms[index] or 0))
    for place, index in enumerate(order):
        equal = left // (len(order) - place)
        room = rooms[index]
        shares[index] = equal if room is None else min(equal, room)
        left -= shares[index]
        if room is None or room > equal:
            # All that follow have at least as much room: they get the same.
            for other in order[place:]:
                shares[other] = equal
            break
    return shares


class AllocationParameters(BaseModel):
    """Base of a policy's parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Policy(Protocol):
    """Shares a budget."""

    def ask(self, state: AllocationState) -> Mapping[str, int]:
        """Return what questions are given in all from now on (not what is added); empty where there is nothing more.

        The sum of what is held afterwards is at most the cap. Only questions that are new or open are named, each with
        more than it had. While a question is new or open and the policy is asked again and again, it comes to an end:
        at last it returns nothing.
        """
        ...


@dataclass(frozen=True)
class PolicyInfo:
    """A policy as it is listed and recorded."""

    name: str
    fidelity: Fidelity
    reference: str
    note: str
    parameters: type[AllocationParameters]
    make: Callable[[Any], Policy]


_registry: Registry[PolicyInfo] = Registry(
    "allocation",
    "allocations",
    package=__package__ or "",
    folder=Path(__file__).resolve().parent,
    configs="allocation",
    others=frozenset({"__init__", "base", "units", "rounds"}),
)
C = TypeVar("C", bound=type[Any])


def policy(name: str, *, fidelity: Fidelity, reference: str, note: str = "") -> Callable[[C], C]:
    """Register a class `(parameters) -> Policy` with a nested class `Parameters` under `name`."""

    def register(cls: C) -> C:
        _registry.add(PolicyInfo(name, fidelity, reference, note, cls.Parameters, cls))
        return cls

    return register


def policy_names() -> list[str]:
    """Return the names of all policies in the folder, without importing them."""
    return _registry.names()


def find_policy(name: str) -> PolicyInfo:
    """Return the policy of this name, importing its file.

    Raises:
        ConfigError: there is none; names those that exist.
    """
    return _registry.find(name)


def make_policy(name: str, config_dir: Path | None = None) -> Policy:
    """Return a policy with the parameters of `allocation/<name>.toml` under `config_dir`, else of the shipped one.

    Raises:
        ConfigError: there is no such policy, or its file is wrong; names the file and the parameter.
    """
    info = find_policy(name)
    return info.make(_registry.parameters(info, {}, config_dir))
