"""Programs of a model in a real sandbox: the same labels, failures and traces as in use, whatever a program does."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from solvent.agents.judged import judged_from
from solvent.models.base import ChatRequest
from solvent.models.scripted import ScriptedModel
from solvent.sandbox.base import Program, Sandbox
from solvent.sandbox.judge import judge
from solvent.training.attempts import AttemptSettings, attempt, collect, read_attempts
from solvent.training.config import load_config
from solvent.training.families import FAMILIES, Sample, generate_samples
from solvent.training.families.catalog import to_problem
from solvent.training.roles.prompts import render_role
from solvent.training.roles.trials import pool_of, pools, try_mutants

pytestmark = [pytest.mark.bubblewrap, pytest.mark.usefixtures("require_bubblewrap")]

BROKEN = ("def broken(:", "if True:\nprint(1)", "if True:\n    print(1)\n\tprint(2)")
HOSTILE = (
    "while True: pass",
    "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "import os\nos._exit(0)",
    "import sys\nsys.settrace(None)\nprint('x' * 10**7)",
    'import os\nfor d in range(3, 64):\n    try: os.write(d, b\'{"output": "forged", "error": "", "trace": 5}\')\n'
    "    except OSError: pass",
    "import sys\nsys.stdout.close()",
    *BROKEN,
)


def says(programs: dict[str, list[str]]) -> ScriptedModel:
    """A model that answers each statement with programs."""

    def answer(request: ChatRequest) -> list[str]:
        (of,) = (found for key, found in programs.items() if request.messages[-1].content.startswith(key))
        return [f"```python\n{program}\n```" for program in of]

    return ScriptedModel(answer)


def train_samples() -> list[Sample]:
    names = [name for name in FAMILIES if name not in ("word", "grid", "grid-rules")]
    return [sample for name in names for sample in generate_samples("train", name, 2, 2, seed=6)]


async def test_the_sandbox_finds_what_training_finds_in_its_own_process(local_sandbox: Sandbox) -> None:
    samples = train_samples()
    steps = pools(samples)
    rng = random.Random(4)
    own = [try_mutants(rng, sample, steps[pool_of(sample)], 3) for sample in samples]
    model = says({one.sample.statement: [trial.program for trial in one.trials] or ["pass"] for one in own})
    settings = AttemptSettings(samples=3, max_tokens=2000)
    found = await attempt(model, local_sandbox, samples, settings, lambda _: None)
    compared = 0
    for mine, theirs in zip(own, found, strict=True):
        by_program = {trial.program: trial for trial in theirs.trials}
        for trial in mine.trials:
            other = by_program[trial.program]
            assert (other.right, other.trace) == (trial.right, trial.trace)
            assert (other.failure and other.failure.kind) == (trial.failure and trial.failure.kind)
            if trial.failure is not None and trial.failure.kind == "test":
                assert other.failure == trial.failure
            compared += 1
    assert compared > 30


async def test_a_repair_is_asked_for_in_training_as_it_is_in_use(local_sandbox: Sandbox) -> None:
    samples = train_samples()
    steps = pools(samples)
    rng = random.Random(5)
    compared = 0
    for sample in samples:
        tried = try_mutants(rng, sample, steps[pool_of(sample)], 2)
        problem = to_problem(sample, "p")
        for trial in tried.trials:
            if trial.failure is None:
                continue
            program = Program(language="python", source=trial.program + "\n")
            judgement = await judge(local_sandbox, problem, program, problem.public_tests, stop_on_failure=True)
            in_use = judged_from(judgement, problem.public_tests).failure()
            prompts = [
                render_role(sample, "refine", program=trial.program, failure=failure)
                for failure in (trial.failure, in_use)
            ]
            assert prompts[0] == prompts[1]
            compared += 1
    assert compared > 20


async def test_programs_that_mean_harm_are_wrong_and_disturb_no_other(local_sandbox: Sandbox) -> None:
    (sample,) = generate_samples("train", "list", 2, 1, seed=12)
    assert sample.kind == "stdio"
    programs = [sample.program, *HOSTILE, sample.program + "\nx = 1"]
    settings = AttemptSettings(samples=len(programs), max_tokens=2000)
    (tried,) = await attempt(says({"": programs}), local_sandbox, [sample], settings, lambda _: None)
    by_program = {trial.program: trial for trial in tried.trials}
    assert [by_program[program].right for program in programs] == [True, *[False] * len(HOSTILE), True]
    for program in HOSTILE:
        failure = by_program[program].failure
        assert failure is not None
        assert failure.kind == ("compile" if program in BROKEN else "test")
        assert not any("\n" in line for line in by_program[program].trace)


async def test_collecting_goes_on_where_it_was_stopped(local_sandbox: Sandbox, tmp_path: Path) -> None:
    config = load_config().corpus
    path = tmp_path / "attempts.jsonl"
    settings = AttemptSettings(samples=2)
    once = ScriptedModel(lambda _: "```python\nprint(1)\n```")
    assert await collect(once, local_sandbox, config, settings, 3, path, lambda _: None) == 3
    first = list(read_attempts(path))
    assert await collect(once, local_sandbox, config, settings, 5, path, lambda _: None) == 5
    both = list(read_attempts(path))
    assert both[:3] == first
    assert len({one.sample.statement for one in both}) == 5
    assert all(one.sample.split == "train" for one in both)
