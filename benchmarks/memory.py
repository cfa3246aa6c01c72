"""What the concept memory costs: a large library, a Chroma server, clients in processes of their own.

    python -m solvent.benchmarks.memory --concepts 100000 --folder FOLDER

The library is made once and stays in FOLDER, so that loading it can be interrupted and gone on with (`--load-s`).
Searches are whole: changes since the last one, vector, words, names, texts. Recall is that of the server's approximate
index against exact search over the same vectors.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from solvent.benchmarks.memory_library import Library, library
from solvent.benchmarks.servers import free_port
from solvent.memory.chroma import ChromaServer, write_ahead
from solvent.memory.concept import Provenance
from solvent.memory.embed import HashedEmbedder
from solvent.memory.shelf import collection_name, find_namespace, vector_id
from solvent.memory.store import ConceptStore
from solvent.memory.texts import ConceptTexts, Edit
from solvent.memory.writing import new_id
from solvent.workers.sql.concepts import SqlConceptTexts
from solvent.workers.sql.engine import Database
from solvent.workers.sql.schema import migrate

PAGE = 1000
PROJECT = "bench"
SERVER_TIMEOUT_S = 120.0


@contextmanager
def chroma(folder: Path) -> Iterator[str]:
    """Run a Chroma server on a folder, with a write-ahead log; yields its URL."""
    write_ahead(folder / "chroma")
    port = free_port()
    program = Path(sys.executable).with_name("chroma")
    with (folder / "chroma.log").open("w+") as log:
        command = [str(program), "run", "--path", str(folder / "chroma"), "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            while "listening on" not in (folder / "chroma.log").read_text(errors="replace"):
                if process.poll() is not None:
                    raise SystemExit(f"Chroma does not start: see {folder / 'chroma.log'}")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def vectors_at(url: str) -> ChromaServer:
    """Return the index; a server that has just started reads a large one for longer than a job would wait."""
    return ChromaServer(url, timeout_s=SERVER_TIMEOUT_S)


async def open_texts(database: str) -> SqlConceptTexts:
    """Open the texts, with their tables."""
    opened = Database(database, pool_size=4)
    await migrate(opened)
    return SqlConceptTexts(opened, owned=True)


async def open_store(database: str, url: str) -> ConceptStore:
    """Open the memory as a process of the service does."""
    return ConceptStore(await open_texts(database), vectors_at(url), HashedEmbedder(), project=PROJECT)


async def load(database: str, url: str, made: Library, concepts: int, most_s: float) -> int:
    """Write concepts up to a number, or for so long; returns how many there are."""
    texts, vectors, embedder = await open_texts(database), vectors_at(url), HashedEmbedder()
    await texts.make_namespace(PROJECT)
    namespace = await find_namespace(texts, PROJECT)
    collection = collection_name(namespace, embedder.id, await embedder.dimension())
    there = namespace.last_change
    started = time.monotonic()
    while there < concepts and time.monotonic() - started < most_s:
        contents = [made.content(number) for number in range(there, min(concepts, there + PAGE))]
        edits = [
            Edit(id=new_id(), action="add", content=one, provenance=Provenance(source="import"), expected_version=0)
            for one in contents
        ]
        written = await texts.write(PROJECT, edits)
        rows = await embedder.embed([one.search_text for one in contents])
        await vectors.upsert(collection, [vector_id(one.concept.id, 1) for one in written], rows)
        await texts.mark_indexed(collection, [(one.concept.id, 1) for one in written])
        there += len(written)
        if there % 10_000 == 0:
            print(f"{there} concepts, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    await vectors.aclose()
    await texts.aclose()
    return there


async def client(database: str, url: str, made: Library, concepts: int, searches: int, number: int) -> dict[str, Any]:
    """Search alone in this process; returns the times."""
    store = await open_store(database, url)
    first = made.query(-1, concepts)
    started = time.perf_counter()
    await store.search(first)
    first_s = time.perf_counter() - started
    print("ready", flush=True)
    sys.stdin.readline()
    times = []
    for turn in range(searches):
        query = made.query(number * 100_000 + turn, concepts)
        started = time.perf_counter()
        await store.search(query)
        times.append(time.perf_counter() - started)
    await store.aclose()
    return {"first_s": first_s, "times": times}


async def recall(database: str, url: str, made: Library, concepts: int, queries: int) -> float:
    """Return the share of the ten nearest that the server finds."""
    vectors, embedder = vectors_at(url), HashedEmbedder()
    texts: ConceptTexts = await open_texts(database)
    namespace = await find_namespace(texts, PROJECT)
    collection = collection_name(namespace, embedder.id, await embedder.dimension())
    ids: list[str] = []
    rows = []
    after = 0
    while part := await texts.changes(PROJECT, after=after, limit=PAGE):
        active = [one.concept for one in part if one.concept.is_found]
        ids += [vector_id(one.id, one.version) for one in active]
        rows.append(embedder.vectors([one.content.search_text for one in active]))
        after = part[-1].change
    every = np.concatenate(rows)
    found = 0
    for number in range(queries):
        (vector,) = embedder.vectors([made.query(1_000_000 + number, concepts)])
        similarities = every @ vector
        tenth = np.partition(similarities, -10)[-10]
        near = await vectors.query(collection, vector, 50) or []
        position = {id: place for place, id in enumerate(ids)}
        found += sum(similarities[position[id]] >= tenth - 1e-6 for id, _ in near[:10] if id in position)
    await vectors.aclose()
    await texts.aclose()
    return found / (10 * queries)


async def writes(database: str, url: str, made: Library, count: int) -> list[float]:
    """Return the seconds that adding one concept takes, until it is found."""
    store = await open_store(database, url)
    await store.search("warm up")
    times = []
    for _ in range(count):
        content = made.content(random.randrange(1 << 40))
        content = content.model_copy(update={"name": f"written {secrets.token_hex(6)}"})
        started = time.perf_counter()
        await store.add(content)
        times.append(time.perf_counter() - started)
    await store.aclose()
    return times


def percentiles(times: Sequence[float]) -> dict[str, float]:
    """Return p50 and p99 in milliseconds."""
    return {f"p{share}_ms": round(float(np.percentile(times, share)) * 1000, 2) for share in (50, 99)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--concepts", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, required=True, help="where the library stays")
    parser.add_argument("--library", choices=("families", "random"), default="families")
    parser.add_argument("--database", help="URL of the texts' database [default: SQLite in the folder]")
    parser.add_argument("--load-s", type=float, default=1e9, help="go on loading for at most so many seconds")
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--searches", type=int, default=500, help="of each client")
    parser.add_argument("--queries", type=int, default=100, help="for the recall")
    parser.add_argument("--writes", type=int, default=100)
    parser.add_argument("--as-client", nargs=2, metavar=("URL", "NUMBER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    database = chosen.database or f"sqlite:///{chosen.folder / 'texts.db'}"
    made = library(chosen.library)
    if chosen.as_client:
        url, number = chosen.as_client
        print(json.dumps(asyncio.run(client(database, url, made, chosen.concepts, chosen.searches, int(number)))))
        return 0
    with chroma(chosen.folder) as url:
        there = asyncio.run(load(database, url, made, chosen.concepts, chosen.load_s))
        if there < chosen.concepts:
            print(f"{there} of {chosen.concepts} concepts are loaded: run it again to go on", file=sys.stderr)
            return 1
        figures: dict[str, Any] = {"library": chosen.library, "concepts": there, "clients": chosen.clients}
        results = _clients(chosen, database, url)
        figures["search"] = percentiles([time_s for one in results for time_s in one["times"]])
        figures["first_search_s"] = [round(one["first_s"], 1) for one in results]
        figures["recall_at_10"] = round(asyncio.run(recall(database, url, made, chosen.concepts, chosen.queries)), 4)
        figures["write"] = percentiles(asyncio.run(writes(database, url, made, chosen.writes)))
    print(json.dumps(figures, indent=1))
    return 0


def _clients(chosen: argparse.Namespace, database: str, url: str) -> list[dict[str, Any]]:
    own = [sys.executable, "-m", "solvent.benchmarks.memory", "--folder", str(chosen.folder), "--database", database]
    own += ["--concepts", str(chosen.concepts), "--library", chosen.library, "--searches", str(chosen.searches)]
    processes = [
        subprocess.Popen(
            [*own, "--as-client", url, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for number in range(1, chosen.clients + 1)
    ]
    for process in processes:
        assert process.stdout
        process.stdout.readline()
    outputs = []
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, _ = process.communicate()
        outputs.append(json.loads(out))
    return outputs


if __name__ == "__main__":
    raise SystemExit(main())
