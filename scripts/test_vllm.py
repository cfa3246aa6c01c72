#!/usr/bin/env python3
"""Run the tests that need a vLLM, and then measure it beside the bundled model's server: `make test-vllm`.

Starts the vLLM of .venv-vllm with the repository's weights and stops it at the end. With SOLVENT_TEST_VLLM_URL set it
takes that server instead and starts none; what compares with the bundled model wants its weights there, as `starter`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import ExitStack

from solvent.benchmarks import vllm as benchmark
from solvent.benchmarks.vllm_process import ENVIRONMENT, ROOT, SERVED_AS, VllmProcess


def main() -> int:
    """Return the exit code of what failed first, or 0."""
    parser = benchmark.parser()
    parser.description = __doc__
    parser.add_argument("--only", choices=("tests", "benchmark"), help="leave out the other")
    parser.add_argument("--threads", type=int, default=1, help="of vLLM's engine; more only on a quiet machine")
    parser.add_argument("--dtype", default="float32", help="of vLLM's engine")
    parser.add_argument("pytest", nargs="*", help="after --: further arguments of pytest, such as -x or -k prefix")
    options = parser.parse_args()
    # As Ctrl-C does: leave through the context managers, which stop the servers.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with ExitStack() as stack:
        url = os.environ.get("SOLVENT_TEST_VLLM_URL")
        if url:
            options.label = f"vLLM at {url}"
        else:
            process = stack.enter_context(VllmProcess(options.threads, dtype=options.dtype))
            url = process.base_url
            options.label = f"vLLM, {options.dtype}, threads: {options.threads}"
        code = 0
        if options.only != "benchmark":
            code = run_tests(url, options.pytest)
        if options.only != "tests":
            code = asyncio.run(benchmark.compare(url, SERVED_AS, options)) or code
    return code


def run_tests(url: str, arguments: list[str]) -> int:
    """Run what is marked vllm against the server."""
    environment = {**os.environ, "SOLVENT_TEST_VLLM_URL": url}
    interpreter = ENVIRONMENT / "bin" / "python"
    if interpreter.exists():
        environment.setdefault("SOLVENT_TEST_VLLM_PYTHON", str(interpreter))
    command = [sys.executable, "-m", "pytest", "-m", "vllm", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
