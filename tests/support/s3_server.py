"""A real server that speaks as S3 does, in a process of its own (moto's server mode; it keeps objects in memory)."""

from __future__ import annotations

import secrets
import subprocess
import sys
from datetime import timedelta
from typing import ClassVar

import httpx2
import obstore
from obstore.store import S3Store

from solvent.benchmarks.servers import free_port


class S3Server:
    """Use as a context manager: it is killed at the end."""

    NO_PATIENCE: ClassVar[timedelta] = timedelta(milliseconds=10)

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._http = httpx2.Client(base_url=self.url, trust_env=False, timeout=30)

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which clients find it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS_REGION": "us-east-1",
        }

    def __enter__(self) -> S3Server:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "Running on" in line:
                break
        else:
            raise AssertionError("the S3 server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def make_bucket(self) -> str:
        name = f"bucket-{secrets.token_hex(4)}"
        self._http.put(f"/{name}").raise_for_status()
        return name

    def write(self, bucket: str, key: str, content: bytes) -> None:
        obstore.put(self._store(bucket), key, content)

    def media_type(self, bucket: str, key: str) -> str:
        return str(obstore.get(self._store(bucket), key).attributes["Content-Type"])

    def _store(self, bucket: str) -> S3Store:
        return S3Store(
            bucket,
            endpoint=self.url,
            access_key_id="somebody",
            secret_access_key="anything",
            region="us-east-1",
            client_options={"allow_http": True},
        )
