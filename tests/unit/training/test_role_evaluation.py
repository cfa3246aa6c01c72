"""Figures of the roles, meanings of concepts, and files of attempts."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.models.base import ChatRequest, Completion, SampleUsage, TokenLogprob
from solvent.training.attempts import _append, _mend, _observation, read_attempts, rows_of_attempts
from solvent.training.bulk import BulkVerdict
from solvent.training.concept_effect import stray_concepts, wrong_concepts
from solvent.training.evaluate import Drawn
from solvent.training.evaluate_roles import (
    RoleEvaluation,
    choice_of_program,
    repair,
    summary,
    verify_fast,
    verify_slow,
    write_tests,
)
from solvent.training.families import Sample, generate_samples
from solvent.training.families.grids_rules import GRID_RULES, GridRuleFamily
from solvent.training.families.rules import LIST_RULES, STRING_RULES, RuleFamily, World
from solvent.training.meaning import meanings_of, same_meaning
from solvent.training.role_measures import Measure, area, area_measure, share, wilson
from solvent.training.role_report import BEGIN, END, update_roles
from solvent.training.role_stage import RoleSettings, Stage, fresh_rate
from solvent.training.roles.trials import Trial, Tried, try_program, try_reference
from solvent.training.tracing import TRACE_LINES, VALUE_CHARACTERS


def tried(*, right: int = 1, wrong: int = 3) -> Tried:
    (sample,) = generate_samples("train", "list", 2, 1, 4)
    failing = [try_program(sample, f"print({n})") for n in range(wrong)]
    good = [Trial(sample.program + "\n" * n, right=True) for n in range(1, right + 1)]
    return Tried(sample, try_reference(sample), (*good, *failing))


def test_the_area_is_the_chance_that_a_right_one_scores_higher() -> None:
    assert area([1.0, 0.8], [0.1, 0.2]) == 1
    assert area([0.5], [0.5, 0.5]) == 0.5
    assert area([0.1, 0.9], [0.5]) == 0.5
    problems = [([0.9], [0.1, 0.5]), ([0.8, 0.4], []), ([], [0.6])]
    (measure,) = area_measure("verify", "AUC", problems)
    assert measure.value == area([0.9, 0.8, 0.4], [0.1, 0.5, 0.6]) == pytest.approx(7 / 9)
    assert measure.low <= measure.value <= measure.high
    assert measure.count == 3
    assert area_measure("verify", "AUC", [([], [0.5])]) == []


def test_programs_of_one_problem_are_no_further_evidence() -> None:
    rng = random.Random(1)
    problems = [([rng.random() + 0.3], [rng.random()]) for _ in range(20)]
    (once,) = area_measure("verify", "AUC", problems)
    (often,) = area_measure("verify", "AUC", [(right * 9, wrong * 9) for right, wrong in problems])
    assert (often.low, often.value, often.high) == pytest.approx((once.low, once.value, once.high))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_swapping_the_classes_turns_the_area_round(right: list[float], wrong: list[float]) -> None:
    assert area(right, wrong) == pytest.approx(1 - area(wrong, right))


def test_a_share_has_an_interval_around_it() -> None:
    (measure,) = share("refine", "repaired", [0.0, 1.0, 0.5, 0.5], [0.25] * 4, "fresh sample")
    assert measure.value == 0.5
    assert measure.high - 0.5 == pytest.approx(0.5 - measure.low)
    assert measure.baseline == 0.25
    assert measure.gain is not None
    assert measure.gain[0] == pytest.approx(0.25)
    assert share("refine", "repaired", []) == []
    with pytest.raises(ValueError, match="zip"):
        share("refine", "repaired", [0.0, 1.0], [0.25])


def test_a_gain_is_that_of_the_same_items() -> None:
    values, baseline = [0.0, 0.25, 0.5, 1.0], [0.1, 0.35, 0.6, 1.1]
    (measure,) = share("concepts", "wrong", values, baseline, "without")
    assert measure.gain == pytest.approx((-0.1, -0.1, -0.1))
    assert measure.high - measure.low > 0.5


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=200))
def test_an_interval_of_zeros_and_ones_is_never_a_point(values: list[float]) -> None:
    (measure,) = share("verify", "told", values)
    assert 0 <= measure.low <= measure.value <= measure.high <= 1
    assert measure.high - measure.low > 0.01


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert wilson([1.0] * 3 + [0.0] * 7) == pytest.approx((0.3, 0.1078, 0.6032), abs=1e-3)


def test_wordings_of_one_step_mean_the_same_and_others_do_not() -> None:
    assert same_meaning("add 3 to every number", "increase each number by 3", "list-rules")
    assert not same_meaning("add 3 to every number", "add 4 to every number", "list-rules")
    assert not same_meaning("add 3 to every number", "increase each number by 3", "string-rules")
    assert not same_meaning("add 3", "add 3 to every number", "list-rules")
    assert not meanings_of("do something nice")


@pytest.mark.parametrize("family", ["list-rules", "number-rules", "string-rules", "grid-rules"])
def test_every_concept_has_a_meaning(family: str) -> None:
    for sample in generate_samples("train", family, 2, 20, 3):
        for concept in sample.concepts:
            assert same_meaning(concept.text, concept.text, family), concept


@pytest.mark.parametrize("family", [LIST_RULES, STRING_RULES, GRID_RULES], ids=lambda family: family.name)
def test_a_wrong_concept_has_the_right_name_and_a_stray_one_another(family: RuleFamily | GridRuleFamily) -> None:
    rng, world = random.Random(3), World(5)
    for _ in range(10):
        sample = family.draw_in_world(rng, world, 2, "held-out")
        wrong = wrong_concepts(rng, family, world, sample)
        assert [concept.name for concept in wrong] == [concept.name for concept in sample.concepts]
        pairs = zip(wrong, sample.concepts, strict=True)
        assert sum(not same_meaning(one.text, other.text, sample.family) for one, other in pairs) == 1
        stray = stray_concepts(rng, family, world, sample)
        assert not {concept.name for concept in stray} & {concept.name for concept in sample.concepts}


def test_a_role_is_compared_with_samples_that_it_has_not_seen() -> None:
    (sample,) = generate_samples("train", "list", 2, 1, 4)
    verdicts = {"right": BulkVerdict(True, True), "wrong": BulkVerdict(False, False, 0)}
    drawn = Drawn(sample, ("wrong", "wrong", "right", "wrong", "right", "right"), 60)
    assert fresh_rate(drawn, verdicts, 2) == 0.75
    assert fresh_rate(replace(drawn, programs=()), {}, 2) == 0.0
    with pytest.raises(ValueError, match="need more"):
        fresh_rate(drawn, verdicts, 6)


class Answering:
    """A sampler that answers each prompt as a function says, with the words' probabilities as logprobs."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self._answer = answer
        self.prompts: list[str] = []

    async def sample(self, request: ChatRequest) -> list[Completion]:
        prompt = request.messages[-1].content
        self.prompts.append(prompt)
        text = self._answer(prompt)
        word = text.splitlines()[-1]
        token = TokenLogprob(token=word, logprob=math.log(0.9), top=((word, math.log(0.9)),))
        usage = SampleUsage(prompt_tokens=1, completion_tokens=1)
        return [
            Completion(index=n, text=text, finish_reason="stop", usage=usage, logprobs=(token,))
            for n in range(request.n)
        ]


class NoSandboxStage(Stage):
    """A stage on which every program that is drawn is right."""

    async def solved(self, samples: Sequence[Sample], prompts: Sequence[str], n: int) -> list[float]:
        await self.ask(prompts, n=n)
        return [1.0 for _ in samples]


def stage(sampler: Answering, *work: Tried, fresh: float = 0.25) -> Stage:
    nothing: Any = None
    return NoSandboxStage(sampler, nothing, RoleSettings(), (), [], work, tuple(fresh for _ in work))


@pytest.mark.parametrize(("told", "area_found"), [(("right", "wrong"), 1.0), (("wrong", "right"), 0.0)])
@pytest.mark.parametrize("verify", [verify_fast, verify_slow])
async def test_a_verifier_is_measured_by_what_its_programs_are(
    verify: Callable[[Stage], Awaitable[list[Measure]]], told: tuple[str, str], area_found: float
) -> None:
    one = tried(right=2, wrong=2)
    by_program = {trial.program.strip("\n"): trial for trial in one.trials}

    def answer(prompt: str) -> str:
        trial = by_program[prompt.split("program:\n")[-1].rpartition("\n")[0]]
        return "\n".join([*trial.trace, told[not trial.right]])

    measures = {measure.name: measure for measure in await verify(stage(Answering(answer), one))}
    assert measures["AUC"].value == area_found
    assert measures["right programs called right"].value == area_found
    assert measures["wrong programs called wrong"].value == area_found
    if verify is verify_slow:
        assert measures["traces that are true to the last line"].value == 1.0


@pytest.mark.parametrize("role", [repair, summary])
async def test_repairs_and_summaries_are_compared_with_fresh_samples(
    role: Callable[[Stage], Awaitable[list[Measure]]],
) -> None:
    nobody_failed = tried(right=1, wrong=0)
    sampler = Answering(lambda _: "pass")
    measures = await role(stage(sampler, nobody_failed, tried(right=1, wrong=3)))
    assert measures
    for measure in measures:
        assert (measure.value, measure.baseline, measure.count) == (1.0, 0.25, 1)
    assert len(sampler.prompts) == len(measures)


async def test_a_choice_is_among_programs_of_the_model_itself() -> None:
    one = tried(right=1, wrong=3)
    program = "print('own')"
    own = replace(one, trials=(Trial(program, right=True), *one.wrong))

    def answer(prompt: str) -> str:
        offered = re.split(r"\n\d\.\n", prompt.removesuffix("\nwhich program?"))[1:]
        return str(1 + offered.index(program))

    sampler = Answering(answer)
    for seed in range(5):
        on = stage(sampler, own, one)
        (measure,) = await choice_of_program(replace(on, settings=RoleSettings(seed=seed), tried=(own,), fresh=(0.0,)))
        assert (measure.value, measure.count) == (1.0, 1)
    assert not any(one.sample.program in prompt for prompt in sampler.prompts)
    assert await choice_of_program(stage(sampler, tried(right=0, wrong=3))) == []


async def test_inputs_count_as_valid_where_the_family_takes_them() -> None:
    one = tried()
    known = one.sample.public_tests[0].stdin
    sampler = Answering(lambda _: f"in: {known}\nin: 1 2 3 4\nin: not numbers\nin: 5 x")
    valid, new = await write_tests(stage(sampler, one))
    assert (valid.value, new.value) == (0.5, 0.25)
    valid, new = await write_tests(stage(Answering(lambda _: "nothing"), one))
    assert (valid.value, new.value) == (0.0, 0.0)


def test_rows_of_attempts_are_the_models_own_programs() -> None:
    one = tried(right=1, wrong=3)
    rows = rows_of_attempts([one], seed=2)
    assert {role for role, _ in rows} == {"verify-fast", "verify-slow", "refine", "choose-program", "summarise"}
    assert rows == rows_of_attempts([one], seed=2)
    assert any("program:\nprint(0)" in prompt or "program:\nprint(1)" in prompt for _, (prompt, _) in rows)


def test_a_file_of_attempts_keeps_what_was_written_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "attempts.jsonl"
    assert _mend(path) == 0
    both = [tried(right=1, wrong=1), tried(right=0, wrong=2)]
    _append(path, both)
    with path.open("a") as file:
        file.write('{"sample": {"fam')
    assert _mend(path) == 2
    assert list(read_attempts(path)) == both


def test_what_a_program_says_of_itself_is_cut_and_kept_on_its_lines() -> None:
    found = _observation({"output": "x" * 9999, "error": "a\nb", "trace": ["1\n2", "y" * 99, *["3"] * 40]})
    assert found.output is not None
    assert len(found.output) == 2000
    assert found.error == "a b"
    assert found.trace[0] == "1 2"
    assert len(found.trace) == TRACE_LINES
    assert max(map(len, found.trace)) == VALUE_CHARACTERS
    assert _observation(None).output is None
    assert _observation({"output": 5, "trace": "no"}).output is None


def test_the_table_takes_its_place_in_the_readme(tmp_path: Path) -> None:
    (measure,) = share("refine", "wrong programs repaired", [0.0, 1.0], [0.25, 0.25], "fresh sample")
    evaluation = RoleEvaluation(settings=RoleSettings(), sandbox="docker", problems=2, seconds=1.0, measures=(measure,))
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    update_roles(evaluation, path)
    text = path.read_text()
    assert "old" not in text
    assert "| refine | wrong programs repaired | 0.50 [" in text
    assert "0.25 (fresh sample) | +0.25 [" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    path.write_text("nothing")
    with pytest.raises(ValueError, match="roles: begin"):
        update_roles(evaluation, path)
