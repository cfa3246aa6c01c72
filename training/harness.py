"""Runs inside the sandbox: many short programs on many inputs, each run in a process of its own.

Reads JSON from standard input, [[source, entry point, [input, ...]], ...], and prints one JSON list of outputs for each
program: a text, or null where the program did not end well. An entry point that is not "" names the function that is
called with the input as its arguments ("[1, 2], 3"); the output is then the repr of what it returns. The harness knows
no expected output, so a program can learn none from it.
"""

import ast
import json
import os
import resource
import select
import signal
import sys
import time
from types import CodeType

_CPU_S, _WALL_S, _OUTPUT_BYTES = 1, 3.0, 1 << 16


def _child(code: CodeType, entry_point: str, text: str, out: int) -> None:
    """Run the program in this process, which ends with it."""
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
        null = os.open(os.devnull, os.O_RDWR)
        read_end, write_end = os.pipe()
        os.write(write_end, b"" if entry_point else text.encode())
        os.close(write_end)
        os.dup2(read_end, 0)
        os.dup2(null if entry_point else out, 1)
        os.dup2(null, 2)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - they live as long as the process
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
        space: dict[str, object] = {"__name__": "solution" if entry_point else "__main__"}
        try:
            exec(code, space)  # noqa: S102 - this is the sandbox
        except SystemExit as end:
            if entry_point or end.code not in (None, 0):
                raise
        if entry_point:
            result = space[entry_point](*ast.literal_eval(f"({text},)"))  # type: ignore[operator]  # else it ends here
            sys.stdout = open(out, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
            sys.stdout.write(repr(result))
        sys.stdout.flush()
        status = 0
    finally:
        os._exit(status)


def _run(code: CodeType, entry_point: str, text: str) -> str | None:
    """Return what the program prints or returns, or None if it fails, runs too long or says too much."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _child(code, entry_point, text, write_end)
    os.close(write_end)
    output, deadline, whole = b"", time.monotonic() + _WALL_S, False
    while len(output) <= _OUTPUT_BYTES and time.monotonic() < deadline:
        if not select.select([read_end], [], [], max(0.0, deadline - time.monotonic()))[0]:
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


def _outputs(source: str, entry_point: str, inputs: list[str]) -> list[str | None]:
    try:
        code = compile(source, "program.py", "exec")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return [None] * len(inputs)
    return [_run(code, entry_point, text) for text in inputs]


if __name__ == "__main__":
    json.dump([_outputs(*program) for program in json.load(sys.stdin)], sys.stdout)
