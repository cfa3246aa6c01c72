"""PID 1 of the box: receives programs over its standard input, runs them one at a time, reports over standard output.

Requests (see `frames`), each answered by one frame:

    put  {"key"} + blob: keep a file under a key for later runs. Answer: {"op": "done"}
    forget {}: drop all kept files, because another program comes next. Answer: {"op": "done"}
    run  {"argv", "environment", "files", "stdin", "limits", "keep", "merge", "stderr_bytes"} + blobs: run a program.
         Answer: {"op": "result", "status", "exit_code", "signal", "cpu_s", ...} + standard output and error

The first frame, unasked, is {"op": "ready", ...}. The end of the input, or anything on it during a run, ends the box:
so no program outlives the service, and a cancelled run is killed by hanging up.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from . import frames, meters, seccomp, system
from .child import Limits, check_name
from .run import Box, FileToKeep, Request, execute

WRITABLE = ("/w", "/tmp", "/dev/shm")  # noqa: S108  inside the box

_PROGRAMS_FIRST_UID = 1_000_000
_UIDS_PER_BOX = 10_000


def main(config: dict[str, Any]) -> None:
    """Serve until the input ends.

    Args:
        config: `slot` (small number; boxes that run at the same time should differ), `mounts` (tmpfs options by path,
            mounted here if the box has CAP_SYS_ADMIN, which is dropped afterwards).
    """
    channel_in = os.dup(0)
    channel_out = os.dup(1)
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for standard in (0, 1):
        os.dup2(null, standard)
    system.set_dumpable(False)
    mounted = _mount(config.get("mounts") or {})
    capabilities = system.held_capabilities()
    uid_per_run = os.getuid() == 0 and _has(capabilities, system.CAP_SETUID) and _has(capabilities, system.CAP_SETGID)
    system.keep_capabilities((1 << system.CAP_SETUID | 1 << system.CAP_SETGID) if uid_per_run else 0)
    system.no_new_privileges()
    meter = meters.find_meter()
    writable = _writable()
    box = Box(
        meter=meter,
        seccomp_filter=seccomp.build(),
        writable=writable,
        channel=(channel_in, channel_out),
        first_uid=_first_uid(int(config.get("slot", 0))) if uid_per_run else None,
        uids=_UIDS_PER_BOX,
    )
    ready = {
        "op": "ready",
        "uid_per_run": uid_per_run,
        "cgroup": meter.kind,
        "inode_limit": mounted,
        "pid": os.getpid(),
        "python": sys.version.split()[0],
    }
    system.write_all(channel_out, frames.encode(ready))
    _serve(box, channel_in, channel_out)


def _serve(box: Box, channel_in: int, channel_out: int) -> None:
    store: dict[str, int] = {}
    usable = True
    while usable:
        frame = _read_frame(channel_in)
        if frame is None:
            return
        header, blobs = frame
        # Inputs may be large; from here on they exist once, in anonymous files.
        del frame
        if header["op"] == "put":
            _keep(store, header["key"], system.memory_file("file", blobs[0]))
            del blobs
            answer = frames.encode({"op": "done"})
        elif header["op"] == "forget":
            for descriptor in store.values():
                os.close(descriptor)
            store.clear()
            answer = frames.encode({"op": "done"})
        else:
            own: list[int] = []
            request = _request(header, blobs, store, own)
            del blobs
            answer, usable = _run(box, header["keep"], request, store)
            for descriptor in own:
                os.close(descriptor)
        system.write_all(channel_out, answer)


def _keep(store: dict[str, int], key: str, descriptor: int) -> None:
    old = store.pop(key, None)
    if old is not None:
        os.close(old)
    store[key] = descriptor


def _request(header: dict[str, Any], blobs: list[bytes], store: dict[str, int], own: list[int]) -> Request:
    """Return the run that is asked for; descriptors that were made for it are added to `own`."""

    def memory_file(blob: bytes) -> int:
        own.append(system.memory_file("file", blob))
        return own[-1]

    def content(file: dict[str, Any]) -> int:
        return store[file["key"]] if "key" in file else memory_file(blobs[file["blob"]])

    return Request(
        argv=header["argv"],
        environment=header["environment"],
        files=[(check_name(file["name"]), file["mode"], content(file)) for file in header["files"]],
        stdin=memory_file(blobs[header["stdin"]]),
        limits=Limits(**header["limits"]),
        keep=[FileToKeep(check_name(entry["name"]), entry["max_bytes"]) for entry in header["keep"]],
        merge=header["merge"],
        stderr_bytes=header["stderr_bytes"],
    )


def _run(box: Box, keep: list[dict[str, Any]], request: Request, store: dict[str, int]) -> tuple[bytes, bool]:
    result = execute(box, request)
    for entry, kept in zip(keep, result.kept, strict=True):
        if kept is not None:
            _keep(store, entry["key"], kept)
    report = {
        "op": "result",
        **result.report,
        "kept": [kept is not None for kept in result.kept],
        "usable": result.usable,
    }
    return frames.encode(report, [result.stdout, result.stderr]), result.usable


def _read_frame(descriptor: int) -> frames.Frame | None:
    prefix = _read(descriptor, frames.PREFIX.size)
    if prefix is None:
        return None
    header_size, body_size = frames.decode_prefix(bytes(prefix))
    header, body = _read(descriptor, header_size), _read(descriptor, body_size)
    if header is None or body is None:
        return None
    return frames.decode(bytes(header), memoryview(body))


def _read(descriptor: int, size: int) -> bytearray | None:
    buffer = bytearray()
    while len(buffer) < size:
        part = os.read(descriptor, min(size - len(buffer), 1 << 20))
        if not part:
            return None
        buffer += part
    return buffer


def _mount(mounts: dict[str, str]) -> bool:
    if not mounts or not _has(system.held_capabilities(), system.CAP_SYS_ADMIN):
        return False
    for path, options in mounts.items():
        system.mount_tmpfs(path, options, executable=path == "/w")
    return True


def _writable() -> tuple[str, ...]:
    """Return the directories that programs may write to, and make sure that they may."""
    found = []
    for path in WRITABLE:
        if os.path.isdir(path) and os.access(path, os.W_OK):
            # A container engine gives a tmpfs the mode of the directory in the image, whatever its options say.
            os.chmod(path, 0o1777)  # noqa: S103  like /tmp everywhere
            found.append(path)
    return tuple(found)


def _has(capabilities: int, capability: int) -> bool:
    return bool(capabilities >> capability & 1)


def _first_uid(slot: int) -> int:
    """Return the first uid for the programs of this box; it must be one that the box's user namespace maps."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        mapped = max(int(line.split()[0]) + int(line.split()[2]) for line in file)
    wanted = _PROGRAMS_FIRST_UID + slot * _UIDS_PER_BOX
    if wanted + _UIDS_PER_BOX <= mapped:
        return wanted
    room = max(1, (mapped - 2000) // _UIDS_PER_BOX)
    return 2000 + slot % room * _UIDS_PER_BOX
