"""The way to the Docker engine leaves no socket behind where the engine is gone."""

from __future__ import annotations

import gc
import socket
import warnings
from pathlib import Path

import pytest
import requests
from docker.transport import UnixHTTPAdapter

from solvent.sandbox.engine_transport import Adapter


def unclosed_after_a_refusal(adapter: UnixHTTPAdapter) -> list[str]:
    """Return the warnings of sockets left open by one request that could not be sent."""
    with requests.Session() as session, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        session.mount("http+docker://", adapter)
        with pytest.raises(requests.ConnectionError):
            session.get("http+docker://localhost/version")
        gc.collect()
    return [str(warning.message) for warning in caught if issubclass(warning.category, ResourceWarning)]


@pytest.mark.parametrize("name", ["nothing", "deaf"])
def test_a_refused_connection_is_closed(tmp_path: Path, name: str) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        assert unclosed_after_a_refusal(Adapter(f"http+unix://{tmp_path}/{name}")) == []
        # Where this fails, the SDK does so itself and our transport can go.
        assert unclosed_after_a_refusal(UnixHTTPAdapter(f"http+unix://{tmp_path}/{name}")) != []
