"""Build steps of the sandbox image that talk to the engine: `python -m solvent.sandbox.images.build STEP`.

Steps: `check` (exit 0 up to date, 1 missing or old, 3 no engine), `packages` (print the Debian packages),
`import TAR` (make the image from a root filesystem), `build` (from the Dockerfile). scripts/sandbox_image.sh
calls them.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from solvent.sandbox.languages import image_packages
from solvent.settings import Settings

CONTENT_LABEL = "org.solvent.sandbox.content"
FOLDER = Path(__file__).resolve().parent
FORMAT = 1
"""Raise it when the script builds something else from the same packages."""


def content_id() -> str:
    """Return the hash of what goes into the image."""
    text = "\n".join([str(FORMAT), *image_packages(), (FOLDER / "Dockerfile").read_text(encoding="utf-8")])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def image_state(tag: str) -> str:
    """Return `current`, `old` or `missing`.

    Raises:
        docker.errors.DockerException: no engine answers.
    """
    import docker
    from docker.errors import ImageNotFound

    client = docker.from_env(timeout=30)
    try:
        labels = client.images.get(tag).labels
    except ImageNotFound:
        return "missing"
    finally:
        client.close()
    return "current" if labels.get(CONTENT_LABEL) == content_id() else "old"


def import_image(archive: Path, tag: str) -> None:
    """Make the image from a tar of a root filesystem. The image that had the tag before loses it and stays."""
    import docker

    repository, _, version = tag.rpartition(":")
    client = docker.from_env(timeout=600)
    try:
        changes = [f"LABEL {CONTENT_LABEL}={content_id()}", 'CMD ["/usr/bin/python3"]']
        answer = client.api.import_image(src=str(archive), repository=repository, tag=version, changes=changes)
        if '"error"' in str(answer):
            raise SystemExit(f"sandbox image: the engine refused the import: {answer}")
    finally:
        client.close()


def build_image(tag: str) -> None:
    """Build the image from the Dockerfile; the engine must be able to pull."""
    import docker
    from docker.errors import BuildError

    client = docker.from_env(timeout=1800)
    try:
        client.images.build(
            path=str(FOLDER),
            tag=tag,
            labels={CONTENT_LABEL: content_id()},
            buildargs={"PACKAGES": " ".join(image_packages())},
            rm=True,
        )
    except BuildError as error:
        raise SystemExit(f"sandbox image: the build failed: {error.msg}") from error
    finally:
        client.close()


def main(arguments: list[str]) -> int:
    """Run one step; return the exit code."""
    from docker.errors import DockerException

    tag = Settings().sandbox_image
    try:
        match arguments:
            case ["packages"]:
                sys.stdout.write(" ".join(image_packages()) + os.linesep)
            case ["check"]:
                state = image_state(tag)
                sys.stderr.write(f"sandbox image: {tag} is {state}\n")
                return 0 if state == "current" else 1
            case ["import", archive]:
                import_image(Path(archive), tag)
            case ["build"]:
                build_image(tag)
            case _:
                sys.stderr.write(f"{__doc__}\n")
                return 2
    except DockerException as error:
        sys.stderr.write(f"sandbox image: the engine failed: {error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
