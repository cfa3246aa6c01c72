"""The Docker SDK's transport over a Unix socket, which here closes the sockets that it could not connect."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from docker.transport import UnixHTTPAdapter
from docker.transport.unixconn import UnixHTTPConnection, UnixHTTPConnectionPool

if TYPE_CHECKING:
    from docker import DockerClient

_SCHEME = "http+docker://"


class Connection(UnixHTTPConnection):
    """One connection to the engine."""

    def connect(self) -> None:
        """Connect.

        Raises:
            OSError: nothing listens there; the socket is closed (the SDK, 7.2, leaves it open).
        """
        attempt = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            attempt.settimeout(self.timeout)
            attempt.connect(self.unix_socket)
        except BaseException:
            attempt.close()
            raise
        self.sock = attempt


class _Pool(UnixHTTPConnectionPool):
    # Any: the stubs of the SDK and of urllib3 disagree about the type of `timeout`.
    def _new_conn(self) -> Any:
        # The pool sets the timeout of each request on the connection that it takes.
        return Connection(self.base_url, self.socket_path)


class Adapter(UnixHTTPAdapter):
    """What the SDK's session sends its requests through."""

    def get_connection(self, url: str | bytes, proxies: object = None) -> UnixHTTPConnectionPool:
        """Return the pool of connections for `url`; see requests.adapters.HTTPAdapter."""
        base = url.decode() if isinstance(url, bytes) else url
        pool: UnixHTTPConnectionPool | None
        with self.pools.lock:
            pool = self.pools.get(base)
            if pool is None:
                pool = self.pools[base] = _Pool(base, self.socket_path, self.timeout, maxsize=self.max_pool_size)
            return pool


def mount(client: DockerClient, path: str, timeout_s: int) -> None:
    """Let `client` reach the engine at the socket `path` through this transport from now on."""
    adapter = Adapter(f"http+unix://{path}", timeout=timeout_s)
    client.api.get_adapter(f"{_SCHEME}localhost").close()
    client.api.mount(_SCHEME, adapter)
