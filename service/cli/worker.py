"""`solvent worker`: works on the jobs of the service."""

from __future__ import annotations

import click

from solvent.service.cli.options import load_settings

_PACKAGES = ("celery", "redis", "sqlalchemy", "alembic", "psycopg", "aiosqlite")
_QUEUES = ("maintenance", "interactive", "trajectories", "batch", "memory")


@click.command()
@click.option(
    "--concurrency",
    "-c",
    type=click.IntRange(min=1),
    help="Jobs and trajectories at once. [default: 64, or SOLVENT_WORKER_TRAJECTORIES]",
)
@click.option(
    "--queue",
    "-q",
    "queues",
    multiple=True,
    type=click.Choice(_QUEUES),
    help="Take messages of this queue only; may be repeated. [default: all]",
)
@click.option("--name", default="solvent", show_default=True, help="Beginning of the worker's name in the broker.")
@click.option("--sandbox", type=click.Choice(["auto", "docker", "local"]), help="Sandbox backend. [default: auto]")
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="Serve /live and /metrics at this port; 0 takes any. [default: SOLVENT_WORKER_METRICS_PORT, or none]",
)
@click.option("--metrics-host", help="Address of that port. [default: 127.0.0.1, or SOLVENT_WORKER_METRICS_HOST]")
@click.pass_context
def worker(
    ctx: click.Context,
    concurrency: int | None,
    queues: tuple[str, ...],
    name: str,
    sandbox: str | None,
    metrics_port: int | None,
    metrics_host: str | None,
) -> None:
    """Work on the jobs of the service until a signal stops it.

    Jobs and leases are in the database (SOLVENT_DATABASE_URL), messages come over Redis (SOLVENT_REDIS_URL). Any
    number of workers may run, on any number of machines that share the artifacts (SOLVENT_ARTIFACTS_URL, SOLVENT_HOME).

    The first SIGTERM or Ctrl-C finishes the steps that are under way and hands the rest back; a second one stops at
    once. Exit codes: 0 stopped in order, 2 configuration, 3 database or Redis do not answer, 143 stopped at once.
    """
    import logging
    from importlib.util import find_spec

    from solvent.errors import DependencyError

    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise DependencyError(f"`solvent worker` needs {', '.join(missing)}", remedy="pip install 'solvent[cluster]'")
    from solvent.workers.artifact_places import open_artifacts
    from solvent.workers.database import service_url
    from solvent.workers.messages import QUEUES
    from solvent.workers.sql.engine import read_url, shown
    from solvent.workers.worker import WorkerOptions, WorkerProcess

    settings = load_settings(sandbox=sandbox, worker_metrics_port=metrics_port, worker_metrics_host=metrics_host)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    options = WorkerOptions(concurrency=concurrency or settings.worker_trajectories, queues=queues or QUEUES, name=name)
    click.echo(f"jobs and leases: {shown(read_url(service_url(settings)))}")
    click.echo(f"messages: queues {', '.join(options.queues)} of {_without_password(settings.redis_url)}")
    click.echo(f"artifacts: {open_artifacts(settings).name}")
    click.echo(f"at most {options.concurrency} jobs and trajectories at once")
    ctx.exit(WorkerProcess(settings, options, _say).run())


def _say(line: str) -> None:
    click.echo(line)


def _without_password(url: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    place = parts.hostname or "localhost"
    return f"{parts.scheme}://{place}{f':{parts.port}' if parts.port else ''}{parts.path}"
