"""The languages that programs may be written in, read from languages.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from solvent.errors import ConfigError

TABLES = Path(__file__).resolve().parent / "languages.toml"


class Language(BaseModel):
    """One table of languages.toml; the fields are explained there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    extensions: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    source: str
    compile: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    run: tuple[str, ...]
    version: tuple[str, ...]
    packages: tuple[str, ...]
    environment: dict[str, str] = Field(default_factory=dict)
    processes: int = Field(default=1, ge=1)

    def compile_command(self, sources: tuple[str, ...]) -> tuple[str, ...]:
        """Return the compile command with `{sources}` replaced by the names of `sources` that have our extensions."""
        own = tuple(name for name in sources if Path(name).suffix in self.extensions)
        return tuple(part for word in self.compile for part in (own if word == "{sources}" else (word,)))


@cache
def languages() -> dict[str, Language]:
    """Return all languages by name.

    Raises:
        ConfigError: languages.toml is not valid.
    """
    try:
        tables = tomllib.loads(TABLES.read_text(encoding="utf-8"))
        return {name: Language(name=name, **table) for name, table in tables.items()}
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(f"{TABLES}: {error}") from error


def find_language(name: str) -> Language:
    """Return the language with this name or alias, in any letter case ("C++17" is "cpp").

    Raises:
        ConfigError: there is none.
    """
    wanted = name.strip().lower()
    for language in languages().values():
        if wanted == language.name or wanted in language.aliases:
            return language
    raise ConfigError(f"unknown language {name!r}", remedy=f"known languages: {', '.join(languages())}")


def language_of_file(file: str) -> Language:
    """Return the language that owns the extension of `file`.

    Raises:
        ConfigError: no language has it.
    """
    suffix = Path(file).suffix
    for language in languages().values():
        if suffix in language.extensions:
            return language
    known = ", ".join(sorted({extension for language in languages().values() for extension in language.extensions}))
    raise ConfigError(f"no language has the extension {suffix!r} of {file}", remedy=f"known extensions: {known}")


def image_packages() -> tuple[str, ...]:
    """Return the Debian packages of the sandbox image, sorted."""
    return tuple(sorted({package for language in languages().values() for package in language.packages}))
