"""Whole jobs over a scripted model: how they end, what they cost, what they never tell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from solvent.agents.job import JobSpec, JobStatus, Outcome, StopReason
from solvent.agents.runner import run_job
from solvent.errors import ConfigError, ProviderOverloaded, ProviderUnavailable
from solvent.models.base import ChatRequest
from solvent.models.profiles import Prices
from solvent.models.scripted import Reply, ScriptedModel
from solvent.problems.problem import Checker, CodeTest, FunctionSpec, IoTest, Problem, ProblemKind, Verdict
from solvent.usage import Budget

Make = Callable[..., Problem]
Block = Callable[[str], str]
ONE = {"wave": 1}


async def test_first_right_program_solves_and_is_graded_afterwards(bench: Any, reply: Block) -> None:
    result = await bench.run([reply("ok")], parameters=ONE)
    assert (result.status, result.outcome, result.stop_reason) == (
        JobStatus.COMPLETED,
        Outcome.SOLVED,
        StopReason.TESTS_PASSED,
    )
    assert result.answer.language == "python"
    assert "# prints: ok" in result.answer.text
    assert [case.verdict for case in result.evidence.public_tests] == [Verdict.AC, Verdict.AC]
    assert (result.grade.verdict, result.grade.passed, result.grade.total) == (Verdict.AC, 1, 1)
    assert result.usage.model_calls == 1
    assert result.usage.sandbox_runs == 1, "grading is not charged"
    assert result.usage.sandbox_cpu_s == pytest.approx(0.25)
    assert bench.events[0].type == "job.started"
    assert bench.events[-1].result == result


async def test_rejected_program_is_repaired_from_the_failing_test(bench: Any, reply: Block) -> None:
    result = await bench.run([reply("no"), reply("still no"), reply("ok")], parameters=ONE)
    assert result.outcome is Outcome.SOLVED
    assert result.evidence.repairs == 2
    assert result.usage.trajectories == 1
    assert "# prints: no" in bench.prompts[1]
    assert "Verdict WA on sample1" in bench.prompts[1]
    assert "Got:\n```\nno\n```" in bench.prompts[1]
    assert [event.phase for event in bench.of_type("phase")] == [
        "recall", "solve", "detect", "verify", "refine", "detect", "verify", "refine", "detect", "verify", "conclude",
    ]  # fmt: skip


async def test_after_three_repairs_comes_a_fresh_start(bench: Any, reply: Block) -> None:
    result = await bench.run([reply("no")] * 4 + [reply("ok")], parameters=ONE)
    assert result.outcome is Outcome.SOLVED
    assert result.usage.trajectories == 2
    assert result.evidence.repairs == 0
    assert bench.prompts[4] == bench.prompts[0], "the fresh start does not see the dropped program"
    seeds = [request.sampling.seed for request in bench.model.requests]
    assert len(set(seeds)) == 5


async def test_a_style_without_repairs_starts_afresh(bench: Any, reply: Block, tmp_path: Path) -> None:
    style = tmp_path / "config" / "prompts" / "bare"
    style.mkdir(parents=True)
    (style / "solve.j2").write_text("{{ statement }}")
    bench.changes = {"config_dir": tmp_path / "config"}
    bench.profile = bench.profile.model_copy(update={"prompts": "bare"})
    result = await bench.run([reply("no"), reply("ok")], parameters=ONE)
    assert (result.usage.trajectories, result.evidence.repairs) == (2, 0)
    assert bench.prompts[0] == bench.prompts[1]


async def test_a_model_that_cannot_repair_starts_afresh(bench: Any, reply: Block) -> None:
    bench.profile = bench.profile.model_copy(update={"roles": ("solve",)})
    result = await bench.run([reply("no"), reply("ok")], parameters=ONE)
    assert (result.usage.trajectories, result.evidence.repairs) == (2, 0)


async def test_replies_without_a_program_are_data(bench: Any, reply: Block) -> None:
    replies = ["I cannot.", "```python\nbroken(\n```", reply("crash"), reply("ok")]
    result = await bench.run(replies, parameters=ONE)
    assert result.outcome is Outcome.SOLVED
    assert "no code block" in bench.prompts[1]
    assert "SyntaxError: broken" in bench.prompts[2]
    assert "ZeroDivisionError" in bench.prompts[3]


async def test_best_partial_program_is_kept_when_nothing_passes(bench: Any, reply: Block, echo: Make) -> None:
    tests = (IoTest(name="a", stdin="x", expected="x"), IoTest(name="b", stdin="y", expected="z"))
    problem = echo(public_tests=tests)
    script = [reply("no"), reply("{stdin}"), reply("no")]
    result = await bench.run(script, problem, parameters={"wave": 1, "repairs": 0, "max_trajectories": 3})
    assert (result.status, result.outcome, result.stop_reason) == (
        JobStatus.COMPLETED,
        Outcome.UNSOLVED,
        StopReason.MAX_ROUNDS,
    )
    assert result.answer.trajectory == "t1"
    assert [case.verdict for case in result.evidence.public_tests] == [Verdict.AC, Verdict.WA]


async def test_single_makes_one_attempt(bench: Any, reply: Block) -> None:
    result = await bench.run([reply("no")], strategy="single")
    assert (result.outcome, result.stop_reason, result.usage.model_calls) == (
        Outcome.UNSOLVED,
        StopReason.MAX_ROUNDS,
        1,
    )


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        (Budget(tokens=130), StopReason.CAP_TOKENS),
        (Budget(completion_tokens=30), StopReason.CAP_TOKENS),
        (Budget(model_calls=2), StopReason.CAP_CALLS),
        (Budget(trajectories=2), StopReason.CAP_TRAJECTORIES),
        (Budget(sandbox_cpu_s=9.5), StopReason.CAP_SANDBOX),
        (Budget(cost=0.02), StopReason.CAP_COST),
    ],
)
async def test_a_cap_ends_the_job_as_exhausted_and_holds(
    bench: Any, reply: Block, budget: Budget, reason: StopReason
) -> None:
    prices = Prices(prompt_per_million=50, completion_per_million=500)
    bench.profile = bench.profile.model_copy(update={"prices": prices, "prompts": "starter"})
    result = await bench.run(lambda _: reply("no"), budget=budget, parameters={"wave": 2})
    assert (result.status, result.outcome, result.stop_reason) == (JobStatus.COMPLETED, Outcome.EXHAUSTED, reason)
    assert result.answer is not None, "the best program so far is kept"
    assert budget.tokens is None or result.usage.tokens <= budget.tokens
    assert budget.completion_tokens is None or bench.model.generated_tokens <= budget.completion_tokens
    assert budget.cost is None or result.usage.cost <= budget.cost


async def test_a_cap_too_small_for_one_call_spends_nothing(bench: Any, reply: Block) -> None:
    result = await bench.run([reply("ok")], parameters=ONE, budget=Budget(tokens=10))
    assert (result.outcome, result.stop_reason, result.answer) == (Outcome.EXHAUSTED, StopReason.CAP_TOKENS, None)
    assert bench.model.requests == []


async def test_deadline_keeps_what_is_there(bench: Any, reply: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    passed_s = 0.0
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "time", lambda: time.monotonic() + passed_s)
    bench.changes = {"clock": lambda: time.time() + passed_s}

    def script(request: ChatRequest) -> Reply | str:
        nonlocal passed_s
        if len(bench.model.requests) == 1:
            return reply("no")
        # While the second reply is being written, the deadline passes: however long the first one took.
        passed_s = 3600.0
        return Reply((reply("ok"),), gate=asyncio.Event())

    result = await bench.run(
        script, budget=Budget(deadline_s=3600.0), parameters={"wave": 1, "repairs": 0, "max_trajectories": 2}
    )
    assert (result.outcome, result.stop_reason) == (Outcome.EXHAUSTED, StopReason.DEADLINE)
    assert len(bench.model.requests) == 2
    assert result.answer.trajectory == "t0"
    assert bench.model.live == 0, "the reply that was being written is stopped"


async def test_cancelling_returns_the_partial_result(bench: Any, reply: Block) -> None:
    script = [reply("no"), Reply((reply("ok"),), gate=asyncio.Event(), after_chunks=1)]
    running = asyncio.create_task(bench.run(script, parameters={"wave": 1, "repairs": 0}))
    while len(bench.model.requests) < 2:
        await asyncio.sleep(0)
    running.cancel()
    result = await running
    assert (result.status, result.outcome, result.stop_reason) == (JobStatus.CANCELLED, None, StopReason.CANCELLED)
    assert result.answer.trajectory == "t0"
    assert bench.model.live == 0
    assert not list((bench.folder / "checkpoints").iterdir())


async def test_a_cancelled_job_that_is_run_again_keeps_what_was_committed(bench: Any, reply: Block) -> None:
    script = [reply("no"), Reply((reply("ok"),), gate=asyncio.Event())]
    running = asyncio.create_task(bench.run(script, parameters={"wave": 1, "repairs": 0}))
    while len(bench.model.requests) < 2:
        await asyncio.sleep(0)
    running.cancel()
    await running
    result = await bench.run([reply("ok")], parameters={"wave": 1, "repairs": 0})
    assert result.outcome is Outcome.SOLVED
    assert len(bench.model.requests) == 1, "the first trajectory's reply is read from the store"


async def test_a_completed_job_is_not_run_again(bench: Any, reply: Block) -> None:
    first = await bench.run([reply("ok")], parameters=ONE)
    again = await bench.run([], parameters=ONE)
    assert again == first
    with pytest.raises(ConfigError, match="another id"):
        await bench.run([], parameters=ONE, seed=1)


async def test_a_job_runs_once_at_a_time(bench: Any, reply: Block, echo: Make) -> None:
    running = asyncio.create_task(bench.run([Reply((reply("ok"),), gate=asyncio.Event())], parameters=ONE))
    while not bench.model.requests:
        await asyncio.sleep(0)
    with pytest.raises(ConfigError, match="being run already"):
        await run_job(JobSpec(id="job", problem=echo(), parameters=ONE), bench.deps(), bench.events.append)
    running.cancel()
    await running


async def test_provider_failure_fails_the_job_and_keeps_the_best(bench: Any, reply: Block) -> None:
    error = ProviderUnavailable("connection lost", remedy="start the server", may_have_generated=True)
    script = [reply("no"), Reply((reply("ok"),), error=error, after_chunks=2)]
    result = await bench.run(script, parameters={"wave": 1, "repairs": 0})
    assert (result.status, result.outcome, result.stop_reason) == (JobStatus.FAILED, None, StopReason.ERROR)
    assert result.error["type"] == "ProviderUnavailable"
    assert result.error["remedy"] == "start the server"
    assert result.answer.trajectory == "t0"
    assert result.usage.completion_tokens > bench.model.generated_tokens, "what may have been generated counts in full"


async def test_refused_request_costs_nothing(bench: Any) -> None:
    result = await bench.run(lambda _: Reply(error=ProviderOverloaded("later")), parameters=ONE)
    assert result.status is JobStatus.FAILED
    assert result.usage.tokens == 0
    assert len(bench.model.requests) == 1, "the failure of the reply that was begun ahead is not asked for again"


async def test_sandbox_fault_fails_the_job(bench: Any, reply: Block) -> None:
    result = await bench.run([reply("fault")], parameters=ONE)
    assert result.status is JobStatus.FAILED
    assert result.error["type"] == "SandboxError"


async def test_a_prompt_that_does_not_fit_fails_with_the_remedy(bench: Any, echo: Make) -> None:
    bench.profile = bench.profile.model_copy(update={"context_tokens": 10})

    bench.model = ScriptedModel([], context_tokens=10)
    result = await run_job(JobSpec(id="j", problem=echo()), bench.deps(), bench.events.append)
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error["type"] == "PromptTooLong"


async def test_hidden_tests_gold_and_solutions_never_reach_a_prompt(bench: Any, reply: Block, echo: Make) -> None:
    problem = echo(metadata={"note": "HIDDEN-NOTE"}, answer="HIDDEN-GOLD")
    await bench.run([reply("no")] * 3 + [reply("ok")], problem, parameters=ONE)
    assert not any("HIDDEN" in prompt for prompt in bench.prompts)
    assert "HIDDEN-INPUT" not in "".join(event.model_dump_json() for event in bench.events)


async def test_math_agreement_over_equivalent_answers(bench: Any, sum_: Make) -> None:
    script = [r"\boxed{5}", r"so \boxed{4}", r"\boxed{4.0}", r"\boxed{\frac{8}{2}}", *[r"\boxed{4}"] * 20]
    result = await bench.run(script, sum_(), parameters={"wave": 1, "repairs": 0})
    assert (result.outcome, result.stop_reason) == (Outcome.SOLVED, StopReason.AGREED)
    assert (result.answer.text, result.evidence.agreement, result.evidence.votes) == ("4", 6, 7)
    assert result.grade.verdict is Verdict.AC


async def test_math_majority_at_the_end_and_no_majority(bench: Any, sum_: Make) -> None:
    parameters = {"wave": 1, "repairs": 0, "max_trajectories": 3}
    majority = await bench.run([r"\boxed{5}", r"\boxed{4}", r"\boxed{5}"], sum_(), parameters=parameters)
    assert (majority.outcome, majority.answer.text, majority.grade.verdict) == (Outcome.SOLVED, "5", Verdict.WA)
    split = await bench.run([r"\boxed{5}", r"\boxed{4}", r"\boxed{6}"], sum_(), parameters=parameters, id="other")
    assert (split.outcome, split.stop_reason, split.evidence.agreement) == (
        Outcome.UNSOLVED,
        StopReason.MAX_ROUNDS,
        1,
    )


async def test_math_by_program_takes_what_it_prints(bench: Any, reply: Block, sum_: Make) -> None:
    bench.profile = bench.profile.model_copy(update={"answer_style": "program"})
    result = await bench.run(lambda _: reply("4"), sum_(), parameters={"wave": 1})
    assert (result.outcome, result.answer.text) == (Outcome.SOLVED, "4")
    assert "# prints: 4" in result.answer.program
    assert result.answer.language is None


async def test_code_without_public_tests_is_honest(bench: Any, reply: Block, echo: Make) -> None:
    problem = echo(public_tests=())
    parameters = {"wave": 1, "repairs": 0, "max_trajectories": 4}
    split = await bench.run([reply(text) for text in "abcd"], problem, parameters=parameters)
    assert (split.outcome, split.evidence.votes) == (Outcome.UNSOLVED, 4)
    assert split.answer is not None
    same = await bench.run([reply("ok")] * 4, problem, parameters=parameters, id="same")
    # Texts that agree choose an answer; nothing was run, so nothing is solved.
    assert (same.outcome, same.stop_reason) == (Outcome.UNSOLVED, StopReason.AGREED)


async def test_a_checker_without_its_program_does_not_fail_the_job(bench: Any, reply: Block, echo: Make) -> None:
    problem = echo(checker=Checker(type="custom"))
    result = await bench.run([reply("ok")], problem, strategy="single")
    assert (result.status, result.outcome) == (JobStatus.COMPLETED, Outcome.UNSOLVED)
    assert result.grade.verdict is Verdict.IE


async def test_function_prompt_asks_for_the_function(bench: Any) -> None:
    problem = Problem(
        id="f",
        kind=ProblemKind.FUNCTION,
        statement="Add one.",
        function=FunctionSpec(name="inc", starter_code="def inc(x):\n"),
        hidden_tests=(CodeTest(name="h", code="assert candidate(1) == 2"),),
    )
    await bench.run(["no"], problem, strategy="single")
    assert "`inc`" in bench.prompts[0]
    assert "def inc(x):" in bench.prompts[0]
    assert "candidate" not in bench.prompts[0]


async def test_batch_cap_is_shared(bench: Any, reply: Block) -> None:
    await bench.ledger.open("batch", Budget(model_calls=3))
    bench.changes = {"batch": "batch"}
    results = [
        await bench.run(
            lambda _: reply("no"), id=f"job{n}", parameters={"wave": 1, "repairs": 0, "max_trajectories": 2}
        )
        for n in range(2)
    ]
    assert [result.stop_reason for result in results] == [StopReason.MAX_ROUNDS, StopReason.CAP_CALLS]
    assert sum(result.usage.model_calls for result in results) == 3


async def test_unknown_strategy_and_parameter_name_what_exists(bench: Any) -> None:
    with pytest.raises(ConfigError, match="solve-detect-verify"):
        await bench.run([], strategy="magic")
    with pytest.raises(ConfigError, match="max_trajectories"):
        await bench.run([], parameters={"waves": 3})


async def test_own_prompts_come_first(bench: Any, reply: Block, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "prompts" / "default"
    folder.mkdir(parents=True)
    (folder / "solve.j2").write_text("OWN {{ statement }}")
    (folder / "system.j2").write_text("Be brief.")
    bench.changes = {"config_dir": tmp_path / "config"}
    await bench.run([reply("ok")], parameters=ONE)
    request = bench.model.requests[0]
    assert [message.role for message in request.messages] == ["system", "user"]
    assert request.messages[1].content == "OWN Print ok."


async def test_a_cancelled_program_counts_for_as_long_as_it_ran(bench: Any, reply: Block) -> None:
    bench.sandbox.gate = asyncio.Event()
    running = asyncio.create_task(bench.run([reply("ok")], parameters=ONE))
    while not bench.sandbox.compiled:
        await asyncio.sleep(0)
    running.cancel()
    result = await running
    assert result.status is JobStatus.CANCELLED
    assert result.usage.sandbox_runs == 1
    assert result.usage.sandbox_cpu_s < 9.0, "not the whole reservation"
