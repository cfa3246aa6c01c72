"""Steps of building the sandbox's root file system and image: `python -m solvent.sandbox.images.build STEP`.

    state          print `root WORD` and `image WORD`: current, old, missing, or (image) no-engine
    id             print the content id
    store          print the folder of the unpacked roots
    base           print the folder of a root that only needs another supervisor; exit 1 where there is none
    context DIR    write what the build needs into an empty folder
    import         make the Docker image from a tar of the root file system on standard input
    build CONTEXT  make it from the Dockerfile, for engines that can pull
    export         write the root file system of the Docker image to standard output, as a tar
    tidy ID        remove roots of other content than ID that nobody uses
    sbom           print the software bill of materials (CycloneDX JSON) of the root, else of the image

scripts/sandbox_image.sh calls them. SOLVENT_SANDBOX_LANGUAGES chooses the languages.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from solvent.errors import SolventError
from solvent.sandbox.images import content, roots
from solvent.settings import Settings

CONTENT_LABEL = "org.solvent.sandbox.content"
COMMAND = '["/solvent/supervisor"]'
_SBOM = "solvent/sbom.json"


@contextmanager
def _engine(timeout_s: int) -> Iterator[Any]:
    import docker

    client = docker.from_env(timeout=timeout_s)
    try:
        yield client
    finally:
        client.close()


def image_state(tag: str) -> str:
    """Return `current`, `old`, `missing` or `no-engine`."""
    from docker.errors import DockerException, ImageNotFound

    try:
        with _engine(30) as client:
            labels = client.images.get(tag).labels or {}
    except ImageNotFound:
        return "missing"
    except DockerException:
        return "no-engine"
    return "current" if labels.get(CONTENT_LABEL) == content.content_id(content.chosen_languages()) else "old"


def import_image(archive: Any, tag: str) -> None:
    """Make the image from a stream of a tar. The image that had the tag before is removed unless it is in use."""
    repository, _, version = tag.rpartition(":")
    with _engine(600) as client, _replacing(client, tag):
        changes = [f"LABEL {CONTENT_LABEL}={content.content_id(content.chosen_languages())}", f"CMD {COMMAND}"]
        answer = client.api.import_image_from_stream(archive, repository=repository, tag=version, changes=changes)
        if '"error"' in str(answer):
            raise SystemExit(f"sandbox image: the engine refused the import: {answer}")


def build_image(context: Path, tag: str) -> None:
    """Build the image from the Dockerfile; the engine must be able to pull."""
    from docker.errors import BuildError

    with _engine(1800) as client, _replacing(client, tag):
        try:
            client.images.build(
                path=str(context),
                tag=tag,
                labels={CONTENT_LABEL: content.content_id(content.chosen_languages())},
                buildargs={"PACKAGES": " ".join(content.packages(content.chosen_languages()))},
                rm=True,
            )
        except BuildError as error:
            raise SystemExit(f"sandbox image: the build failed: {error.msg}") from error


def export_image(tag: str, out: Any) -> None:
    """Write the root file system of the image as a tar."""
    with _engine(600) as client:
        container = client.api.create_container(tag)["Id"]
        try:
            for part in client.api.export(container):
                out.write(part)
        finally:
            client.api.remove_container(container)


def sbom(tag: str) -> str:
    """Return the bill of materials of the root that bubblewrap uses, else of the image.

    Raises:
        SandboxUnavailable: SOLVENT_SANDBOX_ROOT names no root.
    """
    root = roots.find_root()
    if root is not None:
        return (root / _SBOM).read_text(encoding="utf-8")
    if image_state(tag) in ("missing", "no-engine"):
        raise SystemExit("sandbox image: neither a root file system nor an image is there (make sandbox-image)")
    with _engine(600) as client, tempfile.TemporaryFile() as kept:
        container = client.api.create_container(tag)["Id"]
        try:
            for part in client.api.get_archive(container, f"/{_SBOM}")[0]:
                kept.write(part)
        finally:
            client.api.remove_container(container)
        kept.seek(0)
        with tarfile.open(fileobj=kept) as archive:
            file = archive.extractfile(Path(_SBOM).name)
            if file is None:
                raise SystemExit(f"sandbox image: {tag} holds no {_SBOM}")
            return file.read().decode()


@contextmanager
def _replacing(client: Any, tag: str) -> Iterator[None]:
    """Remove the image that had this tag before, once there is a new one and if no container uses it."""
    from docker.errors import APIError, ImageNotFound

    try:
        before = client.images.get(tag).id
    except ImageNotFound:
        before = None
    yield
    if before is not None and client.images.get(tag).id != before:
        try:
            client.images.remove(before)
        except (APIError, ImageNotFound) as error:
            sys.stderr.write(f"sandbox image: the image before stays: {error}\n")


def main(arguments: list[str]) -> int:
    """Run one step; return the exit code."""
    from docker.errors import DockerException

    try:
        return _step(arguments, Settings().sandbox_image)
    except DockerException as error:
        sys.stderr.write(f"sandbox image: the engine failed: {error}\n")
    except SolventError as error:
        sys.stderr.write(f"sandbox image: {error}\n")
    return 3


def _step(arguments: list[str], tag: str) -> int:
    chosen = content.chosen_languages()
    match arguments:
        case ["state"]:
            found = "missing" if roots.find_chosen() is None else "current"
            sys.stdout.write(f"root {found}\nimage {image_state(tag)}\n")
        case ["id"]:
            sys.stdout.write(f"{content.content_id(chosen)}\n")
        case ["store"]:
            sys.stdout.write(f"{roots.own_store()}\n")
        case ["base"]:
            base = roots.find_base(content.base_id(chosen))
            if base is None:
                return 1
            sys.stdout.write(f"{base}\n")
        case ["context", folder]:
            content.write_context(Path(folder), chosen)
        case ["import"]:
            import_image(sys.stdin.buffer, tag)
        case ["build", folder]:
            build_image(Path(folder), tag)
        case ["export"]:
            export_image(tag, sys.stdout.buffer)
        case ["tidy", keep]:
            for root in roots.remove_others(keep):
                sys.stderr.write(f"sandbox image: removed {root}\n")
        case ["sbom"]:
            sys.stdout.write(sbom(tag))
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
