"""One request of Chroma's HTTP interface, the one of every search, over connections that stay open."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from solvent.errors import MemoryUnavailable

_DIGITS = 6
"""Of a number in a request; more of them change no rank."""


class Wire:
    """Connections to a server, one a thread. Safe for use by several threads.

    Args:
        host: name or address.
        port: TCP port.
        secure: whether to speak TLS.
        token: sent as bearer, where there is one.
        timeout_s: most that a request may take.
    """

    def __init__(self, host: str, port: int, *, secure: bool, token: str | None, timeout_s: float) -> None:
        self._make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._address = (host, port)
        self._timeout_s = timeout_s
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._own = threading.local()
        self._open: list[http.client.HTTPConnection] = []

    def nearest(self, path: str, vector: npt.NDArray[np.float32], limit: int) -> list[tuple[str, float]]:
        """Return ids and cosine similarities of the nearest vectors of a collection, nearest first.

        Raises:
            chromadb.errors.NotFoundError: there is no such collection.
            MemoryUnavailable: the server refuses.
            OSError: it cannot be reached.
            http.client.HTTPException: it does not speak HTTP.
        """
        numbers = ",".join([f"{number:.{_DIGITS}g}" for number in vector.tolist()])
        body = f'{{"query_embeddings":[[{numbers}]],"n_results":{limit},"include":["distances"]}}'.encode()
        status, answer = self._post(path, body)
        if status == http.HTTPStatus.NOT_FOUND:
            from chromadb.errors import NotFoundError

            raise NotFoundError(path)
        if status != http.HTTPStatus.OK:
            raise MemoryUnavailable(f"the Chroma server refuses a search with status {status}")
        found: dict[str, Any] = json.loads(answer)
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return [(id, 1.0 - float(away)) for id, away in pairs]

    def close(self) -> None:
        """Close all connections; safe to call twice."""
        for connection in self._open:
            connection.close()

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        # A connection that the server closed meanwhile is found out by using it: once more, on a fresh one.
        for is_last in (False, True):
            connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
            is_fresh = connection is None
            if connection is None:
                connection = self._own.connection = self._make(*self._address, timeout=self._timeout_s)
                self._open.append(connection)
            try:
                connection.request("POST", path, body, self._headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._own.connection = None
                self._open.remove(connection)
                if is_last or is_fresh or isinstance(error, TimeoutError):
                    raise
        raise AssertionError("the second try returns or raises")
