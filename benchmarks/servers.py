"""Private servers, for benchmarks and tests: Redis and PostgreSQL in folders of their own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from solvent.errors import ConfigError, DependencyError

_REMEDY = "scripts/setup_services.sh installs it"
_FIRST_PORT = 10_000


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    pid: int
    port: int
    password: str = ""

    @property
    def redis_url(self) -> str:
        """URL, where it is Redis."""
        return f"redis://127.0.0.1:{self.port}/0"

    def database_url(self, name: str = "postgres") -> str:
        """URL of a database, where it is PostgreSQL."""
        return f"postgresql://solvent:{self.password}@127.0.0.1:{self.port}/{name}"

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        import psycopg

        name = f"bench_{secrets.token_hex(6)}"
        with psycopg.connect(self.database_url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.database_url(name)


def free_port() -> int:
    """Return a port that nobody uses now.

    It is none of those that the system gives to connections: one of these could have it before the server listens, or
    while the server is down.
    """
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        first = 0
    for _ in range(100 if first > _FIRST_PORT else 0):
        port = _FIRST_PORT + secrets.randbelow(first - _FIRST_PORT)
        with suppress(OSError):
            return _bound(port)
    return _bound(0)


def _bound(port: int) -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        return int(probe.getsockname()[1])


def redis_program() -> str | None:
    """Return the path of Redis's server, None where it is not installed."""
    return shutil.which("redis-server")


def redis_command(folder: Path, port: int, *options: str, host: str = "127.0.0.1") -> list[str]:
    """Return what runs Redis with its files in a folder, without snapshots.

    Raises:
        ConfigError: it is not installed.
    """
    program = redis_program()
    if program is None:
        raise ConfigError("redis-server is not installed", remedy=_REMEDY)
    return [program, "--bind", host, "--port", str(port), "--dir", str(folder), "--save", "", *options]


def postgres_programs() -> Path | None:
    """Return the folder of initdb and postgres, None where they are not installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    # Debian keeps them off the PATH.
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def postgres_user() -> str | None:
    """Return who runs PostgreSQL, which refuses to run as root; None for whoever runs this."""
    return pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None


def make_postgres(folder: Path, *options: str) -> str:
    """Make an empty PostgreSQL in an existing folder; returns the password of its user `solvent`.

    Args:
        folder: given to `postgres_user`.
        options: further ones of `initdb`.

    Raises:
        ConfigError: it is not installed.
    """
    programs = postgres_programs()
    if programs is None:
        raise ConfigError("PostgreSQL is not installed", remedy=_REMEDY)
    password, user = secrets.token_hex(16), postgres_user()
    file = folder / "password"
    file.write_text(password)
    if user is not None:
        for path in (folder, file):
            shutil.chown(path, user)
    made = ["-D", str(folder / "data"), "-U", "solvent", "--pwfile", str(file), "--auth=scram-sha-256"]
    subprocess.run(
        [str(programs / "initdb"), *made, "--encoding=UTF8", "--locale=C", "--no-instructions", *options],
        check=True,
        capture_output=True,
        user=user,
        cwd=folder,
    )
    return password


def postgres_command(folder: Path, port: int, *, host: str = "127.0.0.1", **settings: str) -> list[str]:
    """Return what runs a PostgreSQL that `make_postgres` made, with further settings."""
    programs = postgres_programs()
    if programs is None:
        raise ConfigError("PostgreSQL is not installed", remedy=_REMEDY)
    given = {
        "listen_addresses": host,
        "port": port,
        "unix_socket_directories": folder,
        "max_connections": 200,
        "log_min_messages": "warning",
        **settings,
    }
    options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
    return [str(programs / "postgres"), "-D", str(folder / "data"), *options]


@contextmanager
def redis(folder: Path) -> Iterator[Server]:
    """Run Redis, which writes its log every second.

    Raises:
        ConfigError: it is not installed.
        DependencyError: it does not start.
    """
    port = free_port()
    command = redis_command(folder, port, "--appendonly", "yes")
    folder.mkdir()
    with _running(command, "eady to accept connections", folder) as pid:
        yield Server(pid, port)


@contextmanager
def postgres(folder: Path) -> Iterator[Server]:
    """Run PostgreSQL as Debian configures it: each commit waits for the disk.

    Raises:
        ConfigError: it is not installed.
        DependencyError: it does not start.
    """
    folder.mkdir()
    password, port = make_postgres(folder), free_port()
    command = postgres_command(folder, port)
    with _running(command, "ready to accept connections", folder, user=postgres_user()) as pid:
        yield Server(pid, port, password)


@contextmanager
def _running(command: Sequence[str], ready: str, folder: Path, *, user: str | None = None) -> Iterator[int]:
    log = folder / "log"
    with log.open("w") as written:
        if user is not None:
            shutil.chown(log, user)
        environment = {**os.environ, "LC_ALL": "C"}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, user=user, env=environment
        ) as process:
            output = process.stdout
            assert output is not None
            for line in output:
                written.write(line)
                if ready in line:
                    break
            else:
                written.flush()
                raise DependencyError(f"{command[0]} did not start: {log.read_text()[-500:]}")
            reader = threading.Thread(target=lambda: written.writelines(output))
            reader.start()
            try:
                yield process.pid
            finally:
                process.terminate()
                reader.join()
