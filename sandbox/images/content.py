"""What goes into the sandbox image, and the hash that names it."""

from __future__ import annotations

import hashlib
import os
import shutil
from functools import cache
from pathlib import Path

from solvent.sandbox.languages import find_language, languages

LANGUAGES_VARIABLE = "SOLVENT_SANDBOX_LANGUAGES"
"""Environment variable: the languages of the image, by name or alias, separated by spaces; default: all."""
BASE_PACKAGES = ("gcc", "libc6-dev", "python3")
"""For the supervisor, which is compiled inside, and for what is written in Python: zygote, checkers, function tests."""

_FOLDER = Path(__file__).resolve().parent
_RUNNER = _FOLDER.parent / "runner"
_BUILD_FILES = (
    "root.sh",
    "dpkg.cfg",
    "no_compile.sh",
    "finish.sh",
    "runner.sh",
    "precompile.sh",
    "sbom.py",
    "Dockerfile",
    "java",
)
_RUNNER_SUFFIXES = {".c", ".h", ".sh"}
_RUNNER_FILES = ("zygote.py",)


def chosen_languages() -> tuple[str, ...]:
    """Return the names of the image's languages, in the order of languages.toml.

    Raises:
        ConfigError: the environment names one that there is not.
    """
    names = {find_language(name).name for name in os.environ.get(LANGUAGES_VARIABLE, "").split()}
    return tuple(name for name in languages() if not names or name in names)


def packages(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the Debian packages of an image with these languages, sorted."""
    own = {package for name in names for package in languages()[name].packages}
    return tuple(sorted({*BASE_PACKAGES, *own}))


def prepare_script(names: tuple[str, ...]) -> str:
    """Return the shell lines that prepare these languages, one per line."""
    lines = dict.fromkeys(line for name in names for line in languages()[name].prepare)
    return "".join(f"{line}\n" for line in lines)


@cache
def base_id(names: tuple[str, ...]) -> str:
    """Return the hash of everything in an image with these languages but the supervisor."""
    lists = "\n".join((*names, *packages(names)))
    return _hash([lists.encode(), prepare_script(names).encode(), *_contents(_build_files(), _FOLDER)])


@cache
def content_id(names: tuple[str, ...]) -> str:
    """Return the hash of all that goes into an image with these languages: packages, scripts, supervisor's sources."""
    return _hash([base_id(names).encode(), *_contents(_runner_files(), _RUNNER)])


def write_context(folder: Path, names: tuple[str, ...]) -> None:
    """Write what the build needs into an empty folder: for root.sh, and as the context of the Dockerfile."""
    for path in _build_files():
        _copy(path, folder / path.relative_to(_FOLDER))
    for path in _runner_files():
        _copy(path, folder / "runner" / path.name)
    for name, lines in {
        "packages": packages(names),
        "languages": names,
        "base": (base_id(names),),
        "content": (content_id(names),),
    }.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "prepare.sh").write_text(prepare_script(names), encoding="utf-8")


def _build_files() -> list[Path]:
    named = [_FOLDER / name for name in _BUILD_FILES]
    return sorted(path for one in named for path in ([one] if one.is_file() else one.rglob("*")) if path.is_file())


def _runner_files() -> list[Path]:
    return sorted(path for path in _RUNNER.iterdir() if path.suffix in _RUNNER_SUFFIXES or path.name in _RUNNER_FILES)


def _contents(files: list[Path], below: Path) -> list[bytes]:
    return [part for path in files for part in (str(path.relative_to(below)).encode(), path.read_bytes())]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _hash(parts: list[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]
