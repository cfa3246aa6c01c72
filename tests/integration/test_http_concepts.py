"""Concepts over HTTP, and `solvent --url ... memory`: a real server over a memory with its texts in SQLite."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result
from concept_parts import insight, routine
from http_door import RunningDoor, open_test_door, write_stdio

from solvent.errors import ConfigError
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.vectors import InMemoryVectors
from solvent.service.cli.main import cli
from solvent.settings import Settings
from solvent.workers.concept_memory import ConceptMemory
from solvent.workers.database import service_url
from solvent.workers.sql.concepts import SqlConceptTexts
from solvent.workers.sql.engine import Database
from solvent.workers.sql.utility import SqlUtilityStore
from solvent.workers.utility import Arm, ConceptUse, JobUse

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Served:
    door: RunningDoor
    memory: ConceptMemory
    store: ConceptStore
    """Of the project research."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, shared_concepts=("library",))
    async with open_test_door(f"sqlite:///{home / 'service.sqlite'}", home) as opened:
        database = Database(service_url(settings))
        memory = ConceptMemory(
            settings,
            SqlConceptTexts(database, owned=True),
            InMemoryVectors(),
            HashedEmbedder(),
            SqlUtilityStore(database),
        )

        async def the_memory() -> ConceptMemory:
            return memory

        opened.door.memory = the_memory
        await opened.add_key("ada", project="research")
        await opened.add_key("bob", project="elsewhere")
        store = memory.of("research")
        await store.add_all(
            [
                routine("Ember rule", "add 3 to every number", cues=["a rule is named"]),
                routine("Frost rule", "drop every odd number"),
                insight("Large answers", "the answer may be huge", "take the remainder"),
            ]
        )
        await memory.of("library").add(routine("Shared path", "breadth-first search over a grid"))
        yield Served(opened, memory, store)
        await memory.aclose()


@pytest.fixture
def ask(served: Served) -> Callable[..., Awaitable[Any]]:
    async def get(path: str, *, key: str | None = "ada", code: int = 200, **params: Any) -> Any:
        async with served.door.client(None if key is None else served.door.keys[key]) as client:
            answer = await client.get(f"/v1/concepts{path}", params=params)
        assert answer.status_code == code, answer.text
        if code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
        return answer.json()

    return get


async def test_concepts_are_searched_and_listed(ask: Any) -> None:
    found = (await ask("", query="what is the Ember rule?", limit=2))["data"]
    assert len(found) == 2
    assert found[0]["content"]["name"] == "Ember rule"
    assert found[0]["match"]["score"] >= found[1]["match"]["score"]
    assert next(row["content"]["name"] for row in (await ask("", query="grid"))["data"]) == "Shared path"

    first = await ask("", limit=2)
    assert [row["content"]["name"] for row in first["data"]] == ["Ember rule", "Frost rule"]
    second = await ask("", limit=2, cursor=first["next"])
    assert ([row["content"]["name"] for row in second["data"]], second["next"]) == (["Large answers"], None)
    assert len((await ask("", namespace="library"))["data"]) == 1
    (named,) = (await ask("", name="Frost rule"))["data"]
    assert named["content"]["summary"] == "drop every odd number"


async def test_a_concept_is_shown_with_its_history_and_worth(served: Served, ask: Any) -> None:
    frost = await served.store.get("Frost rule")
    await served.store.update(frost.id, routine("Frost rule", "drop every even number"))
    await served.store.feedback("Frost rule", helpful=True)
    shown = await ask(f"/{frost.id}")
    assert (shown["version"], shown["content"]["summary"]) == (2, "drop every even number")
    assert shown["utility"]["helpful"] == 1
    assert (await ask(f"/{frost.id}", version=1))["content"]["summary"] == "drop every odd number"
    versions = (await ask(f"/{frost.id}/history"))["data"]
    assert [row["action"] for row in versions] == ["add", "update"]


async def test_a_snapshot_is_searched_as_it_was(served: Served, ask: Any) -> None:
    snapshot = await served.store.snapshot()
    before = await served.store.get("Ember rule")
    await served.store.update(before.id, routine("Ember rule", "add 4 to every number"))
    (best, *_) = (await ask("", query="Ember rule", snapshot=snapshot.id))["data"]
    assert best["content"]["summary"] == before.content.summary
    assert len((await ask("", snapshot=snapshot.id))["data"]) == 4


async def test_strangers_and_wrong_requests_are_refused(served: Served, ask: Any) -> None:
    ember = await served.store.get("Ember rule")
    assert (await ask("", key=None, code=401))["code"] == "unauthorized"
    # Another project's memory is as good as none.
    assert (await ask("", key="bob"))["data"] == []
    assert (await ask(f"/{ember.id}", key="bob", code=404))["code"] == "not_found"
    assert (await ask(f"/{ember.id}/history", key="bob", code=404))["code"] == "not_found"
    assert (await ask("", key="bob", project="research", code=404))["code"] == "not_found"
    assert (await ask("", namespace="elsewhere", code=404))["code"] == "not_found"
    assert (await ask("", query="x", snapshot="snap-0000000000000000", code=404))["code"] == "not_found"
    assert (await ask("/con-0", code=404))["code"] == "not_found"
    assert (await ask("/nonsense", code=422))["field"] == "concept_id"
    assert (await ask("", limit=0, code=422))["field"] == "limit"


async def test_a_server_without_a_memory_says_so(served: Served, ask: Any) -> None:
    opener = served.door.door.memory

    async def none() -> ConceptMemory:
        raise ConfigError("the concept memory needs chromadb", remedy="pip install 'solvent[memory]'")

    try:
        served.door.door.memory = none
        refused = await ask("/report", code=404)
        assert "needs chromadb" in refused["detail"]
        served.door.door.memory = None
        assert "no concept memory" in (await ask("", code=404))["detail"]
    finally:
        served.door.door.memory = opener


async def record(served: Served) -> None:
    """Write down 40 jobs that the Ember rule helps, of which ten were held out."""
    ember = await served.store.get("Ember rule")
    utility = served.memory.utility()
    for number in range(40):
        held_out = number % 4 == 0
        solved = number % 4 == 1 or (number > 20 and not held_out)
        use = ConceptUse(
            namespace="research", concept_id=ember.id, version=ember.version, chosen=not held_out, held_out=True,
            cited=solved, solved=solved, tokens=100,
        )  # fmt: skip
        job = JobUse(
            job_id=f"job-{number}", namespace="research", policy="read", arm=Arm.HELD_OUT if held_out else Arm.SHOWN,
            retrieved=1, shown=int(not held_out), cited=int(solved), solved=solved, tokens=100,
        )  # fmt: skip
        await utility.record_uses(job.job_id, [use], job)


async def test_the_command_line_reads_from_the_server(served: Served, tmp_path: Path) -> None:
    await record(served)

    async def run(*arguments: str, code: int = 0) -> Result:
        environment = {"SOLVENT_URL": served.door.url, "SOLVENT_API_KEY": served.door.keys["ada"]}
        result = await asyncio.to_thread(
            CliRunner().invoke, cli, ["memory", *arguments], env=environment, standalone_mode=False
        )
        if result.exception is not None:
            raise result.exception
        assert (result.return_value or 0) == code, result.output
        return result

    assert "Ember rule" in (await run("search", "ember", "rule")).output.splitlines()[1]
    listed = json.loads((await run("list", "--json")).output)
    assert [row["name"] for row in listed] == ["Ember rule", "Frost rule", "Large answers"]
    assert listed[0]["chosen"] == 30
    assert "take the remainder" in (await run("show", "Large answers")).output
    assert "add" in (await run("history", "Ember rule")).output
    picture = tmp_path / "report.svg"
    said = (await run("report", "--plot", str(picture))).output
    assert "jobs with a memory: 40 (30 shown, 10 held out)" in said
    assert "with the same prompt and an empty memory: 0.0 % (0 of 10)" in said
    assert "uplift: +" in said
    assert "<svg" in picture.read_text()
    report = json.loads((await run("report", "--json")).output)
    assert report["uplift"]["low"] > 0
    assert (report["hit_rate"], report["top"][0]["name"]) == (1.0, "Ember rule")
    assert [report["curve"][-1][name] for name in ("jobs", "held_out")] == [40, 0.0]
    assert report["growth"][-1]["concepts"] == 3
    for verb in (["add", "--name", "x", "--summary", "y"], ["delete", "Ember rule"], ["snapshot"]):
        with pytest.raises(Exception, match="not over HTTP"):
            await run(*verb)


async def test_a_batch_of_a_server_goes_back_to_what_names_a_concept_of_its_memory(
    served: Served, tmp_path: Path
) -> None:
    path, results = tmp_path / "set.jsonl", tmp_path / "results.jsonl"
    texts = {"one": "Apply the Ember rule.", "two": "Apply the Moss rule.", "three": "Apply the Frost rule."}
    write_stdio(path, texts)
    frost = await served.store.get("Frost rule")
    rows: list[dict[str, Any]] = [{"problem_id": id, "outcome": "unsolved"} for id in texts]
    rows[2]["memory"] = {"chosen": [f"{frost.id}:1"]}
    results.write_text("\n".join(map(json.dumps, rows)))
    command = ["batch", "submit", str(path), "--again", str(results), "--learned", "--memory", "read"]
    environment = {"SOLVENT_URL": served.door.url, "SOLVENT_API_KEY": served.door.keys["ada"]}
    done = await asyncio.to_thread(CliRunner().invoke, cli, command, env=environment, standalone_mode=False)
    assert done.exception is None, done.exception
    jobs = [job async for job in served.door.store.batch_jobs(done.stdout.strip())]
    assert [job.custom_id for job in jobs] == ["one"]
