"""What the evaluation of solving draws, counts and writes, and the processes that it samples in."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from solvent.errors import PromptTooLong, ProviderUnavailable
from solvent.models.base import ChatRequest, Completion, Message, SampleUsage, Sampling
from solvent.models.starter.weights import SHIPPED
from solvent.training.__main__ import main
from solvent.training.bulk import BulkVerdict
from solvent.training.depths import DEPTHS, depths_of
from solvent.training.evaluate import (
    Drawn,
    Evaluation,
    EvaluationSettings,
    ProblemResult,
    draw_programs,
    held_out_samples,
    result_of,
    write_evaluation,
)
from solvent.training.families import FAMILIES, generate_samples
from solvent.training.report import BEGIN, END, figures, spread_line, table, update_readme
from solvent.training.sampler_pool import Progress, SamplerPool
from solvent.training.style_measures import GROUPS, boxed_answer


class Remembering:
    """A sampler that writes one program, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[ChatRequest] = []

    async def sample(self, request: ChatRequest) -> list[Completion]:
        self.requests.append(request)
        if len(self.requests) == 1:
            raise PromptTooLong("too long")
        usage = SampleUsage(prompt_tokens=5, completion_tokens=7)
        text = "```python\nprint(1)\n```"
        return [Completion(index=n, text=text, finish_reason="stop", usage=usage) for n in range(request.n)]


def result(family: str, depth: int, right: int, *, too_long: bool = False) -> ProblemResult:
    return ProblemResult(
        family=family, depth=depth, open_steps=0, samples=4, right=right, different=2, misled=0, tokens=40,
        too_long=too_long,
    )  # fmt: skip


def evaluation(*problems: ProblemResult) -> Evaluation:
    families = tuple(dict.fromkeys(problem.family for problem in problems))
    settings = EvaluationSettings(problems_per_family=1, samples=4, families=families)
    return Evaluation(
        settings=settings, sandbox="docker", processes=2, tokens=100, sampling_s=1.0, judging_s=1.0, problems=problems
    )


SOME = (result("list", 1, 4), result("list", 6, 0), result("dp", 1, 1), result("dp", 2, 2))


@given(st.sampled_from(list(FAMILIES)), st.integers(1, 40))
def test_problems_are_spread_evenly_over_the_columns_that_a_family_has(family: str, count: int) -> None:
    shares = depths_of(family, count)
    most = FAMILIES[family].max_depth
    columns = [sum(shares.get(depth, 0) for depth in group) for group in DEPTHS.values() if group[0] <= most]
    assert max(shares) <= most
    assert sum(columns) == count
    assert columns == sorted(columns, reverse=True)
    assert columns[0] - columns[-1] <= 1


def test_few_deep_problems_are_of_the_depths_in_the_middle() -> None:
    assert depths_of("list", 10) == {1: 2, 2: 2, 3: 2, 4: 2, 6: 1, 7: 1}
    assert depths_of("loop", 5) == dict.fromkeys(range(1, 6), 1)


def test_the_groups_hold_every_depth_once() -> None:
    depths = [depth for group in DEPTHS.values() for depth in group]
    assert depths == list(range(1, max(family.max_depth for family in FAMILIES.values()) + 1))


def test_every_family_is_in_one_group_of_ways_to_think() -> None:
    assert sorted(name for group in GROUPS.values() for name in group) == sorted(FAMILIES)


def test_the_problems_are_held_out_and_show_no_concepts() -> None:
    samples = held_out_samples(EvaluationSettings(problems_per_family=1))
    assert {sample.family for sample in samples} == set(FAMILIES)
    assert all(sample.split == "held-out" and not sample.shown_concepts for sample in samples)


async def test_each_prompt_has_random_numbers_of_its_own_and_a_long_one_no_samples() -> None:
    samples = list(generate_samples("held-out", "list", 2, 3, 1))
    first, again = Remembering(), Remembering()
    drawn = await draw_programs(first, samples, EvaluationSettings(samples=2))
    await draw_programs(again, samples[::-1], EvaluationSettings(samples=2))
    assert [one.programs for one in drawn] == [(), ("print(1)",) * 2, ("print(1)",) * 2]
    assert [one.tokens for one in drawn] == [0, 14, 14]
    seeds = [request.sampling.seed for request in first.requests]
    assert len(set(seeds)) == 3
    assert seeds == [request.sampling.seed for request in again.requests][::-1]


def test_samples_that_pass_public_tests_only_are_misled() -> None:
    (sample,) = generate_samples("held-out", "list", 2, 1, 1)
    verdicts = {"a": BulkVerdict(True, True), "b": BulkVerdict(True, False), "c": BulkVerdict(False, False, 0)}
    found = result_of(Drawn(sample, ("a", "b", "a", "c"), 50), verdicts, 4)
    assert (found.right, found.misled, found.different, found.tokens) == (2, 1, 3, 50)
    assert not found.too_long
    assert result_of(Drawn(sample, (), 0), {}, 4).too_long


def test_the_table_has_families_as_rows_and_depths_as_columns() -> None:
    lines = table(evaluation(*SOME)).splitlines()
    assert lines[2] == "| `list` | 1.00 / 1.00 |  |  |  | 0.00 / 0.00 | 0.50 / 0.50 | 2 | 10 |"
    assert lines[3] == "| `dp` | 0.25 / 1.00 | 0.50 / 1.00 |  |  |  | 0.38 / 1.00 | 2 | 10 |"
    assert lines[4].startswith("| all | 0.62 / 1.00 |")
    assert len({line.count("|") for line in lines}) == 1


def test_a_family_in_the_middle_is_counted_with_its_gain() -> None:
    assert spread_line(evaluation(*SOME, result("word", 1, 4))) == (
        "pass@1 lies between 0.2 and 0.8 on 2 of 3 families; on these pass@4 is 0.00 to 0.62 above it, "
        "at least 0.15 on 1 of them."
    )
    assert spread_line(evaluation(result("word", 1, 4))).endswith("on 0 of 1 families.")


def test_the_evaluation_is_written_a_problem_a_line_and_can_be_read(tmp_path: Path) -> None:
    whole = evaluation(*SOME, result("grid", 3, 0, too_long=True))
    path = tmp_path / "evaluation.json"
    write_evaluation(whole, path)
    assert Evaluation.model_validate_json(path.read_text()) == whole
    assert sum('"family"' in line for line in path.read_text().splitlines()) == 5
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    update_readme(whole, readme)
    assert "1 prompts do not fit" in readme.read_text()
    assert "old" not in readme.read_text()
    assert json.loads(json.dumps(figures(whole)))["by_family"]["dp"] == {"pass@1": 0.375, "pass@4": 1.0}


@pytest.mark.parametrize(
    ("text", "answer"), [("3 + 4 = 7\n\\boxed{7}", "7"), ("\\boxed{1} no \\boxed{ 2 }", "2"), ("7", None)]
)
def test_the_last_box_holds_the_answer(text: str, answer: str | None) -> None:
    assert boxed_answer(text) == answer


def test_progress_says_what_is_left() -> None:
    progress = Progress(lambda _: None, label="solve", asked=40)
    progress.add(10, 500)
    assert progress.line(20.0) == "solve: 10 of 40 samples, 500 tokens in 20 s (25 tokens/s), about 60 s left"


def request(text: str, n: int = 2) -> ChatRequest:
    sampling = Sampling(temperature=1.0, max_tokens=6, seed=3)
    return ChatRequest(messages=(Message(role="user", content=text),), sampling=sampling, n=n)


async def test_processes_answer_whole_requests_and_tell_of_failures() -> None:
    prompts = ["Read an integer. Add 3.", "Read a line of integers. Print the sum."]
    outcomes = []
    for processes in (1, 2):
        async with SamplerPool(SHIPPED, processes) as pool:
            outcomes.append(await asyncio.gather(*(pool.sample(request(text)) for text in prompts)))
            with pytest.raises(PromptTooLong):
                await pool.sample(request("number " * 5000))
            assert pool.progress.asked == pool.progress.done == 6
    assert [[one.text for one in of] for of in outcomes[0]] == [[one.text for one in of] for of in outcomes[1]]
    assert [len(of) for of in outcomes[0]] == [2, 2]


async def test_the_end_of_a_process_reaches_those_who_wait() -> None:
    async with SamplerPool(SHIPPED, 1) as pool:
        waiting = asyncio.create_task(pool.sample(request("Read an integer. Add 3.")))
        await asyncio.sleep(0)
        pool._workers[0].process.kill()
        with pytest.raises(ProviderUnavailable, match="ended, with work left to do"):
            await waiting
        with pytest.raises(ProviderUnavailable, match="no process"):
            await pool.sample(request("Read an integer. Add 3."))


def test_the_tables_are_of_all_families() -> None:
    outcome = CliRunner().invoke(main, ["evaluate", "--family", "list"])
    assert outcome.exit_code == 2
    assert "--no-write" in outcome.output
