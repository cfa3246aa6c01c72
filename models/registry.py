"""From the name of a model profile to a model."""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from solvent.errors import ConfigError
from solvent.models.base import ChatModel
from solvent.models.profiles import ModelProfile, read_profile
from solvent.settings import Settings

BACKENDS = {
    "starter": "solvent.models.starter.model:open_starter",
    "openai": "solvent.models.openai:open_openai",
    "scripted": "solvent.models.script_file:open_scripted",
}
"""Function of each backend that takes a profile and returns a ChatModel; imported on use."""


@dataclass(frozen=True)
class ProfileEntry:
    """A profile that was found; `profile` is None where `problem` says what is wrong with the file."""

    name: str
    path: Path
    profile: ModelProfile | None
    problem: str | None = None


def profile_folders(settings: Settings | None = None) -> list[Path]:
    """Return the directories that profiles are looked up in, the first first."""
    settings = settings or Settings()
    own = [] if settings.config_dir is None else [settings.config_dir / "models"]
    shipped = importlib.import_module("solvent.configs").__path__
    return own + [Path(folder) / "models" for folder in shipped]


def list_profiles(settings: Settings | None = None) -> list[ProfileEntry]:
    """Return every profile by name; a file of the user hides one of the same name that ships with the package."""
    paths: dict[str, Path] = {}
    for folder in profile_folders(settings):
        for path in sorted(folder.glob("*.toml")):
            paths.setdefault(path.stem, path)
    entries = []
    for name, path in sorted(paths.items()):
        try:
            entries.append(ProfileEntry(name, path, _read(path)))
        except ConfigError as error:
            entries.append(ProfileEntry(name, path, None, str(error)))
    return entries


def load_profile(name: str | Path, settings: Settings | None = None) -> ModelProfile:
    """Return a profile by name, or by the path of its file (anything with a "/" or the ending .toml).

    Raises:
        ConfigError: there is none of that name (the message lists those there are), or its file is malformed.
    """
    if isinstance(name, Path) or name.endswith(".toml") or "/" in name:
        return _read(Path(name))
    folders = profile_folders(settings)
    for folder in folders:
        path = folder / f"{name}.toml"
        if path.is_file():
            return _read(path)
    known = sorted({path.stem for folder in folders for path in folder.glob("*.toml")})
    raise ConfigError(f"there is no model profile {name!r}{_near(name, known)}", remedy=f"known: {', '.join(known)}")


def open_model(profile: ModelProfile) -> ChatModel:
    """Return the model of a profile, ready for requests; close it with `aclose`.

    Raises:
        ConfigError: the backend is unknown, or what it needs of the profile or the environment is not there.
        DependencyError: the backend cannot run here.
    """
    module, _, function = _backend(profile).partition(":")
    return cast(ChatModel, getattr(importlib.import_module(module), function)(profile))


def _read(path: Path) -> ModelProfile:
    profile = read_profile(path)
    if profile.name != path.stem:
        raise ConfigError(f"{path}: field name: {profile.name!r} is not the file's name {path.stem!r}")
    try:
        _backend(profile)
    except ConfigError as error:
        raise ConfigError(f"{path}: field backend: {error.message}", remedy=error.remedy) from None
    return profile


def _backend(profile: ModelProfile) -> str:
    if profile.backend not in BACKENDS:
        near = _near(profile.backend, list(BACKENDS))
        raise ConfigError(
            f"there is no model backend {profile.backend!r}{near}", remedy=f"known: {', '.join(BACKENDS)}"
        )
    return BACKENDS[profile.backend]


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
