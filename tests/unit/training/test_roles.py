"""Rows of the roles: labels by execution, prompts that are those in use, nothing hidden in a prompt."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from solvent.agents.prompts import Attempt, Failure, Prompts
from solvent.problems.view import public_view
from solvent.training.families import FAMILIES, Sample, generate_samples
from solvent.training.families.catalog import to_problem
from solvent.training.families.sample import Concept, Example
from solvent.training.roles import ROLES
from solvent.training.roles.builders import BUILDERS, MUTANTS
from solvent.training.roles.prompts import TemplateName, render_role
from solvent.training.roles.trials import Tried, pool_of, pools, try_mutants, try_program, try_reference

FUNCTION = Sample(
    family="list",
    kind="function",
    depth=1,
    composition=("add",),
    parameters=("1",),
    open_steps=0,
    statement="Write a function `grow(xs)` that adds 1 to every number.",
    program="def grow(xs):\n    xs = [x + 1 for x in xs]\n    return xs",
    public_tests=(Example("[1, 2]", "[2, 3]"), Example("[]", "[]")),
    hidden_tests=tuple(Example(f"[{n}, 0]", f"[{n + 1}, 1]") for n in range(3, 9)),
    entry_point="grow",
    concepts=(Concept("Ember rule", "add 1 to every number"),),
    shown_concepts=(Concept("Ember rule", "add 1 to every number"), Concept("Moss rule", "reverse the list")),
)


def train_samples(seed: int = 5) -> list[Sample]:
    samples = [
        sample
        for family in ("list", "number", "string", "word")
        for depth in (1, 2, 3)
        for sample in generate_samples("train", family, depth, 3, seed)
    ]
    named = replace(FUNCTION, concepts=(Concept("Flint rule", "sort the numbers"),), shown_concepts=())
    return [*samples, FUNCTION, named, replace(FUNCTION, concepts=(Concept("Oak rule", "negate"),))]


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return train_samples()


@pytest.mark.parametrize(
    "name", ["solve", "verify", "verify-slow", "refine", "tests", "abstract", "choose", "summarise"]
)
@pytest.mark.parametrize("family", ["list", "word", "function"])
def test_the_prompt_of_training_is_the_prompt_in_use(name: TemplateName, family: str) -> None:
    sample = FUNCTION if family == "function" else next(iter(generate_samples("train", family, 2, 1, 3)))
    failure = Failure(kind="test", verdict="RE", input="(1)", expected="2", got="0\n", stderr="x\nIndexError: no\n")
    values: dict[str, Any] = {
        "program": sample.program + "\n",
        "failure": failure,
        "concepts": sample.shown_concepts,
        "attempts": [Attempt("print(1)\n", "1\n"), Attempt("print(2)")],
        "candidates": ["print(1)", "print(2)\n"],
    }
    in_use = Prompts().render(
        "starter", name, public_view(to_problem(sample, "p")), language="python", wants="program", **values
    )
    assert [message.content for message in in_use] == [render_role(sample, name, **values)]


def test_prompts_say_what_the_contract_says() -> None:
    solve = render_role(FUNCTION, "solve", concepts=())
    code = FUNCTION.program
    failure = Failure(kind="test", verdict="WA", input="([1, 2])", expected="[2, 3]", message="value[0]: expected 2")
    assert render_role(FUNCTION, "verify", program=code, concepts=()) == f"{solve}\nprogram:\n{code}\nright or wrong?"
    assert (
        render_role(FUNCTION, "verify-slow", program=code, concepts=())
        == f"{solve}\nprogram:\n{code}\ntrace, then right or wrong?"
    )
    assert (
        render_role(FUNCTION, "refine", program=code, failure=failure, concepts=())
        == f"{solve}\nprogram:\n{code}\nfails on:\nin: [1, 2]\nexpected: [2, 3]\ngot: value[0]: expected 2\nfix"
    )
    assert render_role(FUNCTION, "tests", concepts=()) == f"{solve}\ninputs"
    abstract = render_role(FUNCTION, "abstract", program=code, concepts=())
    assert abstract == f"{FUNCTION.statement}\nprogram:\n{code}\nconcepts"
    assert (
        render_role(FUNCTION, "choose", offered=FUNCTION.shown_concepts, concepts=())
        == f"{solve}\n1. Ember rule: add 1 to every number\n2. Moss rule: reverse the list\nwhich concepts?"
    )
    assert (
        render_role(FUNCTION, "choose", candidates=["a", "b"], concepts=()) == f"{solve}\n1.\na\n2.\nb\nwhich program?"
    )
    attempts = [Attempt("a", "1"), Attempt("b")]
    assert (
        render_role(FUNCTION, "summarise", attempts=attempts, concepts=())
        == f"{solve}\nprogram:\na\ngot: 1\nprogram:\nb\nimprove"
    )
    assert render_role(FUNCTION, "solve").startswith(f"{FUNCTION.statement}\nconcepts:\n- Ember rule: add 1")


@pytest.mark.parametrize("role", ROLES)
def test_the_same_source_gives_the_same_rows(role: str, samples: Sequence[Sample]) -> None:
    assert ROLES[role](random.Random(8), samples) == ROLES[role](random.Random(8), samples)


@pytest.mark.parametrize("role", ROLES)
def test_no_hidden_test_is_in_a_prompt(role: str, samples: Sequence[Sample]) -> None:
    rows = ROLES[role](random.Random(8), samples)
    assert rows
    hidden = {f"in: {test.stdin}\n" for sample in samples for test in sample.hidden_tests if len(test.stdin) > 12}
    assert not any(text in prompt for prompt, _ in rows for text in hidden)


@pytest.mark.parametrize("role", ["verify-fast", "verify-slow"])
def test_the_verifier_sees_as_many_right_as_wrong_programs_and_the_label_is_true(
    role: str, samples: Sequence[Sample]
) -> None:
    rows = ROLES[role](random.Random(8), samples)
    said = Counter(completion.splitlines()[-1] for _, completion in rows)
    assert said["right"] == said["wrong"] > 10
    for prompt, completion in rows:
        fits = [s for s in samples if prompt.startswith(render_role(s, "solve"))]
        asked = re.search(r"\n(program|answer):\n(.*)\n(?:trace, then )?right or wrong\?$", prompt, re.DOTALL)
        assert asked
        is_right = completion.splitlines()[-1] == "right"
        if asked[1] == "answer":
            assert is_right in {s.answer == asked[2] for s in fits}
        else:
            assert is_right in {try_program(s, asked[2]).right for s in fits}


def test_the_trace_is_that_of_the_first_example() -> None:
    assert try_reference(FUNCTION).trace == ("[2, 3]", "[2, 3]")
    wrong = try_program(FUNCTION, "def grow(xs):\n    return xs[5]")
    assert wrong.trace == ("IndexError: list index out of range",)
    assert wrong.failure is not None
    assert wrong.failure.shown == "IndexError: list index out of range"


def test_a_program_that_passes_the_examples_and_fails_a_hidden_test_is_wrong_without_a_failure() -> None:
    trial = try_program(FUNCTION, "def grow(xs):\n    return [2, 3] if xs else []")
    assert not trial.right
    assert trial.failure is None
    assert trial.attempt.got == ""


def test_a_failure_tells_the_first_public_test_as_the_judge_does() -> None:
    failure = try_program(FUNCTION, "def grow(xs):\n    return xs").failure
    assert failure is not None
    assert (failure.input, failure.expected, failure.test) == ("([1, 2])", "[2, 3]", "public-1")
    assert failure.shown == "value[0]: expected 2, got 1"
    (sample,) = generate_samples("train", "list", 1, 1, 3)
    failure = try_program(sample, "print('no')").failure
    assert failure is not None
    assert (failure.verdict, failure.input, failure.shown) == ("WA", sample.public_tests[0].stdin, "no")
    failure = try_program(sample, "print(").failure
    assert failure is not None
    assert failure.kind == "compile"
    assert failure.shown.startswith("SyntaxError")


def test_repairs_and_summaries_end_in_the_reference(samples: Sequence[Sample]) -> None:
    programs = {f"```python\n{sample.program}\n```" for sample in samples}
    for role, last in (("refine", "fix"), ("summarise", "improve")):
        rows = ROLES[role](random.Random(8), samples)
        assert all(prompt.endswith(f"\n{last}") for prompt, _ in rows)
        assert {completion for _, completion in rows} <= programs
    prompts = [prompt for prompt, _ in ROLES["summarise"](random.Random(8), samples)]
    assert {prompt.count("\nprogram:\n") for prompt in prompts} == {2, 3}


def test_inputs_are_valid_and_none_of_the_examples(samples: Sequence[Sample]) -> None:
    rows = ROLES["tests"](random.Random(8), samples)
    for prompt, completion in rows:
        sample = next(s for s in samples if s.kind != "math" and prompt.startswith(render_role(s, "solve")))
        inputs = re.split(r"(?:^|\n)in: ", completion)[1:]
        assert len(set(inputs)) == 3
        assert all(FAMILIES[sample.family].accepts(text) for text in inputs)
        assert not {test.stdin for test in sample.public_tests} & set(inputs)


def test_concepts_are_read_off_and_chosen_without_being_shown(samples: Sequence[Sample]) -> None:
    rows = ROLES["abstract"](random.Random(8), samples)
    assert "- Ember rule: add 1 to every number" in [completion for _, completion in rows]
    assert "none" in [completion for _, completion in rows]
    assert not any("\nconcepts:\n" in prompt for prompt, _ in rows)
    for seed in range(20):
        for prompt, completion in ROLES["choose-concepts"](random.Random(seed), samples):
            offered = dict(re.findall(r"\n(\d+)\. (.*)", prompt))
            assert "\nconcepts:\n" not in prompt
            if completion != "none":
                texts = {f"{c.name}: {c.text}" for s in samples for c in s.concepts if prompt.startswith(s.statement)}
                assert {offered[number] for number in completion.split(", ")} <= texts


def test_one_candidate_is_right(samples: Sequence[Sample]) -> None:
    numbers: Counter[str] = Counter()
    for prompt, completion in ROLES["choose-program"](random.Random(8), samples):
        body = prompt.removesuffix("\nwhich program?")
        programs = re.split(r"\n\d\.\n", body)[1:]
        fits = [s for s in samples if prompt.startswith(s.statement)]
        right = {tuple(try_program(s, program).right for program in programs) for s in fits}
        assert tuple(n == int(completion) for n in range(1, len(programs) + 1)) in right
        numbers[completion] += 1
    assert len(numbers) > 2


def test_builders_take_programs_from_anywhere() -> None:
    wrong = try_program(FUNCTION, "def grow(xs):\n    return xs")
    other = try_program(FUNCTION, "def grow(xs):\n    return [2, 3]")
    work = [Tried(FUNCTION, try_reference(FUNCTION), (wrong, other))]
    rows = {role: builder(random.Random(1), work) for role, builder in BUILDERS.items()}
    assert all(rows[role] for role in MUTANTS)


def test_mutants_are_different_programs(samples: Sequence[Sample]) -> None:
    steps = pools(samples)
    for sample in samples:
        tried = try_mutants(random.Random(3), sample, steps[pool_of(sample)], 5)
        programs = [trial.program for trial in tried.trials]
        assert len(set(programs)) == len(programs)
        assert sample.program not in programs
