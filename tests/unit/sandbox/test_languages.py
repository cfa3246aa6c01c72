"""The table of languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from solvent.errors import ConfigError
from solvent.sandbox.languages import find_language, language_of_file, languages

PROGRAMS = {"hello", "echo", "compile_error", "runtime_error", "time", "memory", "output"}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("python", "python"),
        ("Python3", "python"),
        ("PY3", "python"),
        ("PyPy 3-64", "pypy"),
        ("C++17", "cpp"),
        ("cpp.g++17", "cpp"),
        ("cpp.gcc13-64-winlibs-g++20", "cpp20"),
        ("c", "c"),
        ("java11", "java"),
        ("rust.2021", "rust"),
        ("golang", "go"),
        ("v8.nodejs", "javascript"),
    ],
)
def test_names_and_aliases(name: str, found: str) -> None:
    assert find_language(name).name == found


def test_unknown_names_and_extensions_name_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'brainfuck'.*python, pypy, cpp, cpp20, c"):
        find_language("brainfuck")
    with pytest.raises(ConfigError, match=r"'\.bf'.*\.cpp"):
        language_of_file("a.bf")


def test_no_name_or_alias_is_given_twice_and_all_can_be_found() -> None:
    given = [name for language in languages().values() for name in (language.name, *language.aliases)]
    assert len(given) == len(set(given))
    for language in languages().values():
        assert [find_language(alias) for alias in language.aliases] == [language] * len(language.aliases)


def test_the_first_language_with_an_extension_owns_it() -> None:
    assert [language_of_file(name).name for name in ("a.py", "a.cc", "a.C", "a.c", "A.java")] == [
        "python", "cpp", "cpp", "c", "java",
    ]  # fmt: skip


def test_only_sources_of_the_language_are_compiled_the_main_one_first() -> None:
    command = find_language("cpp").compile_command(("extra.cc", "main.cpp", "testlib.h", "notes.txt"))
    assert command[-2:] == ("main.cpp", "extra.cc")
    assert find_language("rust").compile_command(("main.rs", "other.rs"))[-1] == "main.rs"


def test_the_memory_limit_is_told_to_virtual_machines() -> None:
    java = find_language("java")
    assert "-Xmx256m" in java.run_command(memory_mb=256)
    assert java.run_command(("a b",), memory_mb=256)[-2:] == ("main.jar", "a b")
    assert find_language("go").environment_for(memory_mb=64)["GOMEMLIMIT"] == "64MiB"
    assert java.total_memory_mb(256) == 256 + java.memory_extra_mb > 256
    assert find_language("cpp").total_memory_mb(256) == 256


def test_no_placeholder_is_left() -> None:
    for language in languages().values():
        words = [
            *language.compile_command((language.source,), memory_mb=64),
            *language.run_command(memory_mb=64),
            *language.environment_for(memory_mb=64).values(),
        ]
        assert not [word for word in words if word.startswith("{") or "_mb}" in word], language.name


def test_each_language_has_its_contract_programs(repository: Path) -> None:
    folder = repository / "tests" / "contract" / "sandbox_programs"
    for language in languages().values():
        found = [path for path in (folder / language.name).iterdir() if path.suffix in language.extensions]
        assert {path.stem for path in found} >= PROGRAMS, language.name
