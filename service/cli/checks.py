"""What `solvent doctor` looks at besides models and sandboxes: this process, its home, and servers of cluster mode."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from solvent.settings import Settings

State = Literal["ok", "degraded", "missing", "optional"]
LEAST_FREE_MB = 500
_PING_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Check:
    """One part. `optional`: it is not there, and nothing that is used now needs it."""

    part: str
    state: State
    detail: str
    remedy: str = ""


def check_python() -> Check:
    """Return the interpreter's state."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {cores} cores"
    if platform.system() != "Linux":
        return Check("python", "degraded", detail, "the local sandbox needs Linux; use Docker")
    return Check("python", "ok", detail)


def check_home(home: Path) -> Check:
    """Return whether jobs, checkpoints and artifacts can be kept in `home`."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
        free_mb = shutil.disk_usage(home).free >> 20
    except OSError as error:
        return Check("home", "missing", f"{home}: {error.strerror}", "set SOLVENT_HOME to a folder that can be written")
    if free_mb < LEAST_FREE_MB:
        return Check("home", "degraded", f"{home}, only {free_mb} MiB free", "free some disk space")
    return Check("home", "ok", f"{home}, {free_mb >> 10} GiB free")


async def check_store(settings: Settings) -> Check:
    """Return whether the database of this machine's jobs opens."""
    from solvent.errors import SolventError
    from solvent.workers.home import home_database, open_home

    try:
        await (await open_home(settings)).aclose()
    except SolventError as error:
        return Check("store", "missing", error.message, error.remedy or "set SOLVENT_HOME to another folder")
    return Check("store", "ok", f"SQLite {sqlite3.sqlite_version}, {home_database(settings)}")


def check_memory(home: Path, url: str | None) -> Check:
    """Return the concept memory's state; jobs need it only with a memory policy."""
    from importlib.util import find_spec

    if find_spec("chromadb") is None:
        return Check("memory", "optional", "Chroma is not installed (the extra `memory`): jobs run without concepts")
    if url is None:
        return Check("memory", "ok", f"Chroma embedded at {home / 'chroma'}, for one process at a time")
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port or 8000
    try:
        socket.create_connection((host, port), timeout=_PING_TIMEOUT_S).close()
    except OSError as error:
        said = f"nothing answers at {host}:{port} ({error}): jobs with a memory policy run without concepts"
        return Check("memory", "degraded", said, "start Chroma there, or correct SOLVENT_CHROMA_URL")
    return Check("memory", "ok", f"Chroma server at {host}:{port}")


def check_redis(url: str) -> Check:
    """Return whether a Redis server answers at `url`; embedded mode needs none."""
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port or 6379
    try:
        with socket.create_connection((host, port), timeout=_PING_TIMEOUT_S) as connection:
            connection.sendall(b"PING\r\n")
            answer = connection.recv(64)
    except OSError as error:
        return Check("redis", "optional", f"nothing answers at {host}:{port} ({error}); embedded mode needs none")
    if answer.startswith((b"+PONG", b"-NOAUTH")):
        return Check("redis", "ok", f"answers at {host}:{port}; embedded mode does not use it")
    return Check("redis", "optional", f"{host}:{port} answers, but not as Redis")
