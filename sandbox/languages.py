"""The languages that programs may be written in, read from languages.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from solvent.errors import ConfigError

TABLES = Path(__file__).resolve().parent / "languages.toml"
DEFAULT_COMPILE_MB = 1024


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
    zygote: bool = False
    packages: tuple[str, ...]
    prepare: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
    processes: int = Field(default=1, ge=1)
    memory_extra_mb: int = Field(default=0, ge=0)

    def compile_command(self, sources: Iterable[str], *, memory_mb: int = DEFAULT_COMPILE_MB) -> tuple[str, ...]:
        """Return the command that compiles those of `sources` that have our extensions.

        Args:
            sources: all names in the directory, the main source among them.
            memory_mb: limit of the compiler.
        """
        further = (name for name in sources if name != self.source and Path(name).suffix in self.extensions)
        own = (self.source, *further)
        words = (part for word in self.compile for part in (own if word == "{sources}" else (word,)))
        return tuple(_fill(word.replace("{main}", self.source), memory_mb) for word in words)

    def run_command(self, arguments: Iterable[str] = (), *, memory_mb: int) -> tuple[str, ...]:
        """Return the command that runs a program whose limit is `memory_mb`."""
        return (*(_fill(word, memory_mb) for word in self.run), *arguments)

    def environment_for(self, *, memory_mb: int) -> dict[str, str]:
        """Return the language's own variables for compiler or program, whose limit is `memory_mb`."""
        return {name: _fill(value, memory_mb) for name, value in self.environment.items()}

    def total_memory_mb(self, memory_mb: int) -> int:
        """Return what a program with the limit `memory_mb` may use together with its virtual machine.

        A virtual machine is told the program's limit and refuses more by itself. One that fails with more than
        `memory_mb` in use has therefore exceeded its memory limit, whatever it says.
        """
        return memory_mb + self.memory_extra_mb


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


def _fill(word: str, memory_mb: int) -> str:
    return word.replace("{memory_mb}", str(memory_mb))
