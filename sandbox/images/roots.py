"""Where the unpacked root file system lies that boxes of bubblewrap are made from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from solvent.errors import SandboxUnavailable
from solvent.sandbox.images.content import LANGUAGES_VARIABLE, chosen_languages, content_id
from solvent.sandbox.languages import languages

VARIABLE = "SOLVENT_SANDBOX_ROOT"
"""Environment variable: a root file system to use whatever its content."""
SYSTEM_STORE = Path("/var/lib/solvent/sandbox-root")
CONTENT_FILE = Path("solvent/content")
"""In a root that is complete: its content id."""
BASE_FILE = Path("solvent/base")
LANGUAGES_FILE = Path("solvent/languages")


def user_store() -> Path:
    """Return the folder of the roots of this user."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "solvent" / "sandbox-root"


def own_store() -> Path:
    """Return the folder into which this user builds roots."""
    return SYSTEM_STORE if os.geteuid() == 0 else user_store()


def find_root() -> Path | None:
    """Return the root file system that belongs to this version of Solvent, or None where it has not been built.

    Of several, the one with the most languages.

    Raises:
        SandboxUnavailable: SOLVENT_SANDBOX_ROOT names something else than a sandbox's root.
    """
    named = os.environ.get(VARIABLE)
    if named:
        root = Path(named)
        if _content(root) is None:
            raise SandboxUnavailable(
                f"{VARIABLE}={named} is no root file system of the sandbox (it has no {CONTENT_FILE})",
                remedy="build one (make sandbox-image) and unset the variable",
            )
        return root
    stores = (SYSTEM_STORE,) if os.geteuid() == 0 else (SYSTEM_STORE, user_store())
    if os.environ.get(LANGUAGES_VARIABLE):
        return _find(stores, content_id(chosen_languages()))
    complete = _find(stores, content_id(tuple(languages())))
    return complete or _largest([root for store in stores for root in _roots(store) if _belongs(root)])


def find_chosen() -> Path | None:
    """Return the root with just the languages that the environment chooses, by default all, or None."""
    stores = (SYSTEM_STORE,) if os.geteuid() == 0 else (SYSTEM_STORE, user_store())
    return _find(stores, content_id(chosen_languages()))


def languages_in(root: Path) -> tuple[str, ...]:
    """Return the names of the languages of a root."""
    return tuple((_read(root / LANGUAGES_FILE) or "").split())


def _find(stores: tuple[Path, ...], wanted: str) -> Path | None:
    return next((store / wanted for store in stores if _content(store / wanted) == wanted), None)


def _belongs(root: Path) -> bool:
    """Tell whether it is what this version of Solvent builds for the languages that it has."""
    names = languages_in(root)
    return bool(names) and set(names) <= set(languages()) and _content(root) == content_id(names)


def _largest(found: list[Path]) -> Path | None:
    return max(found, key=lambda root: len(languages_in(root)), default=None)


def _roots(store: Path) -> list[Path]:
    return sorted(path for path in store.iterdir() if _content(path)) if store.is_dir() else []


def find_base(base: str) -> Path | None:
    """Return a root that differs from the wanted one in the supervisor only."""
    return next((root for root in _roots(own_store()) if _read(root / BASE_FILE) == base), None)


def remove_others(keep: str) -> list[Path]:
    """Remove roots of other content from our store, but none that a living process sees; return those removed."""
    store = own_store()
    if not store.is_dir():
        return []
    mounted = _mounted()
    others = [path for path in store.iterdir() if path.name != keep and not any(str(path) in text for text in mounted)]
    for path in others:
        shutil.rmtree(path)
    return others


def _mounted() -> list[str]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            found.add(path.read_text(encoding="utf-8", errors="surrogateescape"))
        except OSError:
            continue
    return list(found)


def _content(root: Path) -> str | None:
    return _read(root / CONTENT_FILE)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
