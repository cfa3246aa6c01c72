"""Which calls of the Docker engine's API pass the proxy that stands between workers and the engine. Pure.

A box can be created just as this version creates boxes, and boxes can be attached to, started, inspected, listed and
removed. All else is refused: images, volumes, networks, exec, files, other containers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from solvent.sandbox.container import LABEL, NAME, OWNER_LABEL, container_options

_VERSIONED = re.compile(r"(?P<version>/v1\.\d{1,3})?(?P<path>/.*)")
_CONTAINER = re.compile(rf"/containers/(?P<name>{NAME.pattern})(?:/(?P<verb>json|start|attach))?")
_OWNER = re.compile(r"[0-9a-f-]{36}/\d{1,20}:\d{1,10}:\d{0,20}")
_DEFAULT_VERSION = "/v1.41"
_LISTED = quote(json.dumps({"label": [LABEL]}))


class RefusedError(Exception):
    """A call that does not pass; the message says why."""


@dataclass(frozen=True)
class Rules:
    """What boxes may be.

    Attributes:
        images: Names of the images that boxes may be made from.
        memory_mb: Most memory of one box.
        boxes: Most boxes at once.
        runtimes: OCI runtimes that a box may ask for, beside the engine's own.
    """

    images: tuple[str, ...]
    memory_mb: int = 8192
    boxes: int = 64
    runtimes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """A call as it is sent to the engine: written anew, so that nothing of the client's passes unread."""

    method: str
    target: str
    body: bytes | None = None
    image: str | None = None
    """Of a creation: the id of the image, which the proxy compares with those of the rules' names."""
    upgrades: bool = False
    """After it, the connection carries a box's streams."""


def read_call(method: str, target: str, body: bytes, rules: Rules) -> Call:
    """Return the call to make for a client's.

    Raises:
        RefusedError: it does not pass.
    """
    if not (target.isascii() and target.isprintable()):
        raise RefusedError("not a path of the engine's API")
    parts = urlsplit(target)
    versioned = _VERSIONED.fullmatch(parts.path)
    if versioned is None or parts.scheme or parts.netloc:
        raise RefusedError("not a path of the engine's API")
    version, path = versioned["version"] or "", versioned["path"]
    if method in {"GET", "HEAD"} and path == "/_ping":
        return Call(method, f"{version}/_ping")
    if method == "GET" and path == "/version":
        return Call(method, f"{version}/version")
    if method == "GET" and path == "/containers/json":
        return list_boxes(version)
    if method == "GET" and path.startswith("/images/") and path.endswith("/json"):
        return _image(version, path, rules)
    if method == "POST" and path == "/containers/create":
        return _create(version or _DEFAULT_VERSION, parts.query, body, rules)
    if found := _CONTAINER.fullmatch(path):
        return _of_box(method, version, found["name"], found["verb"])
    raise RefusedError(f"{method} {path[:200]} is no call that the sandbox makes")


def list_boxes(version: str = "") -> Call:
    """Return the call that lists boxes, whatever a client wants to see."""
    return Call("GET", f"{version}/containers/json?all=1&filters={_LISTED}")


def inspect_image(name: str) -> Call:
    """Return the call that tells an image's id."""
    return Call("GET", f"/images/{quote(name, safe='/:@')}/json")


def _image(version: str, path: str, rules: Rules) -> Call:
    name = unquote(path.removeprefix("/images/").removesuffix("/json"))
    if name not in rules.images:
        raise RefusedError(f"the image {name[:200]!r} is none of the sandbox's ({', '.join(rules.images)})")
    call = inspect_image(name)
    return Call("GET", version + call.target)


def _of_box(method: str, version: str, name: str, verb: str | None) -> Call:
    path = f"{version}/containers/{name}"
    match method, verb:
        case "GET", "json":
            return Call("GET", f"{path}/json")
        case "POST", "start":
            return Call("POST", f"{path}/start")
        case "POST", "attach":
            return Call("POST", f"{path}/attach?stdin=1&stdout=1&stderr=1&stream=1", upgrades=True)
        case "DELETE", None:
            return Call("DELETE", f"{path}?v=1&force=1")
    raise RefusedError(f"{method} {verb or ''} of a container is no call that the sandbox makes")


def _create(version: str, query: str, body: bytes, rules: Rules) -> Call:
    names = parse_qs(query, keep_blank_values=True)
    name = names.pop("name", [""])
    if names or len(name) != 1 or not NAME.fullmatch(name[0]):
        raise RefusedError("a box has a name of the sandbox's and no other parameter")
    try:
        wanted = json.loads(body)
    except ValueError:
        raise RefusedError("the container's options are no JSON") from None
    if not isinstance(wanted, dict):
        raise RefusedError("the container's options are no object")
    image, expected = _expected(version, wanted, rules)
    different = sorted(_differences(wanted, expected))
    if different:
        raise RefusedError(f"not a box as this version makes them: {', '.join(different)[:500]}")
    return Call("POST", f"{version}/containers/create?name={name[0]}", json.dumps(expected).encode(), image=image)


def _expected(version: str, wanted: dict[str, Any], rules: Rules) -> tuple[str, dict[str, Any]]:
    """Return the image's id and all options of the box that `wanted` must be, from the few that are free."""
    from docker.types import ContainerConfig, HostConfig

    host, labels = wanted.get("HostConfig"), wanted.get("Labels")
    host, labels = host if isinstance(host, dict) else {}, labels if isinstance(labels, dict) else {}
    image, memory, runtime, owner = (
        wanted.get("Image"),
        host.get("Memory"),
        host.get("Runtime"),
        labels.get(OWNER_LABEL),
    )
    if not isinstance(image, str) or not re.fullmatch(r"sha256:[0-9a-f]{64}", image):
        raise RefusedError("the image is not named by its id")
    if type(memory) is not int or memory % (1 << 20) or not 0 < memory <= rules.memory_mb << 20:
        raise RefusedError(f"a box has memory of 1 to {rules.memory_mb} MB")
    if runtime is not None and runtime not in rules.runtimes:
        raise RefusedError(f"the runtime {str(runtime)[:100]!r} is not among the permitted ones")
    if not isinstance(owner, str) or not _OWNER.fullmatch(owner):
        raise RefusedError("the box does not say whose it is")
    options = container_options(memory >> 20, owner, runtime)
    number = version.removeprefix("/v")
    config = ContainerConfig(number, image, **options["container"], host_config=HostConfig(number, **options["host"]))
    return image, json.loads(json.dumps(config))


def _differences(wanted: dict[str, Any], expected: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the names of options that are not as expected; an option that is absent is as good as null."""
    found = set()
    for name in wanted.keys() | expected.keys():
        given, due = wanted.get(name), expected.get(name)
        if isinstance(given, dict) and isinstance(due, dict) and not prefix:
            found |= _differences(given, due, f"{name}.")
        elif given != due or type(given) is not type(due):
            found.add(f"{prefix}{name}"[:100])
    return found
