"""Single statements that read SQLite, in one step: what a search does many times a second costs less so.

SQLAlchemy's asyncio engine goes to the driver's thread and back six times for one such statement.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.dialects.sqlite import dialect

BUSY_S = 30.0
_DIALECT = dialect(paramstyle="named")


class SqliteReader:
    """A connection of its own that only reads. Safe for concurrent use on one event loop.

    Args:
        path: of the database, which is there.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="sqlite-reader")
        self._connection: sqlite3.Connection | None = None
        self._texts: dict[Executable, tuple[str, Mapping[str, Any]]] = {}

    async def rows(self, statement: Executable, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that lives as long as the process, as they were at one moment.

        Raises:
            sqlite3.Error: the database cannot be read.
        """
        known = self._texts.get(statement)
        if known is None:
            compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]  # all that are executed have it
            known = self._texts[statement] = str(compiled), dict(compiled.params)
        text, fixed = known
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._read, text, {**fixed, **values})

    def _read(self, text: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            connection = sqlite3.connect(
                self._path, timeout=BUSY_S, isolation_level=None, cached_statements=32, check_same_thread=False
            )
            connection.execute("PRAGMA query_only=ON")
            self._connection = connection
        return self._connection.execute(text, values).fetchall()

    async def aclose(self) -> None:
        """Close the connection; safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.to_thread(connection.close)
        self._executor.shutdown(wait=False)
