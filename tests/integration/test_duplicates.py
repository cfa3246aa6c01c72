"""A concept that jobs write under another name is found by likeness, confirmed and joined; one that is near stays two.

Jobs of policy `live` are solved in a real sandbox and distilled; the memory is the service's database and a real
Chroma, with the default embedder. Only the words of the model are scripted: programs are the families' own, and what it
answers about two concepts is the truth of this test.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from memory_jobs import BACKENDS, MemoryJobs, memory_jobs

from solvent.agents.job import JobResult, Outcome
from solvent.benchmarks.duplicate_texts import FAMILIES as OTHER_WORDS
from solvent.benchmarks.retrieval import name_of
from solvent.memory.concept import ConceptKind, Content
from solvent.memory.screening import kept_statement
from solvent.memory.store import ConceptStore
from solvent.models.base import ChatRequest
from solvent.training.families import generate_samples
from solvent.training.families.catalog import to_problem
from solvent.training.families.sample import Sample

KINDS = ("string", "list")
_NAMED = re.compile(r"^\d\. (.*?) \(", re.MULTILINE)


def samples(seed: int) -> dict[str, list[Sample]]:
    """Problems of one step for each operation, by the name of its concept."""
    found: dict[str, list[Sample]] = {}
    for family in KINDS:
        for split in ("train", "held-out"):
            for sample in generate_samples(split, family, 1, 80, seed):
                found.setdefault(name_of(family, sample.composition[0]), []).append(sample)
    return found


def library() -> list[Content]:
    """What earlier problems taught: a concept for each operation, with how their statements begin."""
    return [
        Content(
            name=name,
            kind=ConceptKind.ROUTINE,
            summary=some[0].plan[0],
            statements=tuple(filter(None, [kept_statement(sample.statement) for sample in some[:3]])),
            used_in=("earlier",),
        )
        for name, some in samples(seed=1).items()
    ]


PROBLEMS = {name: some[0] for name, some in samples(seed=5).items()}


class Words:
    """What the model of this test says: programs, names for what they teach, and which names mean the same."""

    def __init__(self, proposes: Mapping[str, tuple[str, str]], same: Sequence[frozenset[str]]) -> None:
        self._proposes = proposes
        self._same = same
        self.asked: list[frozenset[str]] = []

    def __call__(self, request: ChatRequest) -> str:
        prompt = request.messages[-1].content
        if "same or different" in prompt:
            pair = frozenset(_NAMED.findall(prompt))
            self.asked.append(pair)
            return "It is plain.\n" + ("same" if any(pair <= group for group in self._same) else "different")
        (job,) = (job for job, (concept, _) in self._proposes.items() if PROBLEMS[concept].statement in prompt)
        concept, called = self._proposes[job]
        if "Which ideas in the solution" in prompt:
            said = next(one for one in OTHER_WORDS.values() if one.name == called)
            return f"concept: {said.name}\nkind: routine\nsummary: {said.summary}\ncue: {said.cues[0]}"
        if "pseudocode:" in prompt:
            return "summary: it does what the statement asks\npseudocode:\n```\ndo it\n```"
        return f"```python\n{PROBLEMS[concept].program}\n```"


@pytest_asyncio.fixture(params=BACKENDS)
async def jobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MemoryJobs]:
    async with memory_jobs(request, tmp_path) as made:
        yield made


async def solve(jobs: MemoryJobs, job: str, concept: str, words: Words, store: ConceptStore) -> JobResult:
    problem = to_problem(PROBLEMS[concept], f"problem of {job}")
    result = await jobs.run(problem, words, store, id=f"{store.project}-{job}")
    assert result.outcome is Outcome.SOLVED
    assert result.learned is not None
    assert result.learned.status.value == "written", result.learned
    return result


PROPOSES = {
    "largest": ("list maximum", "Largest element"),
    "counting": ("string word count", "Number of words"),
    "sorting": ("list sort", "Ascending order"),
}
SAME = (frozenset({"list maximum", "Largest element"}), frozenset({"string word count", "Number of words"}))


@pytest.mark.bubblewrap
async def test_what_is_known_under_another_name_is_joined_and_what_is_near_is_not(jobs: MemoryJobs) -> None:
    ends: list[dict[str, Any]] = []
    for order in (list(PROPOSES), list(reversed(PROPOSES))):
        store = jobs.backend.store(f"project-{order[0]}")
        # Sorting is new: the nearest that is there, `list sort down`, is another idea.
        await store.import_all([content for content in library() if content.name != "list sort"])
        old = await store.get("list maximum")
        await store.feedback("list maximum", helpful=True)
        words = Words(PROPOSES, SAME)
        joined = [
            one
            for job in order
            for one in (await solve(jobs, job, PROPOSES[job][0], words, store)).learned.joined  # type: ignore[union-attr]
        ]
        assert sorted(joined) == ["Largest element = list maximum", "Number of words = string word count"]
        names = {one.content.name for one in await store.list()}
        assert {"Ascending order", "list sort down"} <= names
        assert not names & {"Largest element", "Number of words"}
        assert frozenset({"Ascending order", "list sort down"}) in words.asked

        # Nothing of what was there is lost, and where the rest comes from is told.
        kept = await store.get("list maximum")
        assert (kept.id, kept.content.summary) == (old.id, old.content.summary)
        assert kept.content.used_in == ("earlier", "problem of largest")
        assert {"also called Largest element", *OTHER_WORDS["list maximum"].cues} <= set(kept.content.cues)
        first, second = await store.history(kept.id)
        assert (first.action, first.concept.content) == ("add", old.content)
        assert (second.action, second.concept.provenance.source) == ("update", "job")
        assert second.concept.provenance.job_id == f"{store.project}-largest"
        assert "public tests" in second.concept.provenance.evidence
        assert (await store.utility([kept.id]))[kept.id].helpful == 1
        hits = await store.search("Largest element", limit=1)
        assert [hit.concept.id for hit in hits] == [kept.id]
        assert (await store.check()).is_sound
        ends.append({one.content.name: one.content for one in await store.list()})
    assert ends[0] == ends[1]


@pytest.mark.bubblewrap
async def test_jobs_that_end_together_write_one_idea_once_whatever_they_call_it(jobs: MemoryJobs) -> None:
    store = jobs.backend.store("together")
    await store.import_all([content for content in library() if content.name != "list maximum"])
    others = {"Largest element", "Greatest number", "Maximum of a list"}
    texts = OTHER_WORDS["list maximum"]

    class Names(Words):
        def __init__(self, called: str) -> None:
            super().__init__({"job": ("list maximum", "Largest element")}, [frozenset(others)])
            self._called = called

        def __call__(self, request: ChatRequest) -> str:
            return super().__call__(request).replace(f"concept: {texts.name}", f"concept: {self._called}")

    await asyncio.gather(
        *(
            # A store each, as other processes have.
            solve(jobs, f"job {called}", "list maximum", Names(called), jobs.backend.store("together"))
            for called in sorted(others)
        )
    )
    (only,) = [one for one in await store.list() if one.content.name in others]
    assert set(only.content.used_in) == {f"problem of job {called}" for called in others}
    gone = others - {only.content.name}
    assert {f"also called {called}" for called in gone} <= set(only.content.cues)
    assert only.version == len(others)
    # The names are known from now on: nobody is asked about them.
    words = Names(sorted(gone)[0])
    result = await solve(jobs, "later", "list maximum", words, store)
    assert result.learned is not None
    assert result.learned.joined == (f"{sorted(gone)[0]} = {only.content.name}",)
    assert words.asked == []
