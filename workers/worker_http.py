"""A worker's own small HTTP port: /live for whoever starts it again, /metrics for Prometheus. It tells of no job."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from solvent.errors import ConfigError, boundary
from solvent.workers.loop import LoopThread

ANSWER_WAIT_S = 5.0
"""How long the event loop may take to show that it runs."""
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class WorkerHttp:
    """Serves until it is closed, in threads of its own, so that it answers also while the event loop does not.

    Args:
        host: address to listen at.
        port: 0 takes any that is free.
        loop: of the process.
        metrics: returns the text of /metrics.

    Raises:
        ConfigError: the address cannot be had.
    """

    def __init__(self, host: str, port: int, loop: LoopThread, metrics: Callable[[], bytes]) -> None:
        def live() -> bool:
            ran = threading.Event()
            loop.call(ran.set)
            return ran.wait(ANSWER_WAIT_S)

        class Handler(BaseHTTPRequestHandler):
            server_version = "solvent"
            sys_version = ""
            timeout = ANSWER_WAIT_S

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/live":
                    alive = live()
                    status = HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE
                    self._answer(status, b"ok\n" if alive else b"the event loop does not answer\n", "text/plain")
                elif path == "/metrics":
                    self._answer(HTTPStatus.OK, metrics(), _METRICS_TYPE)
                else:
                    self._answer(HTTPStatus.NOT_FOUND, b"/live or /metrics\n", "text/plain")

            def _answer(self, status: HTTPStatus, body: bytes, media_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        with boundary(ConfigError, f"listen at {host}:{port} for metrics", OSError, OverflowError):
            self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="worker http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
