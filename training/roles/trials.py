"""Programs that were tried on a sample's tests: what the rows of the roles that look at programs are made of."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from solvent.agents.prompts import Attempt, Failure
from solvent.problems.checkers import compare, compare_values
from solvent.problems.problem import Checker
from solvent.training.families.sample import Example, Sample
from solvent.training.roles.mutants import broken, mutate, steps_of
from solvent.training.tracing import Observation, Runnable

_LIMIT_S = 1.0
_BROKEN_SHARE = 0.03
_MUTANT_OF_MUTANT_SHARE = 0.35
_FAILING_SHARE = 0.3
"""How often a mutant that raises an error is kept: they are many, and easy to tell."""
_POOL = 24
_CHECKER = Checker(case_sensitive=True)


@dataclass(frozen=True)
class Trial:
    """A program and how it fared.

    Attributes:
        right: It passes all tests, public and hidden; of kind "math", it prints the answer.
        failure: What a prompt may tell of the first public test that it fails.
        printed: Of kind "math", what it printed.
        count: How many samples of the model were this program.
        trace: Of the first public test, or of a run without input.
    """

    program: str
    right: bool
    failure: Failure | None = None
    printed: str = ""
    trace: tuple[str, ...] = ()
    count: int = 1

    @property
    def attempt(self) -> Attempt:
        """What the prompt of `summarise` tells of it."""
        return Attempt(self.program, self.failure.shown if self.failure else self.printed)


@dataclass(frozen=True)
class Tried:
    """A sample with different programs that were tried on it."""

    sample: Sample
    reference: Trial
    trials: tuple[Trial, ...] = ()

    @property
    def wrong(self) -> list[Trial]:
        """Those that are not right."""
        return [trial for trial in self.trials if not trial.right]

    @property
    def right(self) -> list[Trial]:
        """Those that are right, and the reference."""
        return [self.reference, *(trial for trial in self.trials if trial.right)]


def accepts(sample: Sample, example: Example, output: str | None) -> bool:
    """Whether an output is right, as the judge would have it for these problems."""
    if output is None:
        return False
    if sample.kind != "function":
        return output.split() == example.expected.split()
    if output == example.expected:
        return True
    try:
        return compare_values(ast.literal_eval(example.expected), ast.literal_eval(output)).accepted
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return False


def failure_of(sample: Sample, number: int, example: Example, found: Observation) -> Failure:
    """What the judge tells of a public test that is not passed; `number` counts from 1."""
    function = sample.kind == "function"
    got, message = found.output or "", ""
    if found.output is not None and function:
        got, message = "", _difference(example.expected, found.output)
    elif found.output is not None:
        message = compare(_CHECKER, f"{example.expected}\n", found.output).reason
    return Failure(
        kind="test",
        verdict="RE" if found.output is None else "WA",
        test=f"public-{number}",
        input=f"({example.stdin})" if function else example.stdin,
        expected=example.expected,
        got=got,
        stderr=found.error,
        message=message,
    )


def _difference(expected: str, output: str) -> str:
    try:
        return compare_values(ast.literal_eval(expected), ast.literal_eval(output)).reason
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return f"the function returned no plain value: {output}"


def try_program(sample: Sample, program: str, *, trace: bool = True) -> Trial:
    """Run a program of our own making on all tests of the sample, in this process, and take its trace where asked.

    Raises:
        RuntimeError: this is not the main thread, in which alone its time can be limited.
    """
    runnable = Runnable(program, sample.entry_point if sample.kind == "function" else "")
    if runnable.broken:
        broken_by = Failure(kind="compile", verdict="CE", message=runnable.broken)
        return Trial(program, right=False, failure=broken_by, trace=(runnable.broken,))
    if sample.kind == "math":
        found = runnable.observe("", trace=trace, limit_s=_LIMIT_S)
        printed = found.error if found.output is None else found.output.strip()
        right = found.output is not None and printed == (sample.answer or "").strip()
        return Trial(program, right, printed=printed, trace=found.trace)
    lines: tuple[str, ...] = ()
    for number, example in enumerate(sample.public_tests, 1):
        found = runnable.observe(example.stdin, trace=trace and number == 1, limit_s=_LIMIT_S)
        lines = lines or found.trace
        if not accepts(sample, example, found.output):
            return Trial(program, right=False, failure=failure_of(sample, number, example, found), trace=lines)
    right = all(
        accepts(sample, test, runnable.observe(test.stdin, limit_s=_LIMIT_S).output) for test in sample.hidden_tests
    )
    return Trial(program, right, trace=lines)


def try_reference(sample: Sample, *, trace: bool = True) -> Trial:
    """The reference, which is right; only its trace is taken."""
    lines: tuple[str, ...] = ()
    if trace:
        runnable = Runnable(sample.program, sample.entry_point if sample.kind == "function" else "")
        text = sample.public_tests[0].stdin if sample.public_tests else ""
        lines = runnable.observe(text, trace=True, limit_s=_LIMIT_S).trace
    return Trial(sample.program, right=True, printed=sample.answer or "", trace=lines)


def pools(samples: Iterable[Sample]) -> dict[tuple[str, str], list[str]]:
    """The steps of the samples' programs, by `pool_of`."""
    found: dict[tuple[str, str], list[str]] = {}
    for sample in samples:
        found.setdefault(pool_of(sample), []).extend(steps_of(sample.program))
    return found


def pool_of(sample: Sample) -> tuple[str, str]:
    """Samples with the same one have steps that may stand in for each other's: family, house rules or not, and kind."""
    return sample.family.removesuffix("-rules"), sample.kind


def try_mutants(rng: random.Random, sample: Sample, pool: Sequence[str], count: int, *, trace: bool = True) -> Tried:
    """The sample with up to `count` different mutants, tried: of its reference, and some of another mutant.

    Were all of them mutants of the reference, what most of them have in common would tell the right program.
    """
    own = rng.sample(pool, _POOL) if len(pool) > _POOL else pool
    trials: dict[str, Trial] = {}
    for _ in range(4 * count):
        if len(trials) == count:
            break
        again = trials and rng.random() < _MUTANT_OF_MUTANT_SHARE
        source = rng.choice(list(trials)) if again else sample.program
        program = broken(source, rng) if rng.random() < _BROKEN_SHARE else mutate(source, rng, own)
        if program is None or program == sample.program or program in trials:
            continue
        trial = try_program(sample, program, trace=trace)
        failing = trial.failure is not None and trial.failure.verdict == "RE"
        if not failing or rng.random() < _FAILING_SHARE:
            trials[program] = trial
    return Tried(sample, try_reference(sample, trace=trace), tuple(trials.values()))
