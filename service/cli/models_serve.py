"""`solvent models serve`: the bundled model behind OpenAI's HTTP interface."""

from __future__ import annotations

import click

from solvent.service.cli.options import load_settings

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@click.command("serve")
@click.argument("name", default="starter")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8089, show_default=True, help="0 takes any that is free."
)
@click.option("--threads", type=click.IntRange(1), help="Threads of the engine. [default: the profile's]")
@click.option("--max-running", type=click.IntRange(1), help="Samples decoded at once. [default: the profile's]")
@click.option(
    "--max-waiting",
    type=click.IntRange(0),
    default=256,
    show_default=True,
    help="Samples that may wait beside those; beyond, requests are refused with 429.",
)
@click.option("--served-name", "names", multiple=True, help="Name that requests give the model; may be repeated.")
@click.option("--api-key-env", metavar="VARIABLE", help="Environment variable with the key that requests must bring.")
@click.option("--max-body-kib", type=click.IntRange(1), default=1024, show_default=True, help="Largest request.")
@click.option(
    "--drain-s",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    help="How long running requests may go on after SIGTERM or Ctrl-C.",
)
@click.option("--access-log", is_flag=True, help="Log each request on standard error.")
def serve_model(
    name: str,
    host: str,
    port: int,
    threads: int | None,
    max_running: int | None,
    max_waiting: int,
    names: tuple[str, ...],
    api_key_env: str | None,
    max_body_kib: int,
    drain_s: int,
    access_log: bool,
) -> None:
    """Serve a profile of the backend starter with OpenAI's interface (chat and completions) over HTTP.

    Other models have servers of their own, such as vLLM; docs/models.md says what this one takes.
    """
    from importlib.util import find_spec

    from solvent.errors import ConfigError, DependencyError
    from solvent.models.registry import load_profile

    profile = load_profile(name, load_settings())
    if profile.backend != "starter":
        raise ConfigError(
            f"profile {profile.name}: only models of the backend starter are served here, not {profile.backend}",
            remedy="serve other models with vLLM: `vllm serve MODEL`",
        )
    missing = [package for package in ("starlette", "uvicorn") if find_spec(package) is None]
    if missing:
        raise DependencyError(
            f"`solvent models serve` needs {' and '.join(missing)}", remedy="pip install 'solvent[serve]'"
        )
    key = _key(api_key_env)
    if key is None and host not in _LOOPBACK:
        click.echo(f"warning: {host} can be reached from elsewhere, and no key is asked for (--api-key-env)", err=True)
    from solvent.models.serving.app import Limits
    from solvent.models.serving.process import ServeOptions, serve

    changes = {"threads": threads, "concurrency": max_running}
    profile = profile.model_copy(update={field: value for field, value in changes.items() if value is not None})
    options = ServeOptions(
        host=host,
        port=port,
        names=names,
        api_key=key,
        drain_s=drain_s,
        access_log=access_log,
        limits=Limits(waiting=max_waiting, body_bytes=max_body_kib << 10),
    )
    serve(profile, options, lambda url: click.echo(f"serving {profile.name} at {url}"))


def _key(variable: str | None) -> str | None:
    import os

    from solvent.errors import ConfigError

    if variable is None:
        return None
    key = os.environ.get(variable)
    if not key:
        raise ConfigError(f"the environment variable {variable} is not set", remedy="set it to the key")
    return key
