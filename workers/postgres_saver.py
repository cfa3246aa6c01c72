"""The saver of one run of one graph in PostgreSQL: tables and formats of langgraph-checkpoint-postgres, fewer trips.

The library's own takes a connection, tests it, and goes to a thread for each write, and writes each channel by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    copy_checkpoint,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncCursor, OperationalError
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.serde.base import SerializerProtocol

    from solvent.workers.sql.postgres import PostgresPool

_PUT = """
WITH blobs AS (
    INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
    SELECT %(thread)s, %(ns)s, one.* FROM unnest(
        %(channels)s::text[], %(versions)s::text[], %(types)s::text[], %(blobs)s::bytea[]
    ) AS one
    ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING
)
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
VALUES (%(thread)s, %(ns)s, %(id)s, %(parent)s, %(checkpoint)s, %(metadata)s)
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
DO UPDATE SET checkpoint = EXCLUDED.checkpoint, metadata = EXCLUDED.metadata
"""
_PUT_WRITES = """
INSERT INTO checkpoint_writes
    (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
SELECT %(thread)s, %(ns)s, %(id)s, %(task)s, %(path)s, one.* FROM unnest(
    %(places)s::int[], %(channels)s::text[], %(types)s::text[], %(blobs)s::bytea[]
) AS one
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
"""
_REPLACE = "DO UPDATE SET channel = EXCLUDED.channel, type = EXCLUDED.type, blob = EXCLUDED.blob"
_KEEP = "DO NOTHING"


class RunSaver(AsyncPostgresSaver):
    """Reads a thread's last checkpoint once, however often it is asked for before the first write.

    Args:
        pool: connections to the database.
        serde: of the contents.
        hold: keep in memory what is written, until `release`.
        empty: nothing was written before of what is run: it is not read.
    """

    def __init__(self, pool: PostgresPool, serde: SerializerProtocol, *, hold: bool, empty: bool = False) -> None:
        super().__init__(None, serde=serde)  # type: ignore[arg-type]
        self._pool = pool
        self._hold = hold
        self._empty = empty
        self._held: list[Callable[[], tuple[str, Mapping[str, Any]]]] = []
        self._read: dict[str, CheckpointTuple | None] = {}

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        # For what is not overridden here.
        async with (
            self._pool.connection() as connection,
            connection.driver.cursor(binary=True, row_factory=dict_row) as cursor,
        ):
            yield cursor

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that `config` names, or the last of its thread."""
        thread, namespace, checkpoint_id = _place(config)
        if self._empty:
            return None
        if checkpoint_id is None and thread in self._read:
            found = self._read.pop(thread)
            return found and found._replace(checkpoint=copy_checkpoint(found.checkpoint))
        where, values = "WHERE thread_id = %s AND checkpoint_ns = %s ", [thread, namespace]
        if checkpoint_id is None:
            where += "ORDER BY checkpoint_id DESC LIMIT 1"
        else:
            where, values = f"{where}AND checkpoint_id = %s", [*values, checkpoint_id]
        rows = await self._execute(self.SELECT_SQL + where, values)
        found = self._tuple(rows[0]) if rows else None
        if checkpoint_id is None:
            self._read[thread] = found
        return found and found._replace(checkpoint=copy_checkpoint(found.checkpoint))

    def _tuple(self, row: dict[str, Any]) -> CheckpointTuple:
        place = {"thread_id": row["thread_id"], "checkpoint_ns": row["checkpoint_ns"]}
        parent = row["parent_checkpoint_id"]
        inline = row["checkpoint"].get("channel_values") or {}
        return CheckpointTuple(
            {"configurable": {**place, "checkpoint_id": row["checkpoint_id"]}},
            cast(
                "Checkpoint",
                {**row["checkpoint"], "channel_values": {**inline, **self._load_blobs(row["channel_values"])}},
            ),
            row["metadata"],
            {"configurable": {**place, "checkpoint_id": parent}} if parent else None,
            self._load_writes(row["pending_writes"]),
        )

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Write a checkpoint."""
        thread, namespace, _ = _place(config)
        await self._write(lambda: self._put(config, checkpoint, metadata, new_versions))
        place = {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": checkpoint["id"]}
        return {"configurable": place}

    def _put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> tuple[str, Mapping[str, Any]]:
        thread, namespace, parent = _place(config)
        plain: dict[str, Any] = {}
        apart: dict[str, Any] = {}
        for name, value in checkpoint["channel_values"].items():
            (plain if value is None or isinstance(value, (str, int, float, bool)) else apart)[name] = value
        versions = {name: version for name, version in new_versions.items() if name in apart}
        blobs = self._dump_blobs(thread, namespace, apart, versions) if versions else []
        columns: Sequence[Sequence[Any]] = [*zip(*(blob[2:] for blob in blobs), strict=True)] or ([], [], [], [])
        values = {
            "thread": thread,
            "ns": namespace,
            "id": checkpoint["id"],
            "parent": parent,
            "checkpoint": Jsonb({**checkpoint, "channel_values": plain}),
            "metadata": Jsonb(get_serializable_checkpoint_metadata(config, metadata)),
            **{name: list(column) for name, column in zip(_BLOB_COLUMNS, columns, strict=True)},
        }
        return _PUT, values

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Write what a task wrote, beside the checkpoint that it started from."""
        await self._write(lambda: self._put_writes(config, writes, task_id, task_path))

    def _put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> tuple[str, Mapping[str, Any]]:
        thread, namespace, checkpoint_id = _place(config)
        rows = self._dump_writes(thread, namespace, checkpoint_id or "", task_id, task_path, writes)
        columns: Sequence[Sequence[Any]] = [*zip(*(row[5:] for row in rows), strict=True)] or ([], [], [], [])
        values = {
            "thread": thread,
            "ns": namespace,
            "id": checkpoint_id,
            "task": task_id,
            "path": task_path,
            **{name: list(column) for name, column in zip(_WRITE_COLUMNS, columns, strict=True)},
        }
        special = all(name in WRITES_IDX_MAP for name, _ in writes)
        return _PUT_WRITES + (_REPLACE if special else _KEEP), values

    async def release(self) -> None:
        """Write what was held."""
        held, self._held, self._hold = self._held, [], False
        for write in held:
            await self._write(write)

    async def _write(self, write: Callable[[], tuple[str, Mapping[str, Any]]]) -> None:
        """Execute what `write` returns; what is held, and seldom wanted in the end, is not even made a statement."""
        self._read.clear()
        if self._hold:
            self._held.append(write)
        else:
            self._empty = False
            await self._execute(*write())

    async def _execute(self, statement: str, values: Any) -> list[dict[str, Any]]:
        """Execute a statement that may be executed twice: a connection may turn out to be broken."""
        for is_last in (False, True):
            async with self._pool.connection() as connection:
                try:
                    async with connection.driver.cursor(binary=True, row_factory=dict_row) as cursor:
                        await cursor.execute(statement, values)
                        return await cursor.fetchall() if cursor.description else []
                except OperationalError:
                    if is_last or not connection.driver.closed:
                        raise
        raise AssertionError("unreachable")


_BLOB_COLUMNS = ("channels", "versions", "types", "blobs")
_WRITE_COLUMNS = ("places", "channels", "types", "blobs")


def _place(config: RunnableConfig) -> tuple[str, str, str | None]:
    values = config["configurable"]
    return values["thread_id"], values.get("checkpoint_ns", ""), values.get("checkpoint_id")
