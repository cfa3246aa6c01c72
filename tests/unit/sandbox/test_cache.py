"""Builds that are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solvent.errors import ConfigError
from solvent.sandbox import cache as caches
from solvent.sandbox.base import Build
from solvent.sandbox.cache import BuildCache, built_file

KEY = "ab" + "0" * 62


def build(*contents: bytes, log: str = "a warning") -> Build:
    files = tuple(built_file(f"f{number}", 0o700, data) for number, data in enumerate(contents))
    return Build(language="cpp", ok=True, files=files, log=log)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(contents=st.lists(st.binary(max_size=200), max_size=3), log=st.text(max_size=20))
async def test_what_was_kept_on_disk_comes_back(tmp_path: Path, contents: list[bytes], log: str) -> None:
    try:
        log.encode()
    except UnicodeEncodeError:
        log = ""
    kept = build(*contents, log=log)
    await BuildCache(tmp_path / "builds").put(KEY, kept)
    assert await BuildCache(tmp_path / "builds").get(KEY) == kept


@pytest.mark.parametrize("where", [0, 20, 60, -1])
async def test_a_damaged_entry_is_as_good_as_absent(tmp_path: Path, where: int) -> None:
    folder = tmp_path / "builds"
    await BuildCache(folder).put(KEY, build(b"program"))
    [entry] = folder.glob("??/*")
    data = bytearray(entry.read_bytes())
    data[where] ^= 1
    entry.write_bytes(data)
    assert await BuildCache(folder).get(KEY) is None
    assert not entry.exists()


async def test_a_short_entry_is_as_good_as_absent(tmp_path: Path) -> None:
    folder = tmp_path / "builds"
    await BuildCache(folder).put(KEY, build(b"program"))
    [entry] = folder.glob("??/*")
    for size in (0, 10, 50):
        entry.write_bytes(entry.read_bytes()[:size])
        assert await BuildCache(folder).get(KEY) is None
        await BuildCache(folder).put(KEY, build(b"program"))


async def test_failures_are_kept_in_memory_only(tmp_path: Path) -> None:
    failed = Build(language="cpp", ok=False, log="error", reason="error")
    cache = BuildCache(tmp_path / "builds")
    await cache.put(KEY, failed)
    assert await cache.get(KEY) == failed
    assert await BuildCache(tmp_path / "builds").get(KEY) is None


async def test_a_full_folder_loses_what_was_not_used_for_longest(tmp_path: Path) -> None:
    folder = tmp_path / "builds"
    keys = [f"{number:02x}" + "0" * 62 for number in range(6)]
    for age, key in enumerate(keys[:4]):
        await BuildCache(folder, 45_000).put(key, build(bytes(10_000)))
        for path in folder.glob(f"??/{key}"):
            os.utime(path, (1000 + age, 1000 + age))
    # Using the oldest makes it the newest.
    assert await BuildCache(folder, 45_000).get(keys[0]) is not None
    for key in keys[4:]:
        await BuildCache(folder, 45_000).put(key, build(bytes(10_000)))
    left = {path.name for path in folder.glob("??/*")}
    assert {keys[0], *keys[4:]} <= left
    assert keys[1] not in left
    assert sum(path.stat().st_size for path in folder.glob("??/*")) <= 45_000


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "_MEMORY_BYTES", 30_000)
    cache = BuildCache(None)
    for number in range(5):
        await cache.put(f"{number}", build(bytes(10_000)))
    assert [number for number in range(5) if cache.recall(f"{number}")] == [3, 4]


async def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "builds").mkdir()
    (tmp_path / "builds").chmod(0o777)
    with pytest.raises(ConfigError, match=r"others may write.*chmod 700"):
        BuildCache(tmp_path / "builds")


async def test_a_folder_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot use.*SOLVENT_SANDBOX_CACHE"):
        BuildCache(tmp_path / "file" / "builds")


async def test_a_disk_that_is_full_loses_no_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = BuildCache(tmp_path / "builds")

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    await cache.put(KEY, build(b"x"))
    assert await cache.get(KEY) == build(b"x")
    assert not list((tmp_path / "builds").glob("??/*"))
