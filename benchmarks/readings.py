"""How often the bundled model reads right what a solution does (`python -m solvent.benchmarks.readings`).

Solutions of a stream of problems (`solvent.benchmarks.concept_stream`, an arm without memory) are read: the likeliest
reply, and its branches (`agents/branching.py`), or samples in their place. A reading is right where it words the rule
that the problem names. Of the first k readings, the one that makes the solution likeliest is taken
(`agents/comparing.py`), or none.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import click

from solvent.agents.branching import TOP, Branches
from solvent.agents.comparing import likeliest, reply_of
from solvent.agents.concept_replies import proposed_of
from solvent.agents.lessons import Lesson
from solvent.agents.naming import spelled_as_stated
from solvent.agents.prompts import LessonText, Prompts, fence_of
from solvent.agents.recall import shown_of
from solvent.benchmarks.concept_stream import draw_stream
from solvent.models.base import ChatModel, ChatRequest, Sampling, generate
from solvent.models.registry import load_profile, open_model
from solvent.problems.problem import Problem
from solvent.problems.view import public_view
from solvent.training.meaning import same_meaning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solvent.memory.concept import Content


class Read(NamedTuple):
    """One reading of a solution."""

    right: int
    """Concepts of the problem's rules that it has with their meaning."""
    wrong: int
    """Others."""
    gain: float
    """Nats by which it makes the solution likelier."""


async def read_solution(
    model: ChatModel, style: str, problem: Problem, program: str, others: int, *, sampled: bool
) -> list[Read]:
    """Return the model's likeliest reading of a solution and so many others, without those that name no concept."""
    view, prompts = public_view(problem), Prompts(None)
    reply = reply_of(Lesson(program, "python", "", "", 1))
    rules = {rule["name"]: rule["text"] for rule in json.loads(json.dumps(problem.metadata["concepts"]))}
    family = str(problem.metadata["family"])

    async def likelihood(contents: Sequence[Content]) -> float:
        messages = prompts.render(
            style, "solve", view, language="python", wants="program",
            concepts=[shown_of(content, id="con-new", version=1) for content in contents], related=(), memory=True,
        )  # fmt: skip
        request = ChatRequest(messages=messages, prefix=reply, prefix_logprob=True, sampling=Sampling(max_tokens=1))
        (told,) = await generate(model, request)
        assert told.prefix_logprob is not None
        return told.prefix_logprob

    lesson = LessonText(evidence="it passes the public tests", fence=fence_of(program))
    messages = prompts.render(
        style, "abstract", view, language="python", wants="program", program=program, lesson=lesson
    )
    greedy = Sampling(temperature=0.0, max_tokens=300, seed=1)
    watch = Branches(others)
    texts = [""]
    async with aclosing(
        model.stream(ChatRequest(messages=messages, sampling=greedy.model_copy(update={"top_logprobs": TOP})))
    ) as chunks:
        async for chunk in chunks:
            watch.see(chunk)
            texts[0] += chunk.text
    if sampled and others:
        drawn = ChatRequest(messages=messages, n=others, sampling=Sampling(temperature=0.8, max_tokens=300, seed=1))
        texts += [one.text for one in await generate(model, drawn)]
    elif others:
        for beginning in map(str, cast("list[str]", watch.record()["branches"])):
            request = ChatRequest(messages=messages, prefix=beginning, sampling=greedy)
            texts += [beginning + one.text for one in await generate(model, request)]
    base = await likelihood(())
    found = []
    for text in texts:
        contents = spelled_as_stated(proposed_of(text, used_in=problem.id) or [], view.statement)
        if contents:
            right = sum(
                content.name in rules and same_meaning(content.text, rules[content.name], family)
                for content in contents
            )
            found.append(Read(right, len(contents) - right, await likelihood(contents) - base))
    return found


@click.command()
@click.option(
    "--results", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="Of an arm."
)
@click.option("--problems", type=click.IntRange(1), default=300, show_default=True)
@click.option("--seed", type=int, default=41, show_default=True)
@click.option("--rules-per-kind", type=click.IntRange(1), default=1, show_default=True)
@click.option("--depths", default="2,3,4", show_default=True)
@click.option("--readings", type=click.IntRange(1, 16), default=5, show_default=True)
@click.option("--sampled", is_flag=True, help="Samples in place of branches.")
@click.option("--model", "name", default="starter", show_default=True)
def main(
    results: Path, problems: int, seed: int, rules_per_kind: int, depths: str, readings: int, sampled: bool, name: str
) -> None:
    """Say of how many concepts the meaning is right, as read and with the best of k readings."""
    stream = draw_stream(problems, seed, rules_per_kind, [int(depth) for depth in depths.split(",")])
    by_id = {problem.id: problem for problem in stream}
    rows: list[dict[str, Any]] = [json.loads(line) for line in results.read_text().splitlines()]
    solved = [row for row in rows if row["outcome"] == "solved"]
    profile = load_profile(name)

    async def read_all() -> list[list[Read]]:
        model = open_model(profile)
        try:
            found = []
            for row in solved:
                problem, program = by_id[row["problem_id"]], row["answer"]["text"]
                found.append(
                    await read_solution(model, profile.prompts, problem, program, readings - 1, sampled=sampled)
                )
            return found
        finally:
            await model.aclose()

    read = asyncio.run(read_all())
    said: Counter[str] = Counter()
    for of in filter(None, read):
        said["as read"] += of[0].right
        said["as read, wrong"] += of[0].wrong
    click.echo(f"{len(solved)} solutions")
    click.echo(_line("as read", said["as read"], said["as read, wrong"]))
    for most in range(1, readings + 1):
        best = [one for one in (likeliest(of[:most]) for of in read) if one is not None]
        click.echo(_line(f"best of {most}", sum(one.right for one in best), sum(one.wrong for one in best)))


def _line(what: str, right: int, wrong: int) -> str:
    return f"{what:10} right {right:4} wrong {wrong:4} share right {right / max(1, right + wrong):.2f}"


if __name__ == "__main__":
    main()
