"""Arithmetic word problems: who has how many, told forwards or backwards.

The answer is a number; the reference program has one line for each step of the story.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from solvent.training.families.sample import Sample, Split, split_of

_NAMES = (  # noqa: SIM905 - a list literal of words is longer and no clearer
    "Anna Ben Carla David Ella Felix Grace Henry Iris Jack Kate Leo Maria Noah Olga Paul Rosa Sam Tara Victor"
).split()
_ITEMS = (  # noqa: SIM905 - as above
    "apples stamps coins shells books cards marbles pens nuts stickers eggs beads"
).split()
_WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
_DISTRACTORS = (
    "The shop closes in {k} minutes.",
    "{q} is {k} years old.",
    "It is {k} degrees outside.",
    "The walk home takes {k} minutes.",
)
_NOW = ("Now", "In the end", "At last")
_LIMIT = 5000


@dataclass(frozen=True)
class _Event:
    """Something that happens: a line of Python and how it is told.

    In code `{v}` and `{o}` are the variables of the person and of the other person; in tellings `{p}` and `{q}` are
    their names. `{k}` is a number, `{m}` a small number that a telling may spell out.
    """

    name: str
    code: str
    tellings: tuple[str, ...]
    numbers: tuple[int, int] = (2, 30)
    undo: str = ""
    needs_other: bool = False


_EVENTS = (
    _Event(
        "gain",
        "{v} = {v} + {k}",
        ("{p} buys {k} more {items}.", "{p} finds {k} {items}.", "{p} gets {k} {items} from a neighbour."),
        undo="{v} = {v} - {k}",
    ),
    _Event(
        "lose",
        "{v} = {v} - {k}",
        ("{p} loses {k} {items}.", "{p} gives away {k} {items}.", "{p} sells {k} of the {items}."),
        undo="{v} = {v} + {k}",
    ),
    _Event(
        "gain_groups",
        "{v} = {v} + {m} * {k}",
        ("{p} buys {m} bags with {k} {items} each.", "{m} friends give {p} {k} {items} each."),
        (2, 12),
        "{v} = {v} - {m} * {k}",
    ),
    _Event(
        "lose_groups",
        "{v} = {v} - {m} * {k}",
        ("{p} gives {k} {items} to each of {m} friends.", "{p} fills {m} boxes with {k} {items} each and sells them."),
        (2, 12),
        "{v} = {v} + {m} * {k}",
    ),
    _Event(
        "times",
        "{v} = {v} * {m}",
        ("{p} plays and ends with {m} times as many {items}.", "{p} makes the number of {items} {m} times as large."),
        undo="{v} = {v} // {m}",
    ),
    _Event(
        "double",
        "{v} = {v} * 2",
        ("{p} doubles the number of {items}.", "{p} gets as many {items} again."),
        undo="{v} = {v} // 2",
    ),
    _Event(
        "half",
        "{v} = {v} // 2",
        ("{p} gives away half of the {items}.", "{p} keeps only half of the {items}."),
        undo="{v} = {v} * 2",
    ),
    _Event(
        "share",
        "{v} = {v} // {m}",
        (
            "{p} shares the {items} equally among {m} people and keeps one share.",
            "{p} makes {m} equal piles of {items} and keeps one pile.",
        ),
        undo="{v} = {v} * {m}",
    ),
    _Event(
        "give_other",
        "{v}, {o} = {v} - {k}, {o} + {k}",
        ("{p} gives {k} {items} to {q}.", "{q} takes {k} {items} from {p}."),
        (2, 15),
        needs_other=True,
    ),
)
_INTRODUCTIONS = (
    _Event(
        "other_more",
        "{o} = {v} + {k}",
        ("{q} has {k} more {items} than {p}.", "{q} has {k} {items} more than {p} has."),
    ),
    _Event(
        "other_fewer",
        "{o} = {v} - {k}",
        ("{q} has {k} fewer {items} than {p}.", "{q} has {k} {items} less than {p} has."),
    ),
    _Event("other_times", "{o} = {v} * {m}", ("{q} has {m} times as many {items} as {p}.",)),
)
_ENDINGS = (
    _Event(
        "together",
        "a + b",
        ("How many {items} do {p} and {q} have together?", "How many {items} do they have in total?"),
        needs_other=True,
    ),
    _Event(
        "price",
        "{v} * {k}",
        (
            "Each of the {items} costs {k} dollars. How many dollars are those of {p} worth?",
            "{p} sells all the {items} for {k} dollars each. How many dollars does {p} get?",
        ),
        (2, 12),
    ),
)


@dataclass(frozen=True)
class WordProblemFamily:
    """Arithmetic word problems about one or two people."""

    name: str = "word"
    max_depth: int = 8

    def accepts(self, stdin: str) -> bool:
        """Whether a text is a valid input: never, since a story has none."""
        del stdin
        return False

    def draw(self, rng: random.Random, depth: int, open_steps: int, split: Split) -> Sample:
        """Draw one problem of the split. `open_steps` has no meaning here: a story has no examples to decide."""
        del open_steps
        while True:
            backwards = rng.random() < 0.2
            sample = self._draw_backwards(rng, depth) if backwards else self._draw_forwards(rng, depth)
            if sample is not None and split_of(self.name, sample.composition) == split:
                return sample

    def _draw_forwards(self, rng: random.Random, depth: int) -> Sample | None:
        story = _Story(rng)
        start = rng.randint(3, 60)
        story.say(rng.choice(("{p} has {k} {items}.", "{p} starts with {k} {items}.")), "a", k=start)
        story.run(f"a = {start}")
        special_ending = depth > 1 and rng.random() < 0.3
        introduce_at = rng.randrange(depth - special_ending) if depth > 1 and rng.random() < 0.5 else None
        for place in range(depth - special_ending):
            if place == introduce_at:
                ok = story.happen(rng.choice(_INTRODUCTIONS), "a")
            else:
                event = rng.choice([e for e in _EVENTS if story.has_other or not e.needs_other])
                ok = story.happen(event, rng.choice("ab") if story.has_other else "a")
            if not ok:
                return None
        if special_ending:
            ending = rng.choice([e for e in _ENDINGS if story.has_other or not e.needs_other])
            story.end(ending, rng.choice("ab") if story.has_other else "a")
        else:
            who = rng.choice("ab") if story.has_other else "a"
            if story.has_other:
                story.names_of_steps.append(f"ask_{who}")
            story.say(rng.choice(("How many {items} does {p} have?", "How many {items} does {p} have now?")), who)
            story.run(f"print({who})", who)
        return story.sample(depth)

    def _draw_backwards(self, rng: random.Random, depth: int) -> Sample | None:
        story = _Story(rng)
        start = rng.randint(3, 60)
        story.run(f"a = {start}")
        story.say(rng.choice(("{p} has some {items}.", "{p} starts with an unknown number of {items}.")), "a")
        story.names_of_steps.append("backwards")
        for _ in range(depth):
            if not story.happen(rng.choice([e for e in _EVENTS if e.undo]), "a"):
                return None
        end = story.values["a"]
        story.say(f"{rng.choice(_NOW)} {{p}} has {{k}} {{items}}.", "a", k=end)
        story.say(
            rng.choice(("How many {items} did {p} have at first?", "How many {items} were there at the start?")), "a"
        )
        story.lines = [f"a = {end}", *reversed(story.undo_lines), "print(a)"]
        story.answer = start
        return story.sample(depth)


class _Story:
    """A story in the making: sentences, lines of the program, and what everybody has so far."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._items = rng.choice(_ITEMS)
        self._people = dict(zip("ab", rng.sample(_NAMES, 2), strict=True))
        self._sentences: list[str] = []
        self._parameters: list[str] = []
        self.names_of_steps: list[str] = []
        self.lines: list[str] = []
        self.undo_lines: list[str] = []
        self.values: dict[str, int] = {}
        self.answer: int | None = None

    @property
    def has_other(self) -> bool:
        """Whether the second person has been introduced."""
        return "b" in self.values

    def say(self, telling: str, who: str, **numbers: int | str) -> None:
        """Add a sentence, sometimes after a distracting one."""
        other = "b" if who == "a" else "a"
        if self._sentences and self._rng.random() < 0.06:
            aside = self._rng.choice(_DISTRACTORS)
            self._sentences.append(aside.format(q=self._people["b"], k=self._rng.randint(5, 30)))
        text = telling.format(p=self._people[who], q=self._people[other], items=self._items, **numbers)
        self._sentences.append(text[:1].upper() + text[1:])

    def run(self, line: str, result: str | None = None) -> None:
        """Add a line to the program and carry it out; `result` is an expression whose value is the answer."""
        if result is None:
            exec(line, {}, self.values)  # noqa: S102 - our own event tables, no outside text
        else:
            self.answer = eval(result, {}, self.values)  # noqa: S307 - as above
        self.lines.append(line)

    def happen(self, event: _Event, who: str) -> bool:
        """Let the event happen; False if it would leave a negative, huge or fractional number."""
        other = "b" if who == "a" else "a"
        k, m = self._rng.randint(*event.numbers), self._rng.randint(2, 5)
        if ("// 2" in event.code and self.values[who] % 2) or ("// {m}" in event.code and self.values[who] % m):
            return False
        before = dict(self.values)
        self.run(event.code.format(v=who, o=other, k=k, m=m))
        if event.undo:
            self.undo_lines.append(event.undo.format(v=who, k=k, m=m))
        spelled = _WORDS[m] if self._rng.random() < 0.5 else str(m)
        self.say(self._rng.choice(event.tellings), who, k=k, m=spelled)
        self.names_of_steps.append(event.name if who == "a" else f"{event.name}_b")
        self._parameters.append(" ".join(str(n) for n, mark in ((k, "{k}"), (m, "{m}")) if mark in event.code))
        return self.values != before and all(0 < value <= _LIMIT for value in self.values.values())

    def end(self, event: _Event, who: str) -> None:
        """Ask a question that takes one more step."""
        k = self._rng.randint(*event.numbers)
        expression = event.code.format(v=who, k=k)
        self.names_of_steps.append(event.name if event.needs_other else f"{event.name}_{who}")
        self._parameters.append(str(k) if "{k}" in event.code else "")
        self.say(self._rng.choice(event.tellings), who, k=k)
        self.run(f"print({expression})", expression)

    def sample(self, depth: int) -> Sample:
        """The finished problem."""
        return Sample(
            family="word",
            kind="math",
            depth=depth,
            composition=tuple(self.names_of_steps),
            parameters=tuple(self._parameters),
            open_steps=0,
            statement=" ".join(self._sentences),
            program="\n".join(self.lines),
            answer=str(self.answer),
        )


WORDS = WordProblemFamily()
