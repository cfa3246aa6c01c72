"""Arithmetic word problems: stories of situations, told forwards or backwards.

The answer is a number; the reference program has one line for each step of the story, and so has the reasoning.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import add, floordiv, mod, mul, sub
from typing import NamedTuple

from solvent.training.families.sample import Sample, Split, split_of
from solvent.training.families.situations import PEOPLE, PLANS, Event, Situation
from solvent.training.families.stories import SITUATIONS

_SPELLED = dict(enumerate(("two", "three", "four", "five", "six", "seven", "eight", "nine"), 2))
_PARTS = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth"}
_SIGNS: dict[type[ast.operator], tuple[str, Callable[[int, int], int]]] = {
    ast.Add: ("+", add),
    ast.Sub: ("-", sub),
    ast.Mult: ("*", mul),
    ast.FloorDiv: ("//", floordiv),
    ast.Mod: ("%", mod),
}
_LEADS = ("Then", "Later", "After that", "The next day", "A little later")
_TRIES = 6


class _UnfitError(Exception):
    """A number on the way is not whole, not positive or too large."""


class _Part(NamedTuple):
    """What one step does to one variable ("" where it only asks), and the calculations that it takes."""

    variable: str
    value: int
    equations: tuple[str, ...]


@lru_cache(maxsize=1024)
def _parse(code: str) -> list[tuple[str, ast.expr]]:
    statement = ast.parse(code).body[0]
    if isinstance(statement, ast.Expr):
        return [("", statement.value)]
    assert isinstance(statement, ast.Assign)
    (target,) = statement.targets
    if isinstance(target, ast.Tuple):
        assert isinstance(statement.value, ast.Tuple)
        return [(ast.unparse(t), v) for t, v in zip(target.elts, statement.value.elts, strict=True)]
    return [(ast.unparse(target), statement.value)]


def _calculate(node: ast.expr, numbers: dict[str, int], limit: int, rounds: bool, equations: list[str]) -> int:
    if isinstance(node, ast.Constant):
        return int(str(node.value))
    if isinstance(node, ast.Name):
        return numbers[node.id]
    assert isinstance(node, ast.BinOp)
    left = _calculate(node.left, numbers, limit, rounds, equations)
    right = _calculate(node.right, numbers, limit, rounds, equations)
    sign, function = _SIGNS[type(node.op)]
    result = function(left, right)
    if not 0 < result <= limit or (sign == "//" and left % right and not rounds):
        raise _UnfitError
    equations.append(f"{left} {sign} {right} = {result}")
    return result


@dataclass(frozen=True)
class WordProblemFamily:
    """Arithmetic word problems about one or two people, or things."""

    name: str = "word"
    max_depth: int = 8

    def accepts(self, stdin: str) -> bool:
        """Whether a text is a valid input: never, since a story has none."""
        del stdin
        return False

    def draw(self, rng: random.Random, depth: int, open_steps: int, split: Split) -> Sample:
        """Draw one problem of the split. `open_steps` has no meaning here: a story has no examples to decide."""
        del open_steps
        situations = [s for s in SITUATIONS if s.depths[0] <= depth <= s.depths[1]]
        weights = [situation.weight for situation in situations]
        while True:
            story = _Story(rng, rng.choices(situations, weights)[0])
            try:
                if story.situation.first and rng.random() < 0.2:
                    story.tell_backwards(depth)
                else:
                    story.tell_forwards(depth)
            except _UnfitError:
                continue
            if split_of(self.name, tuple(story.composition)) == split:
                return story.sample(depth)


class _Story:
    """A story in the making: sentences, lines of the program, and what everybody has so far."""

    def __init__(self, rng: random.Random, situation: Situation) -> None:
        self._rng = rng
        self.situation = situation
        self._items = rng.choice(situation.items)
        self._actors = dict(zip("ab", rng.sample(situation.actors, 2), strict=True))
        self._pronoun = "It"
        if self._actors["a"] in PEOPLE:
            self._pronoun = ("She", "He")[PEOPLE.index(self._actors["a"]) % 2]
        self._sentences: list[str] = []
        self._parameters: list[str] = []
        self.composition = [situation.name] if situation.name else []
        self._lines: list[str] = []
        self._undo: list[tuple[Event, str, dict[str, int]]] = []
        self._steps: list[tuple[_Part, ...]] = []
        self._plan: list[tuple[str, str]] = []
        self._values: dict[str, int] = {}
        self._answer = 0

    @property
    def _has_other(self) -> bool:
        return "b" in self._values

    def tell_forwards(self, depth: int) -> None:
        """Tell a story of so many steps. Raises _UnfitError where its numbers go wrong."""
        rng, situation = self._rng, self.situation
        self._open()
        start = rng.choice(situation.starts)
        self._happen((start,), "a")
        depth -= start.counts
        asks = depth > 0 and rng.random() < situation.ending_share
        steps = depth - asks
        introduce_at = rng.randrange(steps) if steps > 0 and not self._has_other and rng.random() < 0.5 else None
        for place in range(steps):
            if place == introduce_at:
                self._happen(situation.introductions, "a")
            else:
                self._happen(self._possible(situation.events), rng.choice("ab") if self._has_other else "a")
        who = rng.choice("ab") if self._has_other else "a"
        if asks:
            self._happen(self._possible(situation.endings), who)
            return
        if self._has_other:
            self.composition.append(f"ask_{who}")
        self._ask(situation.questions, who)

    def tell_backwards(self, depth: int) -> None:
        """Tell a story of which only the end is known. Raises _UnfitError where its numbers go wrong."""
        rng, situation = self._rng, self.situation
        start = rng.randint(3, 60)
        self._open()
        self._values["a"] = start
        self._say(rng.choice(situation.first), "a", {})
        self.composition.append("backwards")
        for _ in range(depth):
            self._happen([event for event in situation.events if event.undo], "a")
        end = self._values["a"]
        self._say(rng.choice(situation.now), "a", {"k": end})
        self._lines, self._steps, self._plan = [f"a = {end}"], [], [(f"start with {end}", "")]
        for event, who, numbers in reversed(self._undo):
            self._run(event.undo, PLANS[event.undo], who, numbers, rounds=False)
        self._ask(situation.asked_first, "a")

    def _open(self) -> None:
        if self.situation.openings and self._rng.random() < 0.1:
            self._sentences.append(self._rng.choice(self.situation.openings))

    def _possible(self, events: tuple[Event, ...]) -> list[Event]:
        return [e for e in events if (not e.alone_only if self._has_other else not e.needs_other)]

    def _say(self, telling: str, who: str, numbers: dict[str, int]) -> None:
        """Add a sentence, sometimes after a distracting one, sometimes with a leading word or a pronoun."""
        rng = self._rng
        other = "b" if who == "a" else "a"
        is_aside = bool(self._sentences and self.situation.asides) and rng.random() < 0.06
        if is_aside:
            aside = rng.choice(self.situation.asides)
            self._sentences.append(aside.format(p=self._actors["a"], q=self._actors["b"], k=rng.randint(5, 30)))
        name = self._actors[who]
        if telling.startswith("{p} ") and self._values and self._sentences:
            chance = rng.random()
            if chance < 0.12:
                telling = f"{rng.choice(_LEADS)} {telling}"
            elif chance < 0.3 and not self._has_other and not is_aside and len(self._sentences) > 1:
                name = self._pronoun
        marks: dict[str, int | str] = dict(numbers)
        if "m" in numbers and numbers["m"] in _SPELLED and rng.random() < 0.5:
            marks["m"] = _SPELLED[numbers["m"]]
        if "d" in numbers:
            d = numbers["d"]
            marks |= {"percent": 100 // d, "part": _PARTS.get(d, f"1/{d}")}
        text = telling.format(p=name, q=self._actors[other], items=self._items, **marks)
        self._sentences.append(text[:1].upper() + text[1:])

    def _happen(self, events: tuple[Event, ...] | list[Event], who: str) -> None:
        """Let one of the events happen that fits. Raises _UnfitError where none is found."""
        rng = self._rng
        for _ in range(_TRIES if events else 0):
            event = rng.choice(events)
            marks = {"k": event.numbers, "j": event.amounts, "m": event.shares, "d": event.parts}
            numbers = {mark: rng.choice(values) for mark, values in marks.items() if f"{{{mark}}}" in event.code}
            try:
                self._run(event.code, event.plan_line, who, numbers, event.rounds, not event.counts)
            except _UnfitError:
                continue
            if event.counts:
                self.composition.append(event.name if who == "a" else f"{event.name}_b")
                self._parameters.append(" ".join(map(str, numbers.values())))
            self._undo.append((event, who, numbers))
            self._say(rng.choice(event.tellings), who, numbers)
            return
        raise _UnfitError

    def _run(
        self, code: str, plan: str, who: str, numbers: dict[str, int], rounds: bool, is_given: bool = False
    ) -> None:
        other = "b" if who == "a" else "a"
        texts = {mark: mark for mark in "kjmd"}
        known = self._values | numbers
        parts = []
        for variable, expression in _parse(code.format(v=who, o=other, **texts)):
            equations: list[str] = []
            value = _calculate(expression, known, self.situation.limit, rounds, equations)
            parts.append(_Part(variable, value, tuple(equations)))
        if all(part.variable and self._values.get(part.variable) == part.value for part in parts):
            raise _UnfitError
        self._answer = parts[-1].value
        line = code.format(v=who, o=other, **numbers)
        self._lines.append(line if parts[-1].variable else f"print({line})")
        self._values |= {part.variable: part.value for part in parts if part.variable}
        if not is_given:
            self._steps.append(tuple(parts))
        named = "{v}" in code and not code.startswith("{o}")
        text = plan.format(o=self._actors[other], **numbers)
        self._plan.append((text, who if named else ""))

    def _ask(self, questions: tuple[str, ...], who: str) -> None:
        self._say(self._rng.choice(questions), who, {})
        self._answer = self._values[who]
        self._lines.append(f"print({who})")
        if not self._steps or self._steps[-1][-1].variable != who:
            self._steps.append((_Part(who, self._values[who], ()),))

    def sample(self, depth: int) -> Sample:
        """The finished problem."""
        named = self._has_other
        return Sample(
            family="word",
            kind="math",
            depth=depth,
            composition=tuple(self.composition),
            parameters=tuple(self._parameters),
            open_steps=0,
            statement=" ".join(self._sentences),
            program="\n".join(self._lines),
            answer=str(self._answer),
            plan=tuple(f"{self._actors[who]}: {text}" if who and named else text for text, who in self._plan),
            reasoning="\n".join(", ".join(map(self._reason, parts)) for parts in self._steps),
        )

    def _reason(self, part: _Part) -> str:
        text = ", ".join(part.equations) or str(part.value)
        return f"{self._actors[part.variable]}: {text}" if part.variable and self._has_other else text


WORDS = WordProblemFamily()
