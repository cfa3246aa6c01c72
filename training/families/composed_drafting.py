"""The making of a composed problem: parts that all matter, and examples that leave one reading of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from solvent.training.families.parts import Body, OpenWording, Step
from solvent.training.families.sample import Example
from solvent.training.families.scenes import Scene

PUBLIC_TESTS = (3, 4)
HIDDEN_TESTS = 12
FUNCTION_SHARE = 0.4
_INPUT_PARAMETER_SHARE = 0.2
_POOL = 12
_PUBLIC_TEXT_LIMIT = 60
_HIDDEN_TEXT_LIMIT = 240
_ERRORS = (ValueError, IndexError, KeyError, ZeroDivisionError)


class Draft(NamedTuple):
    """A composed problem before it is worded: parts, their open wordings and style."""

    scene: Scene
    steps: tuple[Step, ...]
    wordings: tuple[OpenWording | None, ...]
    is_function: bool
    input_values: tuple[int, ...]
    """What the input k may be; empty where the program has no such input."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The function's parameters."""
        return (*self.scene.inputs.arguments, "k") if self.input_values else self.scene.inputs.arguments


@lru_cache(maxsize=8192)
def _compile(arguments: str, lines: tuple[str, ...], value: str) -> Callable[..., Any]:
    body = "\n".join(f"    {line}" for line in lines)
    namespace: dict[str, Any] = {}
    exec(f"def apply({arguments}):\n{body}\n    return {value}\n", namespace)  # noqa: S102 - our own tables
    return namespace["apply"]  # type: ignore[no-any-return]  # exec leaves no type behind


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What the function returns; None where it fails on these arguments."""
    try:
        return function(*arguments)
    except _ERRORS:
        return None


def draft_problem(rng: random.Random, scene: Scene, depth: int, open_steps: int) -> Draft:
    """Draw parts, the places that are openly worded, the style, and whether a constant becomes an input."""
    steps = scene.choose(rng, depth)
    wordings: list[OpenWording | None] = [None] * len(steps)
    openable = [place for place, step in enumerate(steps) if (step.part.takes, step.part.gives) in scene.open_by_kind]
    for place in rng.sample(openable, min(open_steps, len(openable))):
        if steps[place] not in scene.open_by_step:
            used = {step.part.name for step in steps}
            kind = (steps[place].part.takes, steps[place].part.gives)
            fresh = [step for step in scene.open_by_kind[kind] if step.part.name not in used]
            if not fresh:
                continue
            steps[place] = rng.choice(fresh)
        wordings[place] = scene.open_by_step[steps[place]]
    values: tuple[int, ...] = ()
    if rng.random() < _INPUT_PARAMETER_SHARE:
        places = [place for place, step in enumerate(steps) if step.part.numeric and not wordings[place]]
        if places:
            place = rng.choice(places)
            values = tuple(int(value) for value in steps[place].part.parameters)
            steps[place] = Step(steps[place].part, "k")
    return Draft(scene, tuple(steps), tuple(wordings), rng.random() < FUNCTION_SHARE, values)


def _rivals(draft: Draft) -> Iterator[Callable[..., Any]]:
    """The programs that the examples must rule out: with a part left out, or with another reading of an open part."""
    steps, scene = draft.steps, draft.scene
    others = [steps[:place] + steps[place + 1 :] for place in range(len(steps)) if len(steps) > 1]
    for place, wording in enumerate(draft.wordings):
        for name, parameter in wording.choices if wording else ():
            rival = Step(scene.by_name[name], parameter)
            if rival != steps[place]:
                others.append((*steps[:place], rival, *steps[place + 1 :]))
    for other in others:
        if body := scene.body(other):
            yield _function(draft, body)


def _function(draft: Draft, body: Body) -> Callable[..., Any]:
    return _compile(", ".join(draft.arguments), body.lines, draft.scene.endings[body.gives].value)


def _draw_arguments(rng: random.Random, draft: Draft, large: bool) -> tuple[Any, ...]:
    arguments = draft.scene.inputs.draw(rng, large)
    return (*arguments, rng.choice(draft.input_values)) if draft.input_values else arguments


def draw_tests(rng: random.Random, draft: Draft, body: Body) -> tuple[tuple[Example, ...], tuple[Example, ...]] | None:
    """Public tests on which every rival fails, and hidden ones; None where a pool of inputs does not hold them."""
    reference = _function(draft, body)
    pool: list[tuple[tuple[Any, ...], Any, Example]] = []
    seen: set[str] = set()
    for _ in range(_POOL):
        arguments = _draw_arguments(rng, draft, False)
        if (test := _test(draft, body, reference, arguments, _PUBLIC_TEXT_LIMIT)) and test[1].stdin not in seen:
            seen.add(test[1].stdin)
            pool.append((arguments, *test))
    if len(pool) < PUBLIC_TESTS[0] or len({example.expected for _, _, example in pool}) < 2:
        return None
    chosen = _single_out(pool, _rivals(draft), rng.randint(*PUBLIC_TESTS))
    if chosen is None:
        return None
    rng.shuffle(chosen)
    public = tuple(pool[index][2] for index in chosen)
    seen = {example.stdin for example in public}
    hidden: list[Example] = []
    for attempt in range(4 * HIDDEN_TESTS):
        test = _test(draft, body, reference, _draw_arguments(rng, draft, attempt % 4 != 0), _HIDDEN_TEXT_LIMIT)
        if test and test[1].stdin not in seen:
            seen.add(test[1].stdin)
            hidden.append(test[1])
            if len(hidden) == HIDDEN_TESTS:
                break
    if len(hidden) < HIDDEN_TESTS or len({example.expected for example in hidden}) < 2:
        return None
    return public, tuple(hidden)


def _test(
    draft: Draft, body: Body, reference: Callable[..., Any], arguments: tuple[Any, ...], limit: int
) -> tuple[Any, Example] | None:
    result = _outcome(reference, arguments)
    if result is None:
        return None
    text = repr(result) if draft.is_function else draft.scene.endings[body.gives].show(result)
    if not text.strip() or len(text) > limit:
        return None
    return result, Example(_input_text(draft, arguments), text)


def _input_text(draft: Draft, arguments: tuple[Any, ...]) -> str:
    if draft.is_function:
        return ", ".join(map(repr, arguments))
    count = len(draft.scene.inputs.arguments)
    return "\n".join([draft.scene.inputs.to_stdin(arguments[:count]), *map(str, arguments[count:])])


def _single_out(
    pool: list[tuple[tuple[Any, ...], Any, Example]], rivals: Iterable[Callable[..., Any]], count: int
) -> list[int] | None:
    """Places of `count` inputs with two different results or more, on which every rival fails; None if there are none.

    Greedy: the input that rules out most of what is left comes first.
    """
    ruled_out: list[set[int]] = [set() for _ in pool]
    left: set[int] = set()
    for number, rival in enumerate(rivals):
        left.add(number)
        failing = [place for place, (arguments, result, _) in enumerate(pool) if _outcome(rival, arguments) != result]
        if not failing:
            return None
        for place in failing:
            ruled_out[place].add(number)
    chosen: list[int] = []
    results: list[str] = []
    for _ in range(count):
        index = max(
            (i for i in range(len(pool)) if i not in chosen),
            key=lambda i: (len(ruled_out[i] & left), pool[i][2].expected not in results),
            default=None,
        )
        if index is None:
            break
        chosen.append(index)
        results.append(pool[index][2].expected)
        left -= ruled_out[index]
    return chosen if not left and len(set(results)) > 1 else None
