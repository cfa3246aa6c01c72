"""What every artifact store does: a folder, and a bucket of a server that speaks as S3 does."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from s3_server import S3Server

from solvent.artifacts import JSON, ArtifactBackend, FileArtifacts, MissingArtifactError
from solvent.errors import ConfigError, StoreError
from solvent.workers.s3_artifacts import S3Artifacts

ANY_TEXT = st.text(st.characters(codec=None))
NOT_THERE = "0" * 64
ALL_S = -3600.0
"""Older than an hour to come: everything there is, whatever the clocks of server and test say."""


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


def use(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["folder", "bucket"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ArtifactBackend]:
    """Return a function that opens the same store once more, as another process would."""
    if request.param == "folder":
        return lambda: FileArtifacts(tmp_path / "artifacts")
    server: S3Server = request.getfixturevalue("s3_server")
    bucket = server.make_bucket()
    use(server.environment, request.getfixturevalue("monkeypatch"))
    return lambda: S3Artifacts(f"s3://{bucket}/some/prefix")


@pytest.fixture
def store(make_store: Callable[[], ArtifactBackend]) -> ArtifactBackend:
    return make_store()


def listed(store: ArtifactBackend) -> dict[str, int]:
    return dict(store.ids(older_than_s=ALL_S))


@given(ANY_TEXT)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
def test_any_text_comes_back_in_every_process(make_store: Callable[[], ArtifactBackend], text: str) -> None:
    store = make_store()
    artifact = store.put(text)
    assert artifact == hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
    assert store.get(artifact) == text
    assert store.put(text, JSON) == artifact
    another = make_store()
    assert artifact in another
    assert another.get(artifact) == text


def test_what_is_not_there_is_missing(store: ArtifactBackend) -> None:
    assert NOT_THERE not in store
    with pytest.raises(MissingArtifactError, match="not there"):
        store.get(NOT_THERE)
    assert not store.discard(NOT_THERE, older_than_s=ALL_S)


@pytest.mark.parametrize("wrong", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_what_is_no_id_opens_nothing(store: ArtifactBackend, wrong: str) -> None:
    for attempt in (store.get, store.__contains__, lambda id_: store.discard(id_, older_than_s=0)):
        with pytest.raises(StoreError, match="not an artifact id"):
            attempt(wrong)


def test_all_that_is_old_enough_is_listed_with_its_size(store: ArtifactBackend) -> None:
    texts = ["", "one", "zwei: ü"]
    ids = {store.put(text): len(text.encode()) for text in texts}
    assert listed(store) == ids
    assert list(store.ids(older_than_s=3600)) == []


def test_only_what_is_old_is_discarded(make_store: Callable[[], ArtifactBackend]) -> None:
    store = make_store()
    old, kept = store.put("old"), store.put("kept")
    assert not store.discard(old, older_than_s=3600)
    assert store.get(old) == "old"
    assert store.discard(old, older_than_s=ALL_S)
    assert not store.discard(old, older_than_s=ALL_S)
    assert old not in store
    for each in (store, make_store()):
        with pytest.raises(MissingArtifactError):
            each.get(old)
    assert listed(store) == {kept: 4}
    assert store.put("old") == old
    assert store.get(old) == "old"


def test_a_name_says_where_it_is(store: ArtifactBackend) -> None:
    assert "artifacts" in store.name or store.name.startswith("s3://")


# The folder


@pytest.fixture
def folder(tmp_path: Path) -> FileArtifacts:
    return FileArtifacts(tmp_path)


def path_of(root: Path, artifact: str) -> Path:
    return root / artifact[:2] / artifact[2:]


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_damaged_file_is_told_from_a_missing_one(folder: FileArtifacts, tmp_path: Path) -> None:
    artifact = folder.put("one")
    path_of(tmp_path, artifact).write_text("two")
    with pytest.raises(StoreError, match="damaged") as raised:
        folder.get(artifact)
    assert not isinstance(raised.value, MissingArtifactError)
    # A file that was cut short by a power cut is found by its size, and written again.
    path_of(tmp_path, artifact).write_text("tw")
    folder.put("one")
    assert folder.get(artifact) == "one"


def test_a_disk_that_is_full_leaves_nothing_half_written(
    folder: FileArtifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = folder.put("kept")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="No space left on device") as raised:
            folder.put("one more")
    assert raised.value.remedy is not None
    assert "free space" in raised.value.remedy
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [path_of(tmp_path, kept)]
    assert folder.get(folder.put("one more")) == "one more"


def test_storing_again_makes_it_young(folder: FileArtifacts, tmp_path: Path) -> None:
    artifact = folder.put("text")
    age(path_of(tmp_path, artifact), 100_000)
    assert dict(folder.ids(older_than_s=50_000)) == {artifact: 4}
    folder.put("text")
    assert list(folder.ids(older_than_s=50_000)) == []
    assert not folder.discard(artifact, older_than_s=50_000)


def test_one_that_is_stored_again_while_it_is_looked_at_stays(
    folder: FileArtifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = folder.put("text")
    path = path_of(tmp_path, artifact)
    age(path, 100_000)
    rename = Path.rename

    def stored_again_before(self: Path, target: Path) -> Path:
        monkeypatch.undo()
        folder.put("text")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stored_again_before)
    assert not folder.discard(artifact, older_than_s=50_000)
    assert folder.get(artifact) == "text"

    age(path, 100_000)
    stat = Path.stat

    def stored_again_after(self: Path, **options: bool) -> os.stat_result:
        if self.name.endswith(".aside"):
            monkeypatch.undo()
            # It is read meanwhile, too.
            assert folder.get(artifact) == "text"
            folder.put("text")
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", stored_again_after)
    folder.discard(artifact, older_than_s=50_000)
    assert folder.get(artifact) == "text"


def test_what_dead_writers_and_sweepers_left_is_cleared_up(folder: FileArtifacts, tmp_path: Path) -> None:
    artifact = folder.put("text")
    path = path_of(tmp_path, artifact)
    half = path.parent / ".new-half"
    half.write_text("hal")
    aside = path.rename(path.with_name(path.name + ".aside"))
    for each in (half, aside):
        age(each, 100_000)
    assert folder.get(artifact) == "text"
    assert list(folder.ids(older_than_s=50_000)) == []
    assert not half.exists()
    assert path.exists()


# The bucket


def test_a_bucket_that_is_not_there_and_a_server_that_is_away_are_store_errors(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(s3_server.environment, monkeypatch)
    with pytest.raises(StoreError, match="s3://no-such-bucket"):
        S3Artifacts("s3://no-such-bucket").put("text")
    bucket = s3_server.make_bucket()
    store = S3Artifacts(f"s3://{bucket}")
    monkeypatch.setattr("solvent.workers.s3_artifacts.PATIENCE", S3Server.NO_PATIENCE)
    use({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, monkeypatch)
    with pytest.raises(StoreError, match="cannot write artifact"):
        S3Artifacts(f"s3://{bucket}").put("text")
    assert store.get(store.put("text")) == "text"


def test_a_damaged_object_is_found(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    use(s3_server.environment, monkeypatch)
    bucket = s3_server.make_bucket()
    artifact = S3Artifacts(f"s3://{bucket}").put("one")
    s3_server.write(bucket, f"{artifact[:2]}/{artifact[2:]}", b"two")
    s3_server.write(bucket, "notes/readme.txt", b"not ours")
    with pytest.raises(StoreError, match="damaged"):
        S3Artifacts(f"s3://{bucket}").get(artifact)
    assert list(listed(S3Artifacts(f"s3://{bucket}"))) == [artifact]


def test_media_types_are_told_to_the_server(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    use(s3_server.environment, monkeypatch)
    bucket = s3_server.make_bucket()
    artifact = S3Artifacts(f"s3://{bucket}/p").put("{}", JSON)
    assert s3_server.media_type(bucket, f"p/{artifact[:2]}/{artifact[2:]}") == JSON


@pytest.mark.parametrize("wrong", ["", "bucket", "http://bucket/x", "s3://", "s3://user:secret@bucket", "s3://b?x=1"])
def test_what_is_no_bucket_is_a_wrong_setting(wrong: str) -> None:
    with pytest.raises(ConfigError, match="artifacts_url") as raised:
        S3Artifacts(wrong)
    assert "secret" not in str(raised.value)
