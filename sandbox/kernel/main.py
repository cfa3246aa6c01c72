"""Monitor of a tool session: speaks with the service on standard input and output, and watches the cells' process.

Frames, both ways: length (4 bytes, little-endian), then JSON. A request has `id` and `do`; its answer has its `id`.
The cells run in a forked worker, which holds neither stream. While no cell runs the worker is stopped, with all its
threads; what else it has started is killed at the end of the cell.
"""

import base64
import contextlib
import json
import os
import select
import signal
import struct
import sys
import time
from typing import Any

import solvent_files  # type: ignore[import-not-found]  # beside this file only in the box
from solvent_worker import Worker, close_to_children, cpu_s  # type: ignore[import-not-found]  # as above

_TICK_S = 0.05
_END_S = 0.2
"""For the end of a process whose pipes have ended."""
_REPORT_BYTES = 48 << 20
_CHUNK = 1 << 16
_HEADER = struct.Struct("<I")


class Output:
    """What a cell printed: the beginning, the end, and how much it was."""

    def __init__(self, most: int) -> None:
        self._head_bytes = most * 3 // 4
        self._tail_bytes = most - self._head_bytes
        self._head, self._tail = bytearray(), bytearray()
        self.size = 0

    def add(self, data: bytes) -> None:
        """Take more of it."""
        self.size += len(data)
        room = self._head_bytes - len(self._head)
        self._head += data[:room]
        self._tail += data[room:] if room > 0 else data
        if len(self._tail) > 2 * self._tail_bytes:
            del self._tail[: -self._tail_bytes]

    def text(self) -> str:
        """Return it, with a mark where something was left out."""
        tail = bytes(self._tail[-self._tail_bytes :])
        left_out = self.size - len(self._head) - len(tail)
        gap = f"\n[... {left_out} bytes left out ...]\n".encode() if left_out else b""
        return (bytes(self._head) + gap + tail).decode("utf-8", errors="replace")


class Line:
    """Sends a cell to the worker and collects its report and what it prints."""

    def __init__(self, worker: Worker, cell: bytes) -> None:
        self._worker = worker
        self._cell = cell
        self._received = bytearray()
        self.report: bytes | None = None
        self.ended = False
        """Whether there will be no report: the worker's end is closed, or it sends without end."""
        self._poll = select.poll()
        for descriptor in (0, worker.reports, worker.output):
            self._poll.register(descriptor, select.POLLIN)
        self._poll.register(worker.cells, select.POLLOUT)

    def wait(self, output: Output) -> bool:
        """Move what can be moved, waiting for one tick at most; tell whether the service has sent something."""
        ready = dict(self._poll.poll(_TICK_S * 1000))
        worker = self._worker
        if worker.cells in ready:
            self._cell = _write(worker.cells, self._cell)
            if not self._cell:
                self._poll.unregister(worker.cells)
        if worker.output in ready:
            data = _read(worker.output)
            output.add(data)
            if not data and ready[worker.output] & select.POLLHUP:  # the cell has closed it
                self._poll.unregister(worker.output)
        if worker.reports in ready:
            data = _read(worker.reports)
            self._received += data
            self.ended = not data or len(self._received) > _REPORT_BYTES
            if self._received.endswith(b"\n"):
                self.report = bytes(self._received)
        return 0 in ready


class Monitor:
    """Serves one session."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._limits: dict[str, Any] = {}
        self._received = bytearray()
        self._interrupted = False

    def serve(self) -> None:
        """Answer requests until there are no more."""
        while True:
            request = self._next_request()
            try:
                answer = self._answer(request)
            except (OSError, ValueError) as error:
                answer = {"failed": f"{type(error).__name__}: {error}"}
            data = json.dumps({**answer, "id": request["id"]}).encode()
            data = _HEADER.pack(len(data)) + data
            while data:
                data = data[os.write(1, data) :]

    def interrupt(self, *_: object) -> None:
        """Stop the cell that runs now."""
        self._interrupted = True

    def _next_request(self) -> dict[str, Any]:
        while (request := self._take_request()) is None:
            data = os.read(0, _CHUNK)
            if not data:
                self._end()
            self._received += data
        return request

    def _take_request(self) -> dict[str, Any] | None:
        if len(self._received) < _HEADER.size:
            return None
        [length] = _HEADER.unpack_from(self._received)
        if len(self._received) < _HEADER.size + length:
            return None
        request: dict[str, Any] = json.loads(self._received[_HEADER.size : _HEADER.size + length])
        del self._received[: _HEADER.size + length]
        return request

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.close()
        os._exit(0)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "configure":
                self._limits = request["limits"]
                return {}
            case "run":
                return self._run(request)
            case "restart":
                self._drop()
                return {}
            case "files":
                return {"files": solvent_files.listing()}
            case "read":
                data = solvent_files.read(request["name"], request["max_bytes"])
                return {"data": base64.b64encode(data).decode()}
            case "write":
                solvent_files.write(request["name"], base64.b64decode(request["data"]))
                return {}
        raise ValueError(f"unknown request {request['do']!r}")

    def _drop(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        worker = self._worker = self._worker or Worker(self._limits)
        self._interrupted = False
        before = solvent_files.snapshot()
        output, began, cpu_before = Output(self._limits["output_bytes"]), time.monotonic(), cpu_s()
        worker.signal(signal.SIGCONT)
        why, report = self._watch(worker, request, output, began, cpu_before)
        answer: dict[str, Any] = {"status": why or "ok", "report": report, "killed": 0, "died": {}}
        if report is None:
            worker.await_end(_END_S)
            answer["died"] = worker.how_it_ended()
            answer["status"] = why or "died"
            self._drain(worker, output)
            self._drop()
        else:
            worker.signal(signal.SIGSTOP)
            answer["killed"] = worker.end_others()
            self._drain(worker, output)
            while _read(worker.reports):  # of processes that are gone now
                pass
            if answer["killed"] < 0 or worker.wait_status is not None:
                self._drop()
        return {
            **answer,
            "alive": self._worker is not None,
            "output": output.text(),
            "output_bytes": output.size,
            "wall_s": round(time.monotonic() - began, 6),
            "cpu_s": round(max(0.0, cpu_s() - cpu_before), 6),
            "memory_bytes": self._worker.memory_bytes() if self._worker is not None else 0,
            "files": solvent_files.changed(before),
        }

    def _watch(
        self, worker: Worker, request: dict[str, Any], output: Output, began: float, cpu_before: float
    ) -> tuple[str, dict[str, Any] | None]:
        """Wait for the cell's report; return why it was stopped ("" if it was not) and the report, if there is one."""
        line = Line(worker, json.dumps({"cell": request["cell"], "code": request["code"]}).encode() + b"\n")
        why, kill_at = "", 0.0
        while True:
            ready = line.wait(output)
            if ready:
                self._receive()
            worker.reap()
            if line.report is not None:
                report = _checked(line.report, request["cell"])
                return (why if report is not None else "broken"), report
            now = time.monotonic()
            if line.ended or worker.wait_status is not None or (why and now > kill_at):
                return why, None
            if not why and (why := self._reason(request, output, now - began, cpu_before)):
                worker.signal(signal.SIGINT)
                kill_at = now + request["grace_s"]

    def _reason(self, request: dict[str, Any], output: Output, wall_s: float, cpu_before: float) -> str:
        """Return why the cell has to be stopped now."""
        if self._interrupted:
            return "interrupted"
        if output.size > self._limits["flood_bytes"]:
            return "output"
        if wall_s > request["wall_s"]:
            return "timeout"
        return "cpu" if wall_s > request["cpu_s"] / 8 and cpu_s() - cpu_before > request["cpu_s"] else ""

    def _receive(self) -> None:
        """Take what the service sends while a cell runs; it waits for its turn."""
        data = os.read(0, _CHUNK)
        if not data:
            self._end()
        self._received += data

    def _drain(self, worker: Worker, output: Output) -> None:
        while (data := _read(worker.output)) and output.size <= self._limits["flood_bytes"] + (1 << 20):
            output.add(data)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return b""


def _write(descriptor: int, data: bytes) -> bytes:
    """Write what fits; return the rest. To a worker that is gone everything fits."""
    try:
        return data[os.write(descriptor, data) :]
    except BlockingIOError:
        return data
    except OSError:
        return b""


def _checked(data: bytes, cell: int) -> dict[str, Any] | None:
    """Return the report on this cell, None if it is anything else: the worker is the cell's."""
    try:
        report = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) and report.get("cell") == cell else None


def main() -> None:
    """Set up this process and serve."""
    os.environ.update(MPLBACKEND="module://solvent_backend", OPENBLAS_NUM_THREADS="1")
    for name in os.listdir("."):
        # The directory is the cells' from here on.
        if name == "main.py" or name.startswith("solvent_"):
            with contextlib.suppress(OSError):
                os.unlink(name)
    close_to_children()
    monitor = Monitor()
    signal.signal(signal.SIGINT, monitor.interrupt)
    sys.dont_write_bytecode = True
    monitor.serve()


if __name__ == "__main__":
    main()
