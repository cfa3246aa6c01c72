"""Programs that the model itself wrote, tried in the sandbox: data for its roles, and the base of their evaluation."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from solvent.agents.prompts import Failure
from solvent.errors import PromptTooLong
from solvent.models.base import ChatModel, ChatRequest, Message, Sampling, generate
from solvent.problems.problem import CallTest, CodeTest, IoTest, Problem
from solvent.sandbox.base import Sandbox
from solvent.training.bulk import BulkVerdict, Candidate, entry_point, input_text, judge_all, run_harness
from solvent.training.config import CorpusConfig
from solvent.training.corpus import draw_training_samples
from solvent.training.evaluate import extract_program, judgeable
from solvent.training.families.catalog import to_problem
from solvent.training.families.sample import Sample
from solvent.training.prompting import render_prompt
from solvent.training.roles.builders import BUILDERS, Row
from solvent.training.roles.trials import Trial, Tried, failure_of, try_reference
from solvent.training.tracing import TRACE_LINES, VALUE_CHARACTERS, Observation

_PROBLEMS_AT_ONCE = 6
_CHUNK = 48
_RUNS_PER_SESSION = 300
_TRACING = Path(__file__).with_name("tracing.py").read_text()
_TEXT_LIMIT = 2000
_DO_NOT_COMPILE = ("SyntaxError", "IndentationError", "TabError")
_RECORD: TypeAdapter[Tried] = TypeAdapter(Tried)


@dataclass(frozen=True)
class AttemptSettings:
    """How the model is sampled."""

    samples: int = 8
    temperature: float = 1.0
    seed: int = 11
    max_tokens: int = 320


class _Written(NamedTuple):
    """A different program of one problem, and how many samples were it."""

    place: int
    program: str
    times: int


Report = Callable[[str], None]


async def attempt(
    model: ChatModel, sandbox: Sandbox, samples: Sequence[Sample], settings: AttemptSettings, report: Report
) -> list[Tried]:
    """Sample programs for each problem, run every different one in the sandbox, and trace it on the first example.

    A problem whose prompt does not fit the model's context gets none.

    Raises:
        SandboxError: the sandbox failed, or a program broke a harness.
        ProviderError: the model failed.
    """
    counts = await _sample(model, samples, settings)
    written = [_Written(place, program, count) for place, of in enumerate(counts) for program, count in of.items()]
    problems = [judgeable(to_problem(sample, f"attempt-{place}")) for place, sample in enumerate(samples)]
    verdicts = await judge_all(sandbox, [Candidate(problems[one.place], one.program) for one in written], report)
    return await _tried(sandbox, samples, problems, written, verdicts)


async def try_again(
    sandbox: Sandbox,
    samples: Sequence[Sample],
    programs: Sequence[Sequence[str]],
    verdicts: Sequence[Mapping[str, BulkVerdict]],
) -> list[Tried]:
    """As `attempt`, of programs that the model wrote and that are judged already: they are only traced.

    Raises:
        SandboxError: the sandbox failed, or a program broke a harness.
    """
    counts = [Counter(of) for of in programs]
    written = [_Written(place, program, count) for place, of in enumerate(counts) for program, count in of.items()]
    problems = [judgeable(to_problem(sample, f"attempt-{place}")) for place, sample in enumerate(samples)]
    known = [verdicts[one.place][one.program] for one in written]
    return await _tried(sandbox, samples, problems, written, known)


async def _tried(
    sandbox: Sandbox,
    samples: Sequence[Sample],
    problems: Sequence[Problem],
    written: Sequence[_Written],
    verdicts: Sequence[BulkVerdict],
) -> list[Tried]:
    observed = await _observe(sandbox, problems, written, verdicts)
    trials: list[list[Trial]] = [[] for _ in samples]
    for one, verdict, (first, failing) in zip(written, verdicts, observed, strict=True):
        trials[one.place].append(_trial(samples[one.place], one, verdict, first, failing))
    return [Tried(sample, try_reference(sample), tuple(found)) for sample, found in zip(samples, trials, strict=True)]


async def _sample(model: ChatModel, samples: Sequence[Sample], settings: AttemptSettings) -> list[Counter[str]]:
    gate = asyncio.Semaphore(_PROBLEMS_AT_ONCE)
    sampling = Sampling(temperature=settings.temperature, max_tokens=settings.max_tokens, seed=settings.seed)

    async def one(sample: Sample) -> Counter[str]:
        messages = (Message(role="user", content=render_prompt(sample)),)
        async with gate:
            try:
                request = ChatRequest(messages=messages, sampling=sampling, n=settings.samples)
                completions = await generate(model, request)
            except PromptTooLong:
                return Counter()
        return Counter(extract_program(completion.text).strip("\n") for completion in completions)

    return list(await asyncio.gather(*map(one, samples)))


async def _observe(
    sandbox: Sandbox, problems: Sequence[Problem], written: Sequence[_Written], verdicts: Sequence[BulkVerdict]
) -> list[tuple[Observation, Observation]]:
    """Each program on the first example, and on the first public test that it fails (or the first example again)."""
    runs: list[tuple[str, str, str]] = []
    places: list[tuple[int, int]] = []
    for one, verdict in zip(written, verdicts, strict=True):
        problem = problems[one.place]
        inputs = [_input(test).removesuffix("\n") for test in problem.public_tests] or [""]
        wanted = list(dict.fromkeys((0, verdict.failed or 0)))
        places.append((len(runs), len(runs) + len(wanted) - 1))
        runs += [(one.program, entry_point(problem), inputs[place]) for place in wanted]
    gate = asyncio.Semaphore(sandbox.slots)

    async def some(part: list[tuple[str, str, str]]) -> list[Observation]:
        async with gate:
            answers = await run_harness(sandbox, _TRACING, part)
        return [_observation(answer) for answer in answers]

    parts = [runs[start : start + _RUNS_PER_SESSION] for start in range(0, len(runs), _RUNS_PER_SESSION)]
    found = [one for group in await asyncio.gather(*map(some, parts)) for one in group]
    return [(found[first], found[failing]) for first, failing in places]


def _input(test: IoTest | CallTest | CodeTest) -> str:
    return "" if isinstance(test, CodeTest) else input_text(test)


def _observation(answer: object) -> Observation:
    """What a program's process said of itself, cut and on single lines: it may have forged it."""
    if not isinstance(answer, dict):
        return Observation(None, "no result in time", ("no result in time",))
    output, error, trace = answer.get("output"), answer.get("error"), answer.get("trace")
    lines = [str(line).replace("\n", " ")[:VALUE_CHARACTERS] for line in trace] if isinstance(trace, list) else []
    return Observation(
        output[:_TEXT_LIMIT] if isinstance(output, str) else None,
        " ".join(str(error or "").split())[:_TEXT_LIMIT],
        tuple(lines[:TRACE_LINES]),
    )


def _trial(sample: Sample, one: _Written, verdict: BulkVerdict, first: Observation, failing: Observation) -> Trial:
    failure: Failure | None = None
    if verdict.failed is not None and sample.public_tests:
        failure = failure_of(sample, verdict.failed + 1, sample.public_tests[verdict.failed], failing)
        if failing.error.startswith(_DO_NOT_COMPILE):
            failure = Failure(kind="compile", verdict="CE", message=failing.error)
    printed = ""
    if sample.kind == "math":
        printed = first.error if first.output is None else first.output.strip()
    right = verdict.public and verdict.hidden
    return Trial(one.program, right, failure=failure, printed=printed, trace=first.trace, count=one.times)


async def collect(
    model: ChatModel,
    sandbox: Sandbox,
    config: CorpusConfig,
    settings: AttemptSettings,
    problems: int,
    out: Path,
    report: Report,
) -> int:
    """Try programs on `problems` problems of the training split, and append them to `out`, one problem a line.

    Problems that the file holds already are not done again; a last line that was cut off is.

    Returns:
        How many problems the file holds.

    Raises:
        SandboxError: see `attempt`; what was written is kept.
    """
    done = await asyncio.to_thread(_mend, out)
    drawn = draw_training_samples(config, None, f"attempts|{settings.seed}")
    samples = islice(drawn, done, problems)
    while chunk := list(islice(samples, _CHUNK)):
        tried = await attempt(model, sandbox, chunk, settings, lambda _: None)
        await asyncio.to_thread(_append, out, tried)
        done += len(chunk)
        right = sum(trial.count for one in tried for trial in one.trials if trial.right)
        report(f"{done} of {problems} problems; {right} of {settings.samples * len(chunk)} samples right")
    return done


def _mend(path: Path) -> int:
    """Cut off a line that was not written to its end; return how many lines there are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_bytes() if path.exists() else b""
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        path.write_bytes(whole)
    return whole.count(b"\n")


def _append(path: Path, tried: Sequence[Tried]) -> None:
    with path.open("ab") as file:
        for one in tried:
            file.write(_RECORD.dump_json(one) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_attempts(path: Path) -> Iterator[Tried]:
    """The problems of a file of attempts.

    Raises:
        pydantic.ValidationError: a line is none.
    """
    with path.open("rb") as file:
        for line in file:
            yield _RECORD.validate_json(line)


def rows_of_attempts(tried: Sequence[Tried], seed: int) -> list[tuple[str, Row]]:
    """Rows of all roles that look at programs, as (role, row): from the model's own right and wrong programs.

    Programs that are the reference's text are left out, since they tell nothing new.
    """
    rng = random.Random(f"rows|{seed}")
    work = [
        replace(one, trials=tuple(trial for trial in one.trials if trial.program != one.sample.program))
        for one in tried
    ]
    roles = ("verify-fast", "verify-slow", "refine", "choose-program", "summarise")
    rows = [(role, row) for role in roles for row in BUILDERS[role](rng, work)]
    rng.shuffle(rows)
    return rows
