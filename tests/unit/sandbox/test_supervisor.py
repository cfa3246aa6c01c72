"""The supervisor that is compiled on this machine."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from solvent.errors import ConfigError, SandboxUnavailable
from solvent.sandbox import supervisor


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A C compiler that notes its calls and makes an empty file, whatever it is asked for."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("cp", "chmod", "mv", "mkdir", "dirname", "sh"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    cc = tools / "cc"
    cc.write_text(
        f'#!/bin/sh\necho call >>{tmp_path}/calls\nwhile [ "$1" != -o ]; do shift; done\necho program >"$2"\n'
    )
    cc.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    return cc


def test_it_is_compiled_once_and_readable_for_the_programs_of_a_box(tmp_path: Path, compiler: Path) -> None:
    first = supervisor.built(tmp_path / "folder")
    calls = (tmp_path / "calls").read_text()
    assert supervisor.built(tmp_path / "folder") == first
    assert (tmp_path / "calls").read_text() == calls
    assert sorted(path.name for path in first.iterdir()) == ["supervisor", "zygote.py", "zygote.so"]
    assert stat.S_IMODE(first.stat().st_mode) == 0o755
    assert [path.name for path in (tmp_path / "folder").iterdir()] == [first.name]


def test_changed_sources_are_compiled_again(tmp_path: Path, compiler: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = supervisor.built(tmp_path / "folder")
    sources = tmp_path / "sources"
    shutil.copytree(supervisor._SOURCES, sources)
    monkeypatch.setattr(supervisor, "_SOURCES", sources)
    assert supervisor.built(tmp_path / "folder") == first
    (sources / "wire.c").write_text("int changed;")
    assert supervisor.built(tmp_path / "folder") != first


def test_without_a_compiler_the_remedy_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match=r"no C compiler.*apt-get install gcc libc6-dev"):
        supervisor.built(tmp_path / "folder")


def test_what_the_compiler_says_is_told(tmp_path: Path, compiler: Path) -> None:
    compiler.write_text("#!/bin/sh\necho 'fatal error: linux/seccomp.h: No such file'\nexit 1\n")
    with pytest.raises(SandboxUnavailable, match=r"does not compile: fatal error: linux/seccomp.h.*libc6-dev"):
        supervisor.built(tmp_path / "folder")
    assert not list((tmp_path / "folder").iterdir())


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path, compiler: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.chmod(tmp_path / "folder", 0o777)  # noqa: PTH101  as a hostile user would
    with pytest.raises(ConfigError, match="others may write"):
        supervisor.built(tmp_path / "folder")
