"""Private servers of Redis, PostgreSQL and Chroma: own folder, own port, killed and started again as a test likes."""

from __future__ import annotations

import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from pathlib import Path

from solvent.benchmarks.servers import free_port, make_postgres, postgres_command, postgres_user, redis_command

START_TIMEOUT_S = 60.0


def chroma_program() -> str | None:
    """Chroma's own command, from the extra `memory`; it may lie beside this Python and off the PATH."""
    beside = Path(sys.executable).with_name("chroma")
    return str(beside) if beside.is_file() else shutil.which("chroma")


class PrivateServer(ABC):
    """A server process in a folder of its own. It says in its log when it is ready, so nothing polls."""

    ready = ""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.folder = Path(tempfile.mkdtemp(prefix="solvent-test-"))
        self.port = free_port()
        self.log: deque[str] = deque(maxlen=400)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @abstractmethod
    def command(self) -> list[str]: ...

    @property
    def user(self) -> str | None:
        """Who runs it; None for whoever runs the tests."""
        return None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Start it and return when it answers."""
        assert self._process is None, "the server is running"
        is_ready = threading.Event()
        process = subprocess.Popen(
            self.command(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=self.folder,
            user=self.user,
            env={**os.environ, "LC_ALL": "C"},
        )

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                self.log.append(line)
                if self.ready in line:
                    is_ready.set()
            is_ready.set()

        self._process = process
        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        if not is_ready.wait(START_TIMEOUT_S) or process.poll() is not None:
            self.kill()
            raise AssertionError(f"{type(self).__name__} did not start:\n{''.join(self.log)}")

    def kill(self) -> None:
        """SIGKILL it and all that it started; return when they are gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and wait for it."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """SIGKILL and start again on the same port with what it had on disk."""
        self.kill()
        self.start()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        children = [] if number is signal.SIGTERM else _children(process.pid)
        process.send_signal(number)
        for pidfd in children:
            try:
                signal.pidfd_send_signal(pidfd, number)
            except ProcessLookupError:
                pass
            else:
                select.select([pidfd], [], [])
            finally:
                os.close(pidfd)
        process.wait(START_TIMEOUT_S)
        assert self._reader is not None
        assert process.stdout is not None
        self._reader.join()
        process.stdout.close()

    def remove(self) -> None:
        """End it at once and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _children(pid: int) -> list[int]:
    """Return pidfds of a process's children; a PostgreSQL that still has one cannot start again."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []  # It ended by itself: why is in its log.
    found = []
    for child in listed.split():
        try:
            found.append(os.pidfd_open(int(child)))
        except ProcessLookupError:
            continue
    return found


class RedisServer(PrivateServer):
    """Redis; what it acknowledged survives `kill` unless `durable` is False."""

    ready = "Ready to accept connections"

    def __init__(self, *, durable: bool = True, host: str = "127.0.0.1") -> None:
        super().__init__(host)
        self.durable = durable

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    def command(self) -> list[str]:
        kept = ["--appendonly", "yes", "--appendfsync", "always"] if self.durable else ["--appendonly", "no"]
        # Without a password it otherwise refuses whoever does not come over the loopback.
        return redis_command(self.folder, self.port, "--protected-mode", "no", *kept, host=self.host)

    def lose_data(self) -> None:
        """SIGKILL it, delete what it had on disk, and start it empty."""
        self.kill()
        for kept in self.folder.iterdir():
            if kept.is_dir():
                shutil.rmtree(kept)
            else:
                kept.unlink()
        self.start()


class PostgresServer(PrivateServer):
    """PostgreSQL with a password. It does not wait for the disk: that matters when a machine dies, not a process."""

    ready = "database system is ready to accept connections"
    owner = "solvent"

    def __init__(self) -> None:
        super().__init__()
        self.password = make_postgres(self.folder, "--no-sync")

    @property
    def user(self) -> str | None:
        return postgres_user()

    def command(self) -> list[str]:
        settings = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB"}
        return postgres_command(self.folder, self.port, host=self.host, **settings)

    def url(self, database: str = "postgres", *, driver: str = "postgresql+psycopg") -> str:
        return f"{driver}://{self.owner}:{self.password}@{self.host}:{self.port}/{database}"

    def create_database(self, *, template: str = "template1") -> str:
        """Create a database and return its name."""
        import psycopg

        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url(driver="postgresql"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        import psycopg

        with psycopg.connect(self.url(driver="postgresql"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


class ChromaServer(PrivateServer):
    """Chroma's server; what it has written survives `kill` and `restart`."""

    ready = "server listening on"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def command(self) -> list[str]:
        program = chroma_program()
        assert program is not None
        return [program, "run", "--path", str(self.folder / "data"), "--host", self.host, "--port", str(self.port)]

    def start(self) -> None:
        """Start it and return when it answers: it says that it listens a moment before it does."""
        super().start()
        for _ in range(200):
            try:
                socket.create_connection((self.host, self.port), timeout=5).close()
            except ConnectionRefusedError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("Chroma says that it listens, and does not")

    def lose_data(self) -> None:
        """SIGKILL it, delete what it had on disk, and start it empty."""
        self.kill()
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.start()
