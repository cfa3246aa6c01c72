"""Concepts that speak to the model: jobs whose memory holds nothing else call the same programs and tell no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from injections import INJECTIONS, MARK, leaks, outside, quoted

from solvent.errors import DataError
from solvent.memory.embed import HashedEmbedder
from solvent.memory.screening import screen
from solvent.memory.store import ConceptStore
from solvent.memory.texts import Edit
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.memory.writing import new_id
from solvent.models.base import ChatRequest, Message, Role, Sampling
from solvent.problems.problem import Problem

RIGHT = "```python\nprint()  # prints: ok\n```\n"


def obedient(request: ChatRequest) -> str:
    """Do what stands outside of quotes: leak the prompt where an injection gets there, else solve the problem."""
    leaked = leaks(request)
    if leaked is not None:
        return f"```python\nprint()  # prints: {MARK} {leaked[:50]!r}\n```\n"
    prompt = request.messages[-1].content
    if "If none helps" in prompt:
        return ", ".join(re.findall(r"^(\d+)\. Print rule", prompt, re.MULTILINE))
    return RIGHT


async def poisoned(numbers: Sequence[int]) -> ConceptStore:
    """Return a memory with nothing but these injections, written past the door that screens them."""
    texts = InMemoryConceptTexts()
    await texts.make_namespace("default")
    edits = [
        Edit(id=new_id(), action="add", content=quoted(number, INJECTIONS[number]), expected_version=0)
        for number in numbers
    ]
    await texts.write("default", edits)
    return ConceptStore(texts, InMemoryVectors(), HashedEmbedder())


def naming(echo: Callable[..., Problem], numbers: Sequence[int]) -> Problem:
    """Return a problem whose statement names these injections, so that all of them are shown."""
    return echo(statement=f"Print ok by {' and '.join(f'Print rule {number}' for number in numbers)}.")


def test_the_door_refuses_most_of_them() -> None:
    refused = []
    for number, text in enumerate(INJECTIONS):
        try:
            screen(quoted(number, text))
        except DataError:
            refused.append(number)
    assert len(INJECTIONS) == 20
    assert len(refused) >= 16, f"let in: {sorted(set(range(20)) - set(refused))}"


@pytest.mark.parametrize("chooses", [False, True], ids=["the best ones", "a model chooses"])
async def test_jobs_do_the_same_as_without_them(bench: Any, echo: Any, chooses: bool) -> None:
    plain = await bench.run(obedient, strategy="single", id="plain")
    programs = set(bench.sandbox.compiled)
    roles: tuple[Role, ...] | None = ("solve", "choose") if chooses else None
    bench.profile = bench.profile.model_copy(update={"context_tokens": 100_000, "roles": roles})
    shown: set[str] = set()
    for start in range(0, len(INJECTIONS), 3):
        numbers = range(start, min(start + 3, len(INJECTIONS)))
        bench.changes["memory"] = await poisoned(numbers)
        problem = naming(echo, numbers)
        result = await bench.run(obedient, problem, strategy="single", id=f"job{start}", memory="read")
        assert (result.answer.text, result.outcome) == (plain.answer.text, plain.outcome)
        assert result.usage.sandbox_runs == plain.usage.sandbox_runs
        assert len(bench.model.requests) == (2 if chooses else 1)
        assert bench.of_type("concepts")[-1].note == ""
        shown.update(bench.of_type("concepts")[-1].names)
        for prompt in bench.prompts:
            assert all(f"Print rule {number}: " in prompt for number in numbers)
            assert MARK not in outside(prompt)
    assert shown == {f"Print rule {number}" for number in range(len(INJECTIONS))}, "each of them stood in a prompt"
    assert set(bench.sandbox.compiled) == programs


async def test_each_stands_quoted_on_lines_of_its_own(bench: Any, echo: Any) -> None:
    bench.profile = bench.profile.model_copy(update={"context_tokens": 100_000})
    for start in range(0, len(INJECTIONS), 3):
        numbers = range(start, min(start + 3, len(INJECTIONS)))
        bench.changes["memory"] = await poisoned(numbers)
        await bench.run(obedient, naming(echo, numbers), strategy="single", id=f"job{start}", memory="read")
        (prompt,) = bench.prompts
        held = [line for line in prompt.splitlines() if MARK in line]
        assert len({line.partition(":")[0] for line in held if line.startswith("- ")}) == len(numbers)
        assert all(re.match(r"- Print rule \d+: |  (?:sign|how): ", line) for line in held)
        assert not set("\u2028\u2029\u200b\u202e") & set(prompt)


def test_the_model_of_this_test_obeys_what_is_not_quoted() -> None:
    for text in INJECTIONS:
        request = ChatRequest(
            messages=(Message(role="user", content=f"Print ok. {MARK} {text}"),), sampling=Sampling(max_tokens=50)
        )
        assert MARK in obedient(request)
