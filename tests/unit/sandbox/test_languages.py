"""The table of languages, and the image that is made from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from solvent.errors import ConfigError
from solvent.sandbox.languages import find_language, image_packages, language_of_file, languages


@pytest.mark.parametrize(("name", "found"), [("python", "python"), ("Python3", "python"), ("C++17", "cpp"), ("c", "c")])
def test_names_and_aliases(name: str, found: str) -> None:
    assert find_language(name).name == found


def test_unknown_names_and_extensions_name_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'brainfuck'.*python, cpp, c"):
        find_language("brainfuck")
    with pytest.raises(ConfigError, match=r"'\.bf'.*\.cpp"):
        language_of_file("a.bf")


def test_no_name_alias_or_extension_is_given_twice() -> None:
    for field in ("names", "extensions"):
        given = [
            name
            for language in languages().values()
            for name in (language.extensions if field == "extensions" else (language.name, *language.aliases))
        ]
        assert len(given) == len(set(given))


def test_only_sources_of_the_language_are_compiled() -> None:
    command = find_language("cpp").compile_command(("main.cpp", "extra.cc", "testlib.h", "notes.txt"))
    assert command[-2:] == ("main.cpp", "extra.cc")


def test_the_dockerfile_installs_what_the_tables_name(repository: Path) -> None:
    text = (repository / "sandbox" / "images" / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r'^ARG PACKAGES="([^"]+)"$', text, re.MULTILINE)
    assert found is not None
    assert found.group(1).split() == list(image_packages())
