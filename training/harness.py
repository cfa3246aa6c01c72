"""Runs inside the sandbox: many short programs on many inputs, each run in a process of its own.

Reads JSON from standard input, [[source, [input, ...]], ...], and prints one JSON list of outputs for each program: a
text, or null where the program did not end well. It knows no expected output, so a program can learn none from it.
"""

import json
import os
import resource
import select
import signal
import sys
import time
from types import CodeType

_CPU_S, _WALL_S, _OUTPUT_BYTES = 1, 3.0, 1 << 16


def _child(code: CodeType, stdin: str, out: int) -> None:
    """Run the program in this process, which ends with it."""
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
        read_end, write_end = os.pipe()
        os.write(write_end, stdin.encode())
        os.close(write_end)
        os.dup2(read_end, 0)
        os.dup2(out, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - they live as long as the process
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
        exec(code, {"__name__": "__main__"})  # noqa: S102 - this is the sandbox
        sys.stdout.flush()
        status = 0
    finally:
        os._exit(status)


def _run(code: CodeType, stdin: str) -> str | None:
    """Return what the program prints, or None if it fails, runs too long or prints too much."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _child(code, stdin, write_end)
    os.close(write_end)
    output, deadline, whole = b"", time.monotonic() + _WALL_S, False
    while len(output) <= _OUTPUT_BYTES and time.monotonic() < deadline:
        if not select.select([read_end], [], [], deadline - time.monotonic())[0]:
            break
        piece = os.read(read_end, 1 << 16)
        if not piece:
            whole = True
            break
        output += piece
    os.close(read_end)
    if not whole:
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    return output.decode("utf-8", "replace") if whole and status == 0 else None


def _outputs(source: str, inputs: list[str]) -> list[str | None]:
    try:
        code = compile(source, "program.py", "exec")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return [None] * len(inputs)
    return [_run(code, stdin) for stdin in inputs]


if __name__ == "__main__":
    json.dump([_outputs(source, inputs) for source, inputs in json.load(sys.stdin)], sys.stdout)
