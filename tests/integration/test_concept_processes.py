"""Four processes write and read one memory at once, over a Chroma server and PostgreSQL: nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from servers import ChromaServer as Server
from servers import PostgresServer

from solvent.benchmarks.memory import PROJECT, open_store

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.chroma,
    pytest.mark.usefixtures("require_postgres", "require_chroma"),
]
WRITERS, EACH = 4, 20
WRITER = Path(__file__).resolve().parent.parent / "support" / "concept_writer.py"


async def test_nothing_that_four_processes_write_is_lost(
    postgres_server: PostgresServer, chroma_server: Server
) -> None:
    name = postgres_server.create_database()
    database = postgres_server.url(name)
    store = await open_store(database, chroma_server.url)
    try:
        processes = [
            subprocess.Popen(
                [sys.executable, str(WRITER), database, chroma_server.url, str(number), str(EACH)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(WRITERS)
        ]
        missed: list[str] = []
        for process in processes:
            out, err = process.communicate(timeout=300)
            assert process.returncode == 0, err
            told = json.loads(out)
            assert told["written"] == EACH
            missed += told["missed"]
        assert missed == [], "each found at once what it had written"
        names = {concept.content.name for concept in await store.list()}
        assert names == {f"writer {w} concept {n}" for w in range(WRITERS) for n in range(EACH)} | {"shared concept"}
        assert (await store.check()).is_sound
        shared = await store.get("shared concept")
        assert set(shared.content.used_in) == {f"p{w}-{n}" for w in range(WRITERS) for n in range(0, EACH, 5)}
        assert len(await store.history("shared concept")) == shared.version
        assert store.project == PROJECT
        for writer in range(WRITERS):
            (hit, *_) = await store.search(f"writer {writer} concept {EACH - 1}")
            assert hit.concept.content.name == f"writer {writer} concept {EACH - 1}"
    finally:
        await store.aclose()
        postgres_server.drop_database(name)
