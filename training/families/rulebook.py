"""Scenes of rules: a loop in which the first rule that fits changes a state, or every rule that fits does."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from solvent.training.families.inputs import Input, exactly, integers, positive_integer
from solvent.training.families.parts import Body, Ending, OpenWording, Part, Step, show_list
from solvent.training.families.scenes import Scene

_RULE = "rule"
_TALLY_SHARE = 0.4
_OTHERWISE_SHARE = 0.5
_OPEN_CHOICES = 4


@dataclass(frozen=True)
class Piece:
    """A condition or an action: its Python, its wordings, and what `{k}` may be."""

    name: str
    code: str
    phrases: tuple[str, ...]
    parameters: tuple[int | str, ...] = ("",)


@dataclass(frozen=True)
class Tally:
    """What is asked about the state: lines before the loop and at the end of each round, and the answer's line."""

    name: str
    phrases: tuple[str, ...]
    gives: str
    before: tuple[str, ...]
    within: tuple[str, ...]
    after: str


def tally(name: str, after: str, *phrases: str, before: str = "", within: str = "", gives: str = "number") -> Tally:
    """A tally of at most one line before the loop and one in it, whose answer is the expression `after`."""
    return Tally(name, phrases, gives, (before,) if before else (), (within,) if within else (), f"answer = {after}")


def extreme(name: str, function: str, value: str, *phrases: str, start: str = "0") -> Tally:
    """A tally of the largest or smallest ("max" or "min") value that there was after a round, or at the start."""
    return tally(name, "m", *phrases, before=f"m = {start}", within=f"m = {function}(m, {value})")


def times(name: str, condition: str, *phrases: str) -> Tally:
    """A tally of the rounds after which a condition held."""
    return tally(name, "m", *phrases, before="m = 0", within=f"m += {condition}")


def history(name: str, value: str, *phrases: str, start: str = "") -> Tally:
    """A tally that lists a value after every round, behind what it was at the `start` where that counts."""
    return tally(name, "h", *phrases, before=f"h = [{start}]", within=f"h.append({value})", gives="list")


@dataclass(frozen=True)
class RuleBook:
    """What makes a scene of rules.

    Attributes:
        before: Lines that set the state up.
        loop: The loop's first line.
        default: What is asked where no other tally is drawn; `noun` is what closing sentences call it.
        change: How an openly worded action is told ("change t").
        start: Lines at the start of every round, and `end` at its end.
        exclusive: Only the first rule that fits is used; otherwise all of them, in order.
        otherwise: Wordings of the condition that no earlier rule fits; empty where there is no such rule.
    """

    name: str
    inputs: Input
    stdio_openings: tuple[str, ...]
    function_openings: tuple[str, ...]
    before: tuple[str, ...]
    loop: str
    conditions: tuple[Piece, ...]
    actions: tuple[Piece, ...]
    tallies: tuple[Tally, ...]
    default: Tally
    noun: str
    change: tuple[str, ...]
    start: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    exclusive: bool = True
    otherwise: tuple[str, ...] = ("otherwise", "in all other cases")
    depths: tuple[int, int] = (1, 4)

    def scene(self) -> Scene:
        """The scene of these rules."""
        parts = self._parts()
        return Scene(
            name=self.name,
            inputs=self.inputs,
            stdio_openings=self.stdio_openings,
            function_openings=self.function_openings,
            endings={
                "number": Ending("answer", ("print(answer)",), str),
                "list": Ending("answer", ("print(*answer)",), show_list),
                "default": Ending("answer", ("print(answer)",), str, self.noun),
                "default list": Ending("answer", ("print(*answer)",), show_list, self.noun),
            },
            parts=parts,
            choose=self._choose(parts),
            body=self._body,
            open_wordings=self._open_wordings(),
            depths=self.depths,
        )

    def _parts(self) -> tuple[Part, ...]:
        """Every condition with every action, as far as one parameter does for both, and the tallies."""
        conditions = [*self.conditions]
        if self.otherwise:
            conditions.append(Piece("otherwise", "", self.otherwise))
        rules = [
            Part(
                f"{self.name}_{condition.name}_{action.name}",
                f"{condition.code}\n{action.code}",
                tuple(f"{first}, {second}" for first in condition.phrases for second in action.phrases),
                _RULE,
                _RULE,
                condition.parameters if condition.parameters != ("",) else action.parameters,
            )
            for condition in conditions
            for action in self.actions
            if condition.parameters == ("",) or action.parameters == ("",)
        ]
        tallies = [
            Part(
                f"{self.name}_{tally.name}", tally.name, tuple("{out} " + p for p in tally.phrases), _RULE, tally.gives
            )
            for tally in self.tallies
        ]
        return (*rules, *tallies)

    def _choose(self, parts: tuple[Part, ...]) -> Callable[[random.Random, int], list[Step]]:
        """`choose` of the scene: rules with different conditions, and sometimes a tally."""
        groups: dict[str, list[Part]] = {}
        for part in parts:
            if part.gives == _RULE:
                groups.setdefault(part.code.split("\n")[0], []).append(part)
        conditions = [condition for condition in groups if condition]
        tallies = [part for part in parts if part.gives != _RULE]

        def choose(rng: random.Random, depth: int) -> list[Step]:
            tally = depth > len(conditions) or (depth > 1 and rng.random() < _TALLY_SHARE)
            count = depth - tally
            chosen = rng.sample(conditions, count)
            if self.otherwise and count > 1 and rng.random() < _OTHERWISE_SHARE:
                chosen[-1] = ""
            picked = [rng.choice(groups[condition]) for condition in chosen]
            if tally:
                picked.append(rng.choice(tallies))
            return [Step(part, rng.choice(part.parameters)) for part in picked]

        return choose

    def _body(self, steps: Sequence[Step]) -> Body | None:
        """The program of some rules and a tally; None if two rules share a condition, or a rule can never fit."""
        rules = [step.code.split("\n") for step in steps if step.part.gives == _RULE]
        names = [step.part.code for step in steps if step.part.gives != _RULE]
        tally = next((tally for tally in self.tallies if tally.name in names), self.default)
        conditions = [rule[0] for rule in rules]
        if len(set(conditions)) < len(conditions) or "" in conditions[:-1]:
            return None
        lines: list[str] = [*self.start]
        for place, (condition, *actions) in enumerate(rules):
            if not condition and place == 0:
                lines.extend(actions)
                continue
            word = "if" if place == 0 or not self.exclusive else "elif"
            lines.append(f"{word} {condition}:" if condition else "else:")
            lines.extend(f"    {action}" for action in actions)
        lines += [*self.end, *tally.within]
        inner = [f"    {line}" for line in lines or ["pass"]]
        return Body((*self.before, *tally.before, self.loop, *inner, tally.after), tally.gives)

    def _open_wordings(self) -> tuple[OpenWording, ...]:
        """For each condition a wording that leaves the action open, between a few actions."""
        wordings = []
        for number, condition in enumerate(self.conditions):
            k = condition.parameters[0]
            actions = [a for a in self.actions if k == "" or a.parameters == ("",)]
            start = number * 3 % len(actions)
            actions = [*actions[start:], *actions[:start]][:_OPEN_CHOICES]
            wordings.append(
                OpenWording(
                    tuple(f"{first.format(k=k)}, {change}" for first in condition.phrases for change in self.change),
                    tuple(
                        (f"{self.name}_{condition.name}_{a.name}", k if k != "" else a.parameters[0]) for a in actions
                    ),
                )
            )
        return tuple(wordings)


def _draw_numbers(rng: random.Random, large: bool) -> tuple[Any, ...]:
    size = rng.randint(7, 11) if large else rng.randint(4, 6)
    low, high = (-15, 25) if large else (-5, 9)
    return ([rng.randint(low, high) for _ in range(size)],)


def _draw_number(rng: random.Random, large: bool) -> tuple[Any, ...]:
    return (rng.randint(40, 300) if large else rng.randint(5, 60),)


def _draw_letters(rng: random.Random, large: bool) -> tuple[Any, ...]:
    size = rng.randint(9, 16) if large else rng.randint(5, 9)
    return ("".join(rng.choice("ABCD") for _ in range(size)),)


NUMBERS_INPUT = integers(_draw_numbers)
NUMBER_INPUT = positive_integer(_draw_number)
LETTERS_INPUT = Input(
    ("s",),
    ("s = input()",),
    _draw_letters,
    lambda arguments: str(arguments[0]),
    lambda lines: tuple(exactly(lines, 1)),
    lambda arguments: type(arguments[0]) is str and bool(arguments[0]) and set(arguments[0]) <= set("ABCD"),
)
