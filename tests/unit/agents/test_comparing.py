"""Readings of a solution are compared by how likely each makes it, where that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from concept_parts import routine

from solvent.agents.branching import Branches
from solvent.agents.comparing import reply_of
from solvent.agents.events import TextGenerated
from solvent.agents.job import JobSpec, Outcome
from solvent.agents.job_parts import prepare
from solvent.agents.learn import learn_from
from solvent.agents.learned import LearnedStatus
from solvent.agents.lessons import Learner, LearnRules, Lesson
from solvent.memory.concept import Reading
from solvent.memory.store import ConceptStore
from solvent.models.base import CAPABILITIES, Capability, ChatRequest, Chunk, TokenLogprob
from solvent.models.scripted import Reply, ScriptedModel
from solvent.usage import Budget

RIGHT, WRONG, VAGUE = "print the word that is asked for", "print the opposite word", "print a word"
NAME = "Print rule"
LIKELY = {RIGHT: -2.0, WRONG: -9.0, VAGUE: -2.5}
NONE = -5.0


@pytest.fixture
def live(bench: Any, store: ConceptStore) -> Any:
    bench.changes.update(memory=store, learner=Learner(store, LearnRules(readings=3)))
    return bench


def reads(reply: Callable[[str], str], *summaries: str, likely: float = NONE) -> Callable[[ChatRequest], Any]:
    """Return a script whose model reads these in its solution, one after another.

    Args:
        reply: the solution.
        summaries: what is read; the last one again and again.
        likely: how likely the solution is without a concept.
    """
    left = list(summaries)

    def script(request: ChatRequest) -> Any:
        prompt = request.messages[-1].content
        if "Which ideas in the solution" in prompt:
            return f"concept: {NAME}\nkind: routine\nsummary: {left.pop(0) if len(left) > 1 else left[0]}"
        if "pseudocode:" in prompt:
            return "summary: prints a word\npseudocode:\n```\nprint the word\n```"
        if request.prefix_logprob:
            said = [value for text, value in LIKELY.items() if text in prompt]
            return Reply(("what follows",), prefix_logprob=said[0] if said else likely)
        return reply("ok")

    return script


def asked(live: Any) -> list[str]:
    """Return which reading, or none, each question after a likelihood was about."""
    return [
        next((text for text in LIKELY if text in request.messages[-1].content), "")
        for request in live.changes["model"].requests
        if request.prefix_logprob
    ]


async def solve(
    live: Any,
    script: Callable[[ChatRequest], Any],
    lacking: frozenset[Capability] = frozenset({"logprobs"}),
    **spec: Any,
) -> Any:
    """Run a job whose further readings are samples, unless its model lacks nothing."""
    live.changes["model"] = ScriptedModel(script, capabilities=CAPABILITIES - lacking)
    return await live.run([], strategy="single", memory="live", **spec)


async def test_the_reading_that_makes_the_solution_likeliest_is_written(
    live: Any, reply: Any, store: ConceptStore
) -> None:
    result = await solve(live, reads(reply, WRONG, RIGHT, VAGUE))
    assert (result.outcome, result.learned.status) == (Outcome.SOLVED, LearnedStatus.WRITTEN)
    content = (await store.get(NAME)).content
    assert content.summary == RIGHT
    # What is far from it is known as wrong here, and does not win by coming first elsewhere; other words are not.
    assert content.readings == (Reading(text=RIGHT, used_in=("echo",)), Reading(text=WRONG, failed_in=("echo",)))
    assert asked(live) == [WRONG, "", RIGHT, VAGUE]
    assert (result.usage.trajectories, result.usage.sandbox_runs) == (1, 1)


async def test_what_is_asked_is_the_reply_that_solved_the_problem_and_its_cost_is_the_job_s(
    live: Any, reply: Any
) -> None:
    result = await solve(live, reads(reply, RIGHT))
    model = live.changes["model"]
    (first, *_) = (request for request in model.requests if request.prefix_logprob)
    assert first.prefix == "```python\nprint()  # prints: ok\n```"
    assert first.sampling.max_tokens == 1
    told = "".join(event.text for event in live.events if isinstance(event, TextGenerated))
    assert RIGHT in told
    assert "what follows" not in told, "it is no part of anything"
    counted = sum(
        [
            await model.count_prompt_tokens(request.messages, request.prefix) + 1
            for request in model.requests
            if request.prefix_logprob
        ]
    )
    assert 0 < counted < result.learned.tokens < result.usage.tokens


async def test_no_reading_that_makes_the_solution_likelier_none_is_written(
    live: Any, reply: Any, store: ConceptStore
) -> None:
    result = await solve(live, reads(reply, RIGHT, VAGUE, WRONG, likely=-1.95))
    assert (result.outcome, result.learned.status) == (Outcome.SOLVED, LearnedStatus.NOTHING)
    assert "nothing that the model read in the solution makes it likelier" in result.learned.note
    assert await store.list() == []


async def test_what_another_solution_said_is_compared_too_and_gets_the_vote(
    live: Any, reply: Any, store: ConceptStore
) -> None:
    await store.add(routine(NAME, RIGHT, readings=[Reading(text=RIGHT, used_in=("first",))]))
    result = await solve(live, reads(reply, VAGUE))
    assert result.learned.status is LearnedStatus.WRITTEN
    content = (await store.get(NAME)).content
    assert content.readings == (Reading(text=RIGHT, used_in=("echo", "first")),)


async def test_what_another_solution_said_falsely_loses_its_place(live: Any, reply: Any, store: ConceptStore) -> None:
    await store.add(routine(NAME, WRONG, readings=[Reading(text=WRONG, used_in=("first",))]))
    await solve(live, reads(reply, RIGHT))
    content = (await store.get(NAME)).content
    assert content.summary == RIGHT
    assert Reading(text=WRONG, used_in=("first",), failed_in=("echo",)) in content.readings


async def test_what_other_solutions_said_twice_and_holds_here_ends_the_comparison(
    live: Any, reply: Any, store: ConceptStore
) -> None:
    await store.add(routine(NAME, VAGUE, readings=[Reading(text=VAGUE, used_in=("first", "second"))]))
    await solve(live, reads(reply, WRONG, RIGHT))
    assert asked(live) == [VAGUE, ""]
    assert (await store.get(NAME)).content.readings == (Reading(text=VAGUE, used_in=("echo", "first", "second")),)


async def test_what_other_solutions_said_twice_and_does_not_hold_here_is_one_of_several(
    live: Any, reply: Any, store: ConceptStore
) -> None:
    await store.add(routine(NAME, WRONG, readings=[Reading(text=WRONG, used_in=("first", "second"))]))
    await solve(live, reads(reply, VAGUE, RIGHT))
    content = (await store.get(NAME)).content
    assert Reading(text=WRONG, used_in=("first", "second"), failed_in=("echo",)) in content.readings
    assert Reading(text=RIGHT, used_in=("echo",)) in content.readings


async def test_what_other_solutions_said_twice_is_believed(live: Any, reply: Any, store: ConceptStore) -> None:
    await store.add(routine(NAME, WRONG, readings=[Reading(text=WRONG, used_in=("first", "second"))]))
    result = await solve(live, reads(reply, WRONG))
    assert result.learned.status is LearnedStatus.WRITTEN
    assert asked(live) == []


async def test_the_same_reading_again_is_asked_about_once(live: Any, reply: Any) -> None:
    await solve(live, reads(reply, RIGHT))
    assert asked(live) == [RIGHT, ""]


async def test_one_reading_is_written_as_it_was_read(live: Any, reply: Any, store: ConceptStore) -> None:
    live.changes["learner"] = Learner(store, LearnRules())
    await solve(live, reads(reply, WRONG))
    assert (await store.get(NAME)).content.summary == WRONG
    assert asked(live) == []


async def test_an_endpoint_that_cannot_tell_teaches_nothing_and_says_so(
    live: Any, reply: Any, store: ConceptStore
) -> None:
    result = await solve(live, reads(reply, RIGHT), frozenset({"prefix_logprob"}))
    assert (result.outcome, result.learned.status) == (Outcome.SOLVED, LearnedStatus.NOT_WRITTEN)
    assert "SOLVENT_MEMORY_READINGS=1" in result.learned.note
    assert result.learned.tokens == 0
    assert await store.list() == []


async def test_a_share_that_allows_no_comparison_writes_nothing_and_says_so(
    live: Any, reply: Any, store: ConceptStore
) -> None:
    live.changes["learner"] = Learner(store, LearnRules(readings=1))
    plain = await solve(live, reads(reply, VAGUE))
    # A reply of this kind was within it, and no more is.
    share = (plain.learned.tokens + 20) / 4000
    await store.delete(NAME)
    live.changes["learner"] = Learner(store, LearnRules(readings=3, share=share))
    result = await solve(live, reads(reply, VAGUE), budget=Budget(tokens=4000), id="second")
    assert (result.outcome, result.learned.status) == (Outcome.SOLVED, LearnedStatus.NOT_WRITTEN)
    assert "its readings could not be compared: budget: the memory's share" in result.learned.note


async def test_a_budget_that_ends_amid_takes_the_best_so_far_and_says_so(
    live: Any, reply: Any, store: ConceptStore
) -> None:
    live.changes["learner"] = Learner(store, LearnRules(readings=2))
    whole = await solve(live, reads(reply, VAGUE, RIGHT))
    assert (await store.get(NAME)).content.summary == RIGHT
    await store.delete(NAME)
    share = (whole.learned.tokens - 1) / 4000
    live.changes["learner"] = Learner(store, LearnRules(readings=2, share=share))
    result = await solve(live, reads(reply, VAGUE, RIGHT), budget=Budget(tokens=4000), id="second")
    assert result.learned.status is LearnedStatus.WRITTEN
    assert "the comparison of readings ended after 1: budget: the memory's share" in result.learned.note
    assert (await store.get(NAME)).content.summary == VAGUE


async def test_gone_through_again_it_asks_nothing_and_writes_the_same(live: Any, reply: Any, echo: Any) -> None:
    result = await solve(live, reads(reply, WRONG, RIGHT, VAGUE))
    asked, usage = len(live.changes["model"].requests), result.usage
    job = prepare(JobSpec(id="job", problem=echo(), strategy="single", memory="live"), live.deps(), lambda _: None)
    assert await learn_from(job, result) == result.learned
    assert (len(live.changes["model"].requests), await live.ledger.usage("job")) == (asked, usage)


async def test_further_readings_branch_where_another_word_was_close(live: Any, reply: Any, store: ConceptStore) -> None:
    head = f"concept: {NAME}\nkind: routine\nsummary:"

    def script(request: ChatRequest) -> Any:
        if "Which ideas in the solution" not in request.messages[-1].content:
            return reads(reply, RIGHT)(request)
        if request.prefix:
            return Reply((RIGHT.removeprefix("print the"),))
        # Six tokens to the meaning; of its four the last was close, the first was not, and the others' say nothing.
        close = ((" word", -0.7), (" number", -0.9), (" Word", -0.8), ("\n", -0.1))
        first, the, opposite = (((f" {word}", -0.1), (other, -4.0)) for word, other in
                                (("print", " emit"), ("the", "."), ("opposite", "!")))  # fmt: skip
        return Reply((f"{head} {WRONG}",), logprob=(-0.6,), top=(close,) * 6 + (first, the, opposite, close))

    await solve(live, script, frozenset())
    model = live.changes["model"]
    prefixes = [request.prefix for request in model.requests if request.prefix and not request.prefix_logprob]
    assert prefixes == [f"{head} print the opposite number", f"{head} emit"]


@pytest.mark.parametrize(
    ("before", "meant"),
    [("summary:", True), ("Summary: sort", True), ("- Nutmeg scale: multiply", True), ("kind:", False),
     ("concept: Nutmeg", False), ("- Nutmeg", False), ("cues:", False), ("so it is:", False)],
)  # fmt: skip
def test_a_branch_begins_where_a_meaning_is_told(before: str, meant: bool) -> None:
    watch = Branches(3)
    watch.see(Chunk(index=0, logprobs=(TokenLogprob(token=f"first line\n{before}", logprob=-0.1),)))
    told = TokenLogprob(token=" by", logprob=-0.2, top=((" by", -0.2), (" with", -1.0)))
    assert watch.see(Chunk(index=0, logprobs=(told,))) is False
    assert watch.record() == {"branches": [f"first line\n{before} with"] if meant else []}


def test_a_solution_is_replied_fenced() -> None:
    lesson = Lesson("print(1)\n\n", "python", "t1", "it passes", 1)
    assert reply_of(lesson) == "```python\nprint(1)\n```"


async def test_what_has_no_program_is_not_compared_and_needs_no_such_endpoint(
    live: Any, reply: Any, store: ConceptStore
) -> None:
    live.changes["learner"] = Learner(store, LearnRules(readings=3, pitfalls=True))

    def script(request: ChatRequest) -> Any:
        prompt = request.messages[-1].content
        if "Which mistake in it" in prompt:
            return "concept: Wrong word\nkind: insight\nsituation: a word is asked for\nsuggestion: print it"
        return reply("no")

    result = await solve(live, script, frozenset({"prefix_logprob"}))
    assert (result.outcome, result.learned.status) == (Outcome.UNSOLVED, LearnedStatus.WRITTEN)
    assert asked(live) == []
