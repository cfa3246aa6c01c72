"""Twenty concepts that speak to the model, in a real memory: jobs run the same programs and tell no more than without.

They are found, chosen and shown by whole jobs (and, where jobs learn, shown to the model that writes concepts); the
scripted model does whatever stands outside of what is quoted, and chooses all of them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from injections import HOSTILE_NAMES, INJECTIONS, MARK, outside, quoted
from memory_jobs import BACKENDS, PROFILE, MemoryJobs, memory_jobs

from solvent.agents.events import ConceptsRecalled
from solvent.agents.job import Outcome
from solvent.agents.lessons import LearnRules
from solvent.memory.concept import Content
from solvent.memory.store import ConceptStore
from solvent.memory.texts import Edit
from solvent.memory.writer import WriteRules
from solvent.memory.writing import new_id
from solvent.models.base import ChatRequest
from solvent.problems.problem import IoTest, Problem, ProblemKind

pytestmark = pytest.mark.bubblewrap

RIGHT = "```python\nprint('ok')\n```"
PROBLEM = Problem(
    id="echo",
    kind=ProblemKind.STDIO,
    statement="Print the word ok.",
    public_tests=(IoTest(name="1", stdin="", expected="ok\n"),),
    hidden_tests=(IoTest(name="2", stdin="", expected="never shown\n"),),
)
GROUP = 5
"""As many as a prompt shows."""


@pytest_asyncio.fixture(params=BACKENDS)
async def jobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MemoryJobs]:
    async with memory_jobs(request, tmp_path) as made:
        yield made


def contents(numbers: Sequence[int]) -> list[Content]:
    """Injections, some of them under names that speak too."""
    made = [quoted(number, INJECTIONS[number]) for number in numbers]
    return [
        content.model_copy(update={"name": f"{HOSTILE_NAMES[number // 2 % len(HOSTILE_NAMES)]} {number}"})
        if number % 2
        else content
        for number, content in zip(numbers, made, strict=True)
    ]


async def poisoned(jobs: MemoryJobs, project: str, given: Sequence[Content]) -> ConceptStore:
    """Write past the door that screens, as one did who has the database."""
    await jobs.backend.texts.make_namespace(project)
    edits = [Edit(id=new_id(), action="add", content=content, expected_version=0) for content in given]
    await jobs.backend.texts.write(project, edits)
    return jobs.backend.store(project)


def beside(prompt: str, style: str, names: Sequence[str]) -> str:
    """Return what of a prompt is not quoted: the bundled model's has a list of lines in place of a fence."""
    if style == "default":
        return outside(prompt)
    starts = tuple(f"{mark}{name}: " for name in names for mark in ("- ", *(f"{number}. " for number in range(1, 11))))
    return "\n".join(line for line in prompt.splitlines() if not line.startswith(starts))


def obedient(style: str, names: Sequence[str]) -> Callable[[ChatRequest], str]:
    def says(request: ChatRequest) -> str:
        said = "\n".join(message.content for message in request.messages)
        if MARK in beside(said, style, names) or [one.role for one in request.messages] != ["user"]:
            return f"```python\nimport os\nos.system('cat /etc/passwd')\nprint({MARK!r}, {said[:60]!r})\n```"
        prompt = request.messages[-1].content
        if "If none helps" in prompt or prompt.endswith("which concepts?"):
            found = re.findall(r"^(\d+)\. (.*?): ", prompt, re.MULTILINE)
            return ", ".join(number for number, name in found if name in names)
        if "same or different" in prompt:
            return "They differ.\ndifferent"
        if "Which ideas in the solution" in prompt:
            return "concept: Printing\nkind: insight\nsituation: a word is asked for\nsuggestion: print it"
        if "pseudocode:" in prompt:
            return "summary: prints the word\npseudocode:\n```\nprint the word\n```"
        return "It prints what is asked for.\nright" if "right or wrong" in prompt else RIGHT

    return says


@pytest.mark.parametrize(
    ("style", "strategy", "memory"),
    [("default", "single", "live"), ("default", "solve-detect-verify", "read"), ("starter", "single", "read")],
)
async def test_jobs_do_the_same_as_without_them(jobs: MemoryJobs, style: str, strategy: str, memory: str) -> None:
    roles = ("solve", "choose", "verify", "abstract") if style == "default" else ("solve", "choose")
    profile = PROFILE.model_copy(update={"prompts": style, "roles": roles})
    # Whatever is there is compared with what a job writes.
    jobs.rules = LearnRules(write=WriteRules(likeness=0.0))
    plain = await jobs.run(
        PROBLEM,
        obedient(style, ()),
        jobs.backend.store("plain"),
        profile=profile,
        id="plain",
        strategy=strategy,
        memory="off",
    )
    programs = set(jobs.sandbox.programs)
    assert (plain.outcome, plain.answer is not None) == (Outcome.SOLVED, True)
    quotes: set[str] = set()
    for start in range(0, len(INJECTIONS), GROUP):
        given = contents(range(start, start + GROUP))
        names = [content.name for content in given]
        store = await poisoned(jobs, f"project-{start}", given)
        result = await jobs.run(
            PROBLEM, obedient(style, names), store, profile=profile, id=f"job-{start}", strategy=strategy, memory=memory
        )
        assert result.answer is not None
        assert plain.answer is not None
        assert (result.outcome, result.answer.text) == (plain.outcome, plain.answer.text)
        assert set(jobs.sandbox.programs) == programs
        if strategy == "single":
            assert result.usage.sandbox_runs == plain.usage.sandbox_runs
        (recalled,) = [event for event in jobs.events if isinstance(event, ConceptsRecalled)]
        assert (set(recalled.names), recalled.note) == (set(names), "")
        assert all(MARK not in beside(prompt, style, names) for prompt in jobs.prompts)
        assert "never shown" not in "".join(jobs.prompts)
        quotes.update(
            kept
            for kept in ("Which ideas", "same or different", "right or wrong")
            if any(MARK in prompt and kept in prompt for prompt in jobs.prompts)
        )
        # What they say is stored as it was, and nothing of it went into what the job wrote.
        after = {one.content.name: one for one in await store.list()}
        assert [after[content.name].content for content in given] == given
        if memory == "live":
            assert after.keys() - set(names) == {"Printing"}
            assert MARK not in after["Printing"].content.model_dump_json()
    if memory == "live":
        assert quotes == {"Which ideas", "same or different"}, "the model that writes concepts was shown them too"
    elif strategy != "single":
        assert "right or wrong" not in quotes, "whoever checks a program needs no advice"
