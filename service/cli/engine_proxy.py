"""`solvent sandbox engine-proxy`: what of the Docker engine a worker may use, and no more."""

from __future__ import annotations

from pathlib import Path

import click

from solvent.service.cli.options import load_settings

DEFAULT_ENGINE = Path("/var/run/docker.sock")


@click.command("engine-proxy")
@click.option(
    "--listen",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Socket to serve at; workers use it as DOCKER_HOST=unix://PATH.",
)
@click.option(
    "--engine",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_ENGINE,
    show_default=True,
    help="The engine's own socket.",
)
@click.option("--memory-mb", type=click.IntRange(1), default=8192, show_default=True, help="Most memory of one box.")
@click.option("--boxes", type=click.IntRange(1), default=64, show_default=True, help="Most boxes at once.")
@click.option("--ping", "only_ping", is_flag=True, help="Only ask the one that runs at --listen whether it works.")
def engine_proxy(listen: Path, engine: Path, memory_mb: int, boxes: int, only_ping: bool) -> None:
    """Let workers use the Docker engine for boxes, and for nothing else.

    Whoever can speak to the engine can be root on its machine; whoever can speak to this can start boxes just as this
    version makes them (from SOLVENT_SANDBOX_IMAGE), use them and end them. docs/deploy.md says what it does not stop.
    """
    from solvent.sandbox.engine_proxy import ping, run
    from solvent.sandbox.engine_rules import Rules

    if only_ping:
        ping(listen)
        click.echo("ok")
        return
    settings = load_settings()
    runtimes = () if settings.sandbox_runtime is None else (settings.sandbox_runtime,)
    rules = Rules(images=(settings.sandbox_image,), memory_mb=memory_mb, boxes=boxes, runtimes=runtimes)
    run(listen, engine, rules, lambda: click.echo(f"boxes of {settings.sandbox_image} through {listen}"))
