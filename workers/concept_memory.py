"""Opens the concept memory that the settings name: texts in the service's database, vectors in Chroma."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec

from solvent.agents.job import JobResult, Outcome
from solvent.agents.lessons import Learner, LearnRules
from solvent.agents.recalled import WITHOUT
from solvent.errors import ConfigError
from solvent.memory.chroma import EXTRA, ChromaServer, EmbeddedChroma
from solvent.memory.embed import Embedder, open_embedder
from solvent.memory.holding import DEFAULT_PROJECT
from solvent.memory.store import ConceptStore
from solvent.memory.texts import ConceptTexts
from solvent.memory.trial import load_trial
from solvent.memory.vectors import VectorIndex
from solvent.memory.writer import WriteRules
from solvent.settings import Settings
from solvent.workers.distillations import Distillations, Lessons
from solvent.workers.trials import ProjectTrial
from solvent.workers.utility import Arm, ConceptUse, JobUse, UtilityStore

CONNECTIONS = 4


def refuse_without_chroma() -> None:
    """Refuse where the extra is not installed. Raises ConfigError."""
    missing = [name for name in ("chromadb", "sqlalchemy") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"the concept memory needs {' and '.join(missing)}, which this installation has not",
            remedy=f"pip install 'solvent[{EXTRA}]', or leave the memory policy at off",
        )


def open_vectors(settings: Settings) -> VectorIndex:
    """Return the index; it connects when it is first asked for something.

    Raises:
        ConfigError: a setting is wrong.
    """
    if settings.chroma_url is not None:
        return ChromaServer(settings.chroma_url, settings.chroma_token_env)
    return EmbeddedChroma(settings.home / "chroma")


class ConceptMemory:
    """The memories of all projects of one process: they share database, index and embedder.

    Args:
        settings: name the shared namespaces.
        texts: closed with this.
        vectors: closed with this.
        embedder: closed with this.
        utility: where it is counted what concepts were worth.
        distillations: tells what became of what jobs taught.
    """

    def __init__(
        self,
        settings: Settings,
        texts: ConceptTexts,
        vectors: VectorIndex,
        embedder: Embedder,
        utility: UtilityStore,
        distillations: Distillations | None = None,
    ) -> None:
        self._settings = settings
        self._utility = utility
        self._distillations = distillations
        self._policy = load_trial(settings.config_dir, hold_out=settings.memory_hold_out)
        self._texts = texts
        self._vectors = vectors
        self._embedder = embedder
        self._stores: dict[str, ConceptStore] = {}

    def of(self, project: str = DEFAULT_PROJECT) -> ConceptStore:
        """Return a project's memory."""
        if project not in self._stores:
            self._stores[project] = ConceptStore(
                self._texts, self._vectors, self._embedder, project=project, shared=self._settings.shared_concepts
            )
        return self._stores[project]

    def trial(self, project: str) -> ProjectTrial:
        """Return what finds out what concepts are worth to a project."""
        return ProjectTrial(self._policy, self._utility, project)

    def learner(self, project: str) -> Learner:
        """Return where a project's jobs write what they teach, by the rules of the settings."""
        settings = self._settings
        write = WriteRules(
            most_concepts=settings.memory_concepts,
            when_full=settings.memory_when_full,
            likeness=settings.memory_likeness,
        )
        rules = LearnRules(
            share=settings.memory_write_share,
            reserve=settings.memory_write_reserve,
            pitfalls=settings.memory_pitfalls,
            familiar_trajectories=settings.memory_familiar_trajectories,
            replays=settings.memory_replays,
            readings=settings.memory_readings,
            write=write,
        )
        return Learner(self.of(project), rules)

    def counter(self, project: str) -> Callable[[JobResult], Awaitable[None]]:
        """Return what counts the concepts of a project's jobs, and demotes those that do harm."""
        trial, store = self.trial(project), self.of(project)

        async def count(result: JobResult) -> None:
            uses = uses_of(result, project)
            if await self._utility.record_uses(result.job_id, uses, job_use_of(result, project)):
                await trial.settle(store, [use.concept_id for use in uses])

        return count

    async def lessons(self, project: str) -> Lessons | None:
        """Return what became of what a project's jobs taught; None where nobody tells. Raises StoreError."""
        return None if self._distillations is None else await self._distillations.lessons(project)

    def utility(self) -> UtilityStore:
        """Return what was counted."""
        return self._utility

    async def aclose(self) -> None:
        """Close all; safe to call twice."""
        await self._vectors.aclose()
        await self._embedder.aclose()
        await self._texts.aclose()


def uses_of(result: JobResult, project: str) -> list[ConceptUse]:
    """Return what each concept did for a job that ended. Pure.

    Whether it was solved is what its evidence says; grades and hidden tests take no part.
    """
    used = result.memory
    if used is None:
        return []
    solved = _solved(result)
    chosen, cited = set(used.chosen), set(used.cited)
    drawn = {*used.chosen, *used.dropped} if 0 < used.hold_out < 1 else set()
    uses = []
    for named in used.retrieved:
        id, _, version = named.rpartition(":")
        use = ConceptUse(
            namespace=project,
            concept_id=id,
            version=int(version),
            snapshot=used.snapshot or "",
            chosen=named in chosen,
            cited=named in cited,
            held_out=named in drawn,
            solved=solved,
            tokens=result.usage.tokens,
        )
        uses.append(use)
    return uses


def job_use_of(result: JobResult, project: str) -> JobUse | None:
    """Return what a job that ended had of the memory; None for one without. Pure."""
    used = result.memory
    if used is None:
        return None
    if used.chosen or used.dropped:
        arm = Arm.HELD_OUT if used.held_out else Arm.SHOWN
    else:
        arm = Arm.AWAY if used.note.startswith(WITHOUT) else Arm.NONE
    return JobUse(
        job_id=result.job_id,
        namespace=project,
        policy=used.policy,
        snapshot=used.snapshot or "",
        arm=arm,
        retrieved=len(used.retrieved),
        shown=len(used.chosen),
        cited=len(used.cited),
        solved=_solved(result),
        tokens=result.usage.tokens,
    )


def _solved(result: JobResult) -> bool | None:
    return None if result.outcome is None else result.outcome is Outcome.SOLVED


async def open_concept_memory(settings: Settings) -> ConceptMemory:
    """Open the database and bring its tables to this version; index and embedder connect when they are asked.

    Raises:
        ConfigError: the extra is not installed, or a setting is wrong.
        StoreError: the database does not answer, or is newer.
    """
    refuse_without_chroma()
    embedder = open_embedder(settings.embedder, settings.embedder_key_env)
    vectors = open_vectors(settings)
    from solvent.workers.database import service_url
    from solvent.workers.sql.concepts import SqlConceptTexts
    from solvent.workers.sql.distillations import SqlDistillations
    from solvent.workers.sql.engine import Database
    from solvent.workers.sql.schema import migrate
    from solvent.workers.sql.utility import SqlUtilityStore

    database = Database(service_url(settings), pool_size=CONNECTIONS)
    try:
        await migrate(database)
    except BaseException:
        await database.aclose()
        raise
    texts, utility = SqlConceptTexts(database, owned=True), SqlUtilityStore(database)
    return ConceptMemory(settings, texts, vectors, embedder, utility, SqlDistillations(database))


@asynccontextmanager
async def concept_store(settings: Settings, project: str = DEFAULT_PROJECT) -> AsyncIterator[ConceptStore]:
    """Open a project's memory, and close it at the end; raises as `open_concept_memory`."""
    memory = await open_concept_memory(settings)
    try:
        yield memory.of(project)
    finally:
        await memory.aclose()
