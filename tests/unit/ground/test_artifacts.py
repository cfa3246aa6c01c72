from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solvent.artifacts import ArtifactStore
from solvent.errors import StoreError

ANY_TEXT = st.text(st.characters(codec=None))


@given(ANY_TEXT)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back(tmp_path: Path, text: str) -> None:
    store = ArtifactStore(tmp_path)
    artifact = store.put(text)
    assert store.get(artifact) == text
    assert store.put(text) == artifact
    assert artifact in store


def test_damage_is_found(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    artifact = store.put("one")
    (tmp_path / artifact[:2] / artifact[2:]).write_text("two")
    with pytest.raises(StoreError, match="damaged"):
        store.get(artifact)


@pytest.mark.parametrize("wrong", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_what_is_no_id_opens_no_file(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(StoreError, match="not an artifact id"):
        ArtifactStore(tmp_path).get(wrong)


def test_missing_artifact_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot read artifact"):
        ArtifactStore(tmp_path).get("0" * 64)
