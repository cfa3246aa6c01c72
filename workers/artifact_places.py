"""Where the settings keep artifacts: a folder, or a bucket."""

from __future__ import annotations

from solvent.artifacts import ArtifactBackend, FileArtifacts
from solvent.settings import Settings


def open_artifacts(settings: Settings) -> ArtifactBackend:
    """Return the artifact store of these settings; nothing is connected yet.

    Raises:
        ConfigError: the setting is wrong.
        DependencyError: a package that it needs is not installed.
    """
    if settings.artifacts_url is None:
        return FileArtifacts(settings.home / "artifacts")
    from solvent.workers.s3_artifacts import S3Artifacts

    return S3Artifacts(settings.artifacts_url)


def check_artifacts(artifacts: ArtifactBackend) -> None:
    """Store the empty text, so that a store which cannot be written to is found before a job is.

    Raises:
        StoreError: it cannot.
    """
    artifacts.put("")
