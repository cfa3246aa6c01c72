"""Probes: limits hold for the whole process tree, and are told apart."""

from __future__ import annotations

from solvent.sandbox.base import RunStatus
from solvent.sandbox.check.probe import MB, Broken, Probe, Runs, ending

_MOST_DISK_MB = 512
_SPIN = "while True: pass"
_SPIN_IN_CHILDREN = """
import os
for _ in range(3):
    if os.fork() == 0:
        while True: pass
for _ in range(3): os.wait()
"""
_SPIN_DETACHED = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: pass
    os._exit(0)
os.wait()
time.sleep(60)
"""
_EAT = "data = []\nwhile True: data.append(bytearray(b'x' * (1 << 20)))"
_EAT_IN_CHILDREN = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        data = bytearray(b"x" * (48 << 20))
        time.sleep(30)
        os._exit(0)
time.sleep(30)
"""
_EAT_TMPFS = """
data = bytes(1 << 20)
with open("/tmp/data", "wb", buffering=0) as file:
    written = 0
    try:
        while True:
            file.write(data)
            written += 1
            if written % 16 == 0:
                file.close()
                file = open("/tmp/data%d" % written, "wb", buffering=0)
    except OSError as error:
        print(written, error.errno)
"""
_KILL_ITSELF = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
_FORKS = """
import os, time
made = 0
try:
    while made < 5000:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        made += 1
except OSError: pass
print(made, flush=True)
os._exit(0)
"""
_FORK_BOMB = """
import os
while True:
    try: os.fork()
    except OSError: pass
"""
_THREADS = """
import threading, time
made = 0
try:
    while made < 5000:
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
        made += 1
except RuntimeError: pass
import os
print(made, flush=True)
os._exit(0)
"""
_BIG_FILE = """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
data, written = bytes(1 << 20), 0
try:
    with open("big", "wb", buffering=0) as file:
        while written < 512: written += file.write(data) >> 20
except OSError: pass
print(written)
"""
_INODES = """
import os
made = 0
try:
    while made < 200000:
        os.close(os.open("f%d" % made, os.O_CREAT | os.O_WRONLY))
        made += 1
except OSError: pass
print(made)
"""
_OPEN_FILES = """
import os
made = 0
try:
    while made < 100000:
        os.dup(0)
        made += 1
except OSError: pass
print(made)
"""
_FLOOD = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
_RECURSION = """
#include <stdio.h>
static long deep(long n) { volatile char room[1024]; room[0] = (char)n; return n ? deep(n - 1) + room[0] * 0 + 1 : 0; }
int main(void) { printf("%ld\\n", deep(40000)); return 0; }
"""


async def _cpu(runs: Runs) -> str:
    result = await runs.ends_with(_SPIN, RunStatus.CPU_TIME, cpu_time_s=0.3)
    if not 0.3 <= result.cpu_s < 1.0:
        raise Broken(f"stopped after {result.cpu_s:.2f} s of CPU time instead of 0.3 s")
    return f"limit 0.3 s, stopped at {result.cpu_s:.2f} s"


async def _cpu_tree(runs: Runs) -> str:
    result = await runs.ends_with(_SPIN_IN_CHILDREN, RunStatus.CPU_TIME, cpu_time_s=0.5)
    again = await runs.ends_with(_SPIN_DETACHED, RunStatus.CPU_TIME, cpu_time_s=0.5)
    return f"children stopped at {result.cpu_s:.2f} s, a detached one at {again.cpu_s:.2f} s; limit 0.5 s"


async def _wall(runs: Runs) -> str:
    result = await runs.ends_with("import time; time.sleep(60)", RunStatus.WALL_TIME, wall_time_s=0.5)
    return f"limit 0.5 s, stopped at {result.wall_s:.2f} s"


async def _memory(runs: Runs) -> str:
    result = await runs.ends_with(_EAT, RunStatus.MEMORY, memory_mb=64)
    if result.peak_memory_mb is None:
        return "limit 64 MiB held; the peak is not known"
    return f"limit 64 MiB, peak {result.peak_memory_mb:.0f} MiB"


async def _memory_tree(runs: Runs) -> str:
    await runs.ends_with(_EAT_IN_CHILDREN, RunStatus.MEMORY, memory_mb=128)
    return "four children of 48 MiB do not fit 128 MiB"


async def _told_apart(runs: Runs) -> str:
    killed = await runs.ends_with(_KILL_ITSELF, RunStatus.SIGNAL)
    if killed.signal != 9:
        raise Broken(f"a program that killed itself: {ending(killed)}")
    for code in (124, 137, 139):
        left = await runs.ends_with(f"import os; os._exit({code})", RunStatus.EXIT)
        if left.exit_code != code:
            raise Broken(f"exit code {code} was reported as {ending(left)}")
    return "memory, own SIGKILL and exit codes 124, 137, 139 are four different endings"


async def _processes(runs: Runs) -> str:
    made = await runs.number(_FORKS, processes=16)
    if made > 16:
        raise Broken(f"{made} processes with a limit of 16")
    await runs.run(_FORK_BOMB, cpu_time_s=0.5, wall_time_s=2)
    await runs.still_serves()
    return f"limit 16, {made} made; a fork bomb ends with its program"


async def _threads(runs: Runs) -> str:
    made = await runs.number(_THREADS, processes=16)
    if made > 16:
        raise Broken(f"{made} threads with a limit of 16")
    return f"limit 16, {made} made"


async def _file_size(runs: Runs) -> str:
    written = await runs.number(_BIG_FILE, file_size_mb=4, memory_mb=256)
    if written > 4:
        raise Broken(f"a file of {written} MiB with a limit of 4")
    return f"limit 4 MiB, {written} MiB written"


async def _disk(runs: Runs) -> str:
    result = await runs.run(_EAT_TMPFS, memory_mb=512, cpu_time_s=5)
    if result.status is RunStatus.MEMORY:
        return "counts as memory, and ended the program there"
    if result.status is not RunStatus.OK:
        raise Broken(f"writing until /tmp is full ended with {ending(result)}")
    written = int(result.stdout.split()[0])
    if written > _MOST_DISK_MB:
        raise Broken(f"{written} MiB could be written")
    await runs.still_serves()
    return f"full at {written} MiB; empty again for the next program"


async def _inodes(runs: Runs) -> str:
    made = await runs.number(_INODES, cpu_time_s=10, wall_time_s=20, memory_mb=512)
    if made >= 100_000:
        raise Broken(f"{made} files could be made")
    await runs.still_serves()
    return f"no more than {made} files"


async def _open_files(runs: Runs) -> str:
    made = await runs.number(_OPEN_FILES, open_files=64)
    if made > 64:
        raise Broken(f"{made} descriptors with a limit of 64")
    return f"limit 64, {made} more could be opened"


async def _output(runs: Runs) -> str:
    result = await runs.ends_with(_FLOOD, RunStatus.OUTPUT, output_bytes=MB)
    if not result.stdout_truncated or len(result.stdout) != MB:
        raise Broken(f"{len(result.stdout)} bytes were kept with a limit of {MB}")
    return "limit 1 MiB; the first 1 MiB is kept"


async def _streams(runs: Runs) -> str:
    """Nobody waits for anybody: a large output, a large standard error and unread input at once."""
    source = "import sys\nsys.stderr.write('e' * (2 << 20))\nsys.stdout.write('o' * (4 << 20))"
    result = await runs.run(source, stdin=b"i" * (4 * MB), output_bytes=8 * MB)
    if result.status is not RunStatus.OK or len(result.stdout) != 4 * MB:
        raise Broken(f"{ending(result)}, {len(result.stdout)} bytes of 4 MiB")
    return "4 MiB in, unread; 4 MiB out, 2 MiB of standard error: no deadlock"


async def _deep_recursion(runs: Runs) -> str:
    result = await runs.run(_RECURSION, "c", memory_mb=256)
    if result.status is not RunStatus.OK or result.stdout != b"40000\n":
        raise Broken(f"40 MiB of stack: {ending(result)}")
    return "40 MiB of stack within 256 MiB of memory"


PROBES = (
    Probe("cpu-time", "limits", "CPU time", _cpu),
    Probe("cpu-time-tree", "limits", "CPU time of all processes together", _cpu_tree, "cpu_tree_counted"),
    Probe("wall-time", "limits", "wall-clock time", _wall),
    Probe("memory", "limits", "memory", _memory),
    Probe("memory-tree", "limits", "memory of all processes together", _memory_tree, "memory_tree_limited"),
    Probe("endings", "limits", "out of memory told from other kills", _told_apart, "oom_told_apart"),
    Probe("processes", "limits", "processes", _processes),
    Probe("threads", "limits", "threads", _threads),
    Probe("file-size", "limits", "size of a file", _file_size),
    Probe("disk", "limits", "disk space", _disk),
    Probe("inodes", "limits", "number of files", _inodes, "inodes_limited"),
    Probe("open-files", "limits", "open files", _open_files),
    Probe("output", "limits", "size of the output", _output),
    Probe("streams", "limits", "streams never block each other", _streams),
    Probe("stack", "limits", "deep recursion within the memory limit", _deep_recursion),
)
