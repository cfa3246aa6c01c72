"""The command that starts the vLLM which a profile is made for."""

from __future__ import annotations

import shlex
from urllib.parse import urlsplit

from solvent.models.profiles import ModelProfile

DEFAULT_PORT = 8000
"""Where `vllm serve` listens if it is not told (vLLM's documentation, "OpenAI-Compatible Server")."""


def serve_arguments(profile: ModelProfile) -> list[str]:
    """Return the arguments behind `vllm`, or none where the profile does not say how it is served.

    The model, the port and the context length are the profile's own; a profile that takes whatever model the endpoint
    serves has MODEL in its place. Of several endpoints no port is given, since each has its own.
    """
    if not profile.serve:
        return []
    arguments = ["serve", profile.model or "MODEL"]
    port = urlsplit(profile.base_url).port if profile.base_url else None
    if port not in {None, DEFAULT_PORT}:
        arguments += ["--port", str(port)]
    return [*arguments, "--max-model-len", str(profile.context_tokens), *profile.serve]


def serve_command(profile: ModelProfile) -> str | None:
    """Return a command line to paste into a shell, one option a line; None where the profile has no `serve`."""
    arguments = serve_arguments(profile)
    if not arguments:
        return None
    lines = ["vllm " + shlex.join(arguments[:2])]
    for argument in arguments[2:]:
        if argument.startswith("-"):
            lines.append("  " + shlex.quote(argument))
        else:
            lines[-1] += " " + shlex.quote(argument)
    return " \\\n".join(lines)
