"""`solvent serve`: the service's own processes."""

from __future__ import annotations

import click

from solvent.service.cli.options import load_settings
from solvent.service.cli.serving_options import drain_option, key_option, listening_options, require_packages


@click.group()
def serve() -> None:
    """Serve the HTTP interface, with workers or without."""


@serve.command("api")
@listening_options(8088)
@key_option
@click.option(
    "--no-redis",
    is_flag=True,
    help="Send no messages: workers find jobs when they look, and streams hear only of this process.",
)
@click.option("--max-body-mib", type=click.IntRange(1), default=64, show_default=True, help="Largest request.")
@click.option("--max-rows", type=click.IntRange(1), default=50_000, show_default=True, help="Problems of a request.")
@drain_option
def serve_api(
    host: str,
    port: int,
    require_key: bool | None,
    no_redis: bool,
    max_body_mib: int,
    max_rows: int,
    drain_s: int,
    access_log: bool,
) -> None:
    """Serve jobs and batches over HTTP (docs/http.md). It runs none of them: workers do.

    Settings come from the environment: SOLVENT_DATABASE_URL, SOLVENT_REDIS_URL, SOLVENT_MODEL, SOLVENT_CONFIG_DIR.
    """
    require_packages("solvent serve api", "fastapi", "uvicorn", "sse_starlette", extra="cluster")
    from solvent.service.http.door import Limits
    from solvent.service.http.gate import is_loopback
    from solvent.service.http.process import ApiOptions
    from solvent.service.http.process import serve as run

    options = ApiOptions(
        host=host,
        port=port,
        require_key=not is_loopback(host) if require_key is None else require_key,
        redis=not no_redis,
        drain_s=drain_s,
        access_log=access_log,
        limits=Limits(body_bytes=max_body_mib << 20, rows=max_rows),
    )

    def started(url: str) -> None:
        if not options.require_key:
            click.echo("no key is asked for, since only this machine can reach it (--require-key)", err=True)
        click.echo(f"serving the API at {url}")

    run(load_settings(), options, started)


@serve.command("all")
@listening_options(8088)
@key_option
@click.option(
    "--concurrency",
    "-c",
    type=click.IntRange(min=1),
    help="Jobs and trajectories at once. [default: 64, or SOLVENT_WORKER_TRAJECTORIES]",
)
@click.option("--sandbox", type=click.Choice(["auto", "docker", "local"]), help="Sandbox backend. [default: auto]")
def serve_everything(
    host: str, port: int, require_key: bool | None, concurrency: int | None, sandbox: str | None, access_log: bool
) -> None:
    """Serve jobs and batches over HTTP and work on them, in this process: no Redis, and SQLite by default.

    SIGTERM or Ctrl-C finishes the steps that are under way; what has not ended is gone on with at the next start.
    """
    require_packages("solvent serve all", "fastapi", "uvicorn", "sse_starlette", extra="cluster")
    from solvent.service.http.everything import serve_all
    from solvent.service.http.gate import is_loopback
    from solvent.service.http.process import ApiOptions

    settings = load_settings(sandbox=sandbox)
    keys = not is_loopback(host) if require_key is None else require_key
    options = ApiOptions(host=host, port=port, require_key=keys, redis=False, access_log=access_log)

    def started(url: str) -> None:
        if not keys:
            click.echo("no key is asked for, since only this machine can reach it (--require-key)", err=True)
        click.echo(f"serving the API and working at {url}")

    serve_all(settings, options, concurrency=concurrency or settings.worker_trajectories, started=started)
