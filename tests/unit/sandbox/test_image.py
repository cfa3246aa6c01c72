"""What goes into the sandbox's root file system, and which root is taken."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from solvent.errors import ConfigError, SandboxUnavailable
from solvent.sandbox.images import content, roots
from solvent.sandbox.languages import languages

ALL = tuple(languages())


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store of roots, the only one."""
    monkeypatch.delenv(roots.VARIABLE, raising=False)
    monkeypatch.delenv(content.LANGUAGES_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(roots, "SYSTEM_STORE", tmp_path / "system")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return tmp_path / "system"


def make_root(store: Path, names: tuple[str, ...], *, supervisor: str | None = None) -> Path:
    found = supervisor or content.content_id(names)
    root = store / found
    (root / "solvent").mkdir(parents=True)
    (root / roots.CONTENT_FILE).write_text(f"{found}\n", encoding="ascii")
    (root / roots.BASE_FILE).write_text(f"{content.base_id(names)}\n", encoding="ascii")
    (root / roots.LANGUAGES_FILE).write_text("\n".join(names) + "\n", encoding="ascii")
    return root


class TestContent:
    def test_packages_are_those_of_the_chosen_languages_and_of_the_supervisor(self) -> None:
        assert content.packages(("c",)) == ("gcc", "libc6-dev", "python3")
        every = content.packages(ALL)
        assert set(every) >= {package for language in languages().values() for package in language.packages}
        assert list(every) == sorted(every)

    def test_languages_are_chosen_by_name_or_alias(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(content.LANGUAGES_VARIABLE, "c++17 python3")
        assert content.chosen_languages() == ("python", "cpp")
        monkeypatch.setenv(content.LANGUAGES_VARIABLE, "cobol")
        with pytest.raises(ConfigError, match="cobol"):
            content.chosen_languages()

    def test_each_choice_has_its_own_id(self) -> None:
        ids = {content.content_id(names) for names in (("c",), ("cpp",), ("cpp", "cpp20"), ALL)}
        assert len(ids) == 4

    def test_the_context_holds_all_that_the_scripts_name(self, tmp_path: Path) -> None:
        content.write_context(tmp_path, ALL)
        scripts = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.sh")]
        named = {name for text in scripts for name in re.findall(r"/solvent/build/([\w./]+)", text)}
        assert {"finish.sh", "runner.sh", "precompile.sh", "java/install.sh", "runner/build.sh"} <= named
        assert not [name for name in named if not (tmp_path / name).exists()]
        assert (tmp_path / "content").read_text().strip() == content.content_id(ALL)
        assert (tmp_path / "languages").read_text().split() == list(ALL)

    def test_headers_are_precompiled_with_the_flags_of_the_table(self) -> None:
        for name in ("cpp", "cpp20"):
            table = languages()[name]
            [line] = table.prepare
            standard, *flags = line.split()[2:]
            assert f"-std={standard}" in table.compile
            assert f"-I/solvent/pch/{standard}" in table.compile
            neutral = (
                "-std=",
                "-I",
                "-pipe",
                "-o",
                "-static",
                "-s",
                "-l",
                "-Wl,",
            )  # these do not reach the compiler proper
            assert flags == [word for word in table.compile if word.startswith("-") and not word.startswith(neutral)]

    def test_scripts_are_valid_shell(self, repository: Path) -> None:
        folder = repository / "sandbox" / "images"
        for script in [*folder.rglob("*.sh"), folder / "java" / "compile"]:
            shell = script.read_text(encoding="utf-8").partition("\n")[0].split("/")[-1].split()[-1]
            subprocess.run([shell, "-n", str(script)], check=True)


class TestRoots:
    def test_without_a_root_there_is_none(self, store: Path) -> None:
        assert roots.find_root() is None

    def test_a_root_of_this_version_is_found(self, store: Path) -> None:
        make_root(store, ("python",), supervisor="0" * 16)
        assert roots.find_root() is None
        wanted = make_root(store, ALL)
        assert roots.find_root() == wanted
        assert roots.languages_in(wanted) == ALL

    def test_a_root_with_fewer_languages_is_found_too(self, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        small, larger = make_root(store, ("c",)), make_root(store, ("python", "c"))
        assert roots.find_root() == larger
        assert roots.find_chosen() is None
        monkeypatch.setenv(content.LANGUAGES_VARIABLE, "c")
        assert roots.find_root() == roots.find_chosen() == small

    def test_an_unfinished_root_is_passed_over(self, store: Path) -> None:
        (make_root(store, ALL) / roots.CONTENT_FILE).unlink()
        assert roots.find_root() is None

    def test_a_root_that_is_named_is_used_or_refused(self, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        other = make_root(store.parent, ("c",), supervisor="f" * 16)
        monkeypatch.setenv(roots.VARIABLE, str(other))
        assert roots.find_root() == other
        monkeypatch.setenv(roots.VARIABLE, "/usr")
        with pytest.raises(SandboxUnavailable, match="SOLVENT_SANDBOX_ROOT=/usr"):
            roots.find_root()

    def test_a_root_that_only_lacks_the_supervisor_is_a_base(self, store: Path) -> None:
        base = make_root(store, ALL, supervisor="0" * 16)
        make_root(store, ("c",), supervisor="1" * 16)
        assert roots.find_base(content.base_id(ALL)) == base
        assert roots.find_base(content.base_id(("python",))) is None

    def test_others_are_removed_unless_somebody_sees_them(self, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        wanted, old, used = make_root(store, ALL), make_root(store, ("c",)), make_root(store, ("go",))
        monkeypatch.setattr(roots, "_mounted", lambda: [f"36 35 0:1 {used} / ro - ext4 /dev/vda ro"])
        assert roots.remove_others(wanted.name) == [old]
        assert sorted(store.iterdir()) == sorted([wanted, used])
