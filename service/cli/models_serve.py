"""`solvent models serve`: the bundled model behind OpenAI's HTTP interface."""

from __future__ import annotations

import click

from solvent.service.cli.options import load_settings
from solvent.service.cli.serving_options import drain_option, listening_options, require_packages

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@click.command("serve")
@click.argument("name", default="starter")
@listening_options(8089)
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
@drain_option
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
    from solvent.errors import ConfigError
    from solvent.models.registry import load_profile

    profile = load_profile(name, load_settings())
    if profile.backend != "starter":
        raise ConfigError(
            f"profile {profile.name}: only models of the backend starter are served here, not {profile.backend}",
            remedy="serve other models with vLLM: `vllm serve MODEL`",
        )
    require_packages("solvent models serve", "starlette", "uvicorn", extra="serve")
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
