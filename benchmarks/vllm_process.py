"""The repository's weights served by the vLLM of .venv-vllm, as a process of its own, for `make test-vllm`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import httpx2

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-vllm"
"""Made by scripts/setup_vllm.sh."""
WEIGHTS = ROOT / "models" / "starter" / "weights"
SERVED_AS = "starter"
START_S = 1800.0
TELL_EVERY_S = 10.0
STOP_S = 30.0


class VllmProcess:
    """The server; as a context manager it starts, waits until it is healthy, and stops with all its children.

    Args:
        threads: OpenMP threads of the engine. Where other work runs, two wait for each other at each operation of the
            model: measured on two busy cores, 0.6 tokens/s with two and 75 with one.
        max_running: most samples that are generated at once; more wait, in the order of their priority.
        dtype: float32 decodes as the bundled engine does; a word of vLLM's --dtype.
        weights: folder of the model.
        cache_gib: memory for keys and values. One GiB is over 70,000 tokens of the bundled model.
        compiled: whether vLLM compiles the model first, which takes minutes the first time and is worth it for a model
            as small as the bundled one.
        log: file for everything that vLLM writes.

    Attributes:
        base_url: with /v1.

    Raises:
        RuntimeError: it did not start; quotes the end of the log.
    """

    def __init__(
        self,
        threads: int = 1,
        max_running: int = 32,
        dtype: str = "float32",
        *,
        weights: Path = WEIGHTS,
        cache_gib: int = 1,
        compiled: bool = True,
        log: Path = ENVIRONMENT / "server.log",
    ) -> None:
        self.threads = threads
        self.dtype = dtype
        self.log = log
        self._cache_gib = cache_gib
        self._port = _free_port()
        self.base_url = f"http://127.0.0.1:{self._port}/v1"
        # The command `vllm` wants the metadata of a distribution of that name, which the CPU build has not.
        self._command = [str(ENVIRONMENT / "bin" / "python"), "-m", "vllm.entrypoints.openai.api_server"]
        self._command += ["--model", str(weights), "--served-model-name", SERVED_AS]
        self._command += ["--host", "127.0.0.1", "--port", str(self._port)]
        self._command += ["--dtype", dtype, "--max-num-seqs", str(max_running)]
        self._command += ["--enable-prefix-caching", "--scheduling-policy", "priority"]
        if not compiled:
            self._command.append("--enforce-eager")

    @property
    def pid(self) -> int:
        """Number of the server's first process, while it runs."""
        return self._process.pid

    def __enter__(self) -> VllmProcess:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_"))}
        environment |= {
            # Unbound: bound to cores, they wait for whoever else works there.
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "OMP_NUM_THREADS": str(self.threads),
            "VLLM_CPU_KVCACHE_SPACE": str(self._cache_gib),
            # What is compiled at the first start is kept for the next.
            "VLLM_CACHE_ROOT": str(ENVIRONMENT / "cache"),
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        with self.log.open("wb") as log:
            # Not in the checkout: with -m its rooms would be importable as `models` and `memory`. A session of its own,
            # so that the engine's processes can be ended with the server.
            self._process = subprocess.Popen(
                self._command,
                cwd=ENVIRONMENT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_healthy(sys.stderr)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server and its children; returns when they are gone."""
        for sign, patience_s in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):
            try:
                os.killpg(self._process.pid, sign)
            except ProcessLookupError:
                break
            end = time.monotonic() + patience_s
            while self._group_lives() and time.monotonic() < end:
                time.sleep(0.1)
        self._process.wait()

    def _group_lives(self) -> bool:
        self._process.poll()
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _wait_until_healthy(self, out: IO[str]) -> None:
        started = time.monotonic()
        told = started
        while True:
            if self._process.poll() is not None:
                raise RuntimeError(f"vLLM ended with code {self._process.returncode}:\n{self.tail(30)}")
            now = time.monotonic()
            if self._healthy():
                print(f"vllm: ready after {now - started:.0f} s at {self.base_url}", file=out, flush=True)
                return
            if now - started > START_S:
                raise RuntimeError(f"vLLM was not ready after {START_S:.0f} s:\n{self.tail(30)}")
            if now - told >= TELL_EVERY_S:
                told = now
                last = self.tail(1)[:150] or "importing"
                print(f"vllm: starting, {now - started:.0f} s: {last}", file=out, flush=True)
            time.sleep(0.5)

    def _healthy(self) -> bool:
        try:
            return httpx2.get(self.base_url.removesuffix("/v1") + "/health", timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False

    def tail(self, lines: int) -> str:
        """Return the last lines of the log that are not empty."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
