"""Probes: what a program can reach from inside."""

from __future__ import annotations

import os
import socket
import tempfile

from solvent.sandbox.base import RunStatus
from solvent.sandbox.check.probe import Broken, Probe, Runs, limits_with
from solvent.sandbox.languages import find_language

_ENVIRONMENT = {"PATH", "HOME", "LANG", "LC_ALL", "PWD", "TMPDIR"}
_UIDS = 4

_NETWORK = """
import socket
for name in dir(socket):
    if not name.startswith("AF_") or name in ("AF_UNIX", "AF_UNSPEC"): continue
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try: socket.socket(getattr(socket, name), kind).close()
        except OSError: continue
        print("a socket of family", name, "can be made")
        break
"""

_INTERFACES = """
import os
try: names = [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line]
except OSError: names = []
for name in names:
    if name != "lo" and not name.startswith(("tunl", "sit", "gre", "ip6", "ip_", "erspan", "dummy")):
        print("there is an interface", name)
"""

_WRITABLE = """
import os
own = {"/w", "/tmp", "/dev/shm", "/proc"}
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in own]
    if folder.count("/") > 3: folders.clear()
    if not os.access(folder, os.W_OK): continue
    # Rights alone decide nothing: a folder of message queues is open to all, and makes none for us.
    try: open(os.path.join(folder, "check"), "w").close()
    except OSError: continue
    print(folder, "can be written to")
for path in ("/etc/check", "/check", "/usr/bin/check", "/solvent/check", "/proc/sys/kernel/hostname"):
    try:
        with open(path, "w") as file: file.write("x")
    except OSError: continue
    print(path, "was written")
for path in ("/usr/bin/python3", "/bin/sh", "/etc/passwd", "/solvent/supervisor"):
    if os.access(path, os.W_OK): print(path, "can be written to")
"""

_HOST = """
import os, socket
for path in input().split("\\0"):
    if os.path.lexists(path): print("sees", path)
for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/.dockerenv/x"):
    if os.path.lexists(path): print("sees", path)
for path in ("/etc/shadow", "/proc/kcore", "/dev/mem", "/dev/kmsg", "/proc/1/environ"):
    try: open(path, "rb").read(1)
    except OSError: continue
    print("reads", path)
for path in ("/root", "/home"):
    try: names = os.listdir(path)
    except OSError: continue
    if names: print("lists", path, names[:3])
"""

_PRIVILEGES = """
import os
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
wanted = dict.fromkeys(("CapEff", "CapPrm", "CapInh", "CapAmb"), "0" * 16)
for name, value in {**wanted, "NoNewPrivs": "1", "Seccomp": "2"}.items():
    if status[name].strip() != value: print(name, "is", status[name].strip())
if 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid()): print("runs as root")
for what, call in {
    "setuid": lambda: os.setuid(0),
    "setgid": lambda: os.setgid(0),
    "setgroups": lambda: os.setgroups([0]),
    "chroot": lambda: os.chroot("/tmp"),
    "chown": lambda: os.chown("/tmp", 0, 0),
    "mknod": lambda: os.mknod("/tmp/device", 0o60600, 0x800),
}.items():
    try: call()
    except OSError: continue
    print(what, "was allowed")
"""

_SUPERVISOR = """
import os, resource, signal
for what, call in {
    "the memory of PID 1 can be opened": lambda: open("/proc/1/mem", "rb"),
    "the descriptors of PID 1 can be listed": lambda: os.listdir("/proc/1/fd"),
    "the folder of PID 1 can be read": lambda: os.readlink("/proc/1/cwd"),
    "the environment of PID 1 can be read": lambda: open("/proc/1/environ", "rb").read(),
    "limits of PID 1 can be changed": lambda: resource.prlimit(1, resource.RLIMIT_CPU, (0, 0)),
    "the priority of PID 1 can be changed": lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
}.items():
    try: call()
    except OSError: continue
    print(what)
descriptors = [int(name) for name in os.listdir("/proc/self/fd")]
for number in descriptors:
    try: target = os.readlink("/proc/self/fd/%d" % number)
    except OSError: continue
    if number > 2: print("has a descriptor", number, target)
"""

_KILL_ALL = """
import os, signal
for pid in (1, -1, *range(2, 200)):
    for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
        if pid == os.getpid(): continue
        try: os.kill(pid, number)
        except OSError: pass
"""

_CALLS = """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
calls = {
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280), "ptrace": (101, 117), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "unshare": (272, 97), "setns": (308, 268), "fsopen": (430, 430),
    "open_tree": (428, 428), "move_mount": (429, 429), "perf_event_open": (298, 241), "clone3": (435, 435),
    "kcmp": (312, 272), "pidfd_getfd": (438, 438), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "personality": (135, 92), "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104), "reboot": (169, 142),
    "swapon": (167, 224), "settimeofday": (164, 170), "clock_settime": (227, 112), "sethostname": (170, 161),
    "acct": (163, 89), "quotactl": (179, 60), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "syslog": (103, 116), "fanotify_init": (300, 262),
}
for name, numbers in calls.items():
    ctypes.set_errno(0)
    result = libc.syscall(numbers[arm], 0x400000, 1, 1, 1, 1)
    error = ctypes.get_errno()
    if not (result == -1 and error in (1, 38)): print(name, "is let through:", result, "errno", error)
for flag, name in ((0x10000000, "user"), (0x20000000, "pid"), (0x00020000, "mount"), (0x40000000, "network")):
    if arm: break
    ctypes.set_errno(0)
    if libc.syscall(56, flag | 17, 0, 0, 0, 0) >= 0: print("a new", name, "namespace was made")
"""

_HOLD = """
import os, socket, sys
for folder in ("/tmp", "/dev/shm", "/w"):
    try: open(os.path.join(folder, "solvent-check-neighbour"), "w").close()
    except OSError: pass
listener = socket.socket(socket.AF_UNIX)
try:
    listener.bind("\\0solvent-check-neighbour")
    listener.listen()
except OSError: pass
print("ready", flush=True)
sys.stdin.read()
"""

_LOOK = """
import os, socket
for folder in ("/tmp", "/dev/shm", "/w"):
    path = os.path.join(folder, "solvent-check-neighbour")
    if os.path.exists(path): print("sees a file of another program:", path)
try:
    other = socket.socket(socket.AF_UNIX)
    other.connect("\\0solvent-check-neighbour")
    print("is connected with another program")
except OSError: pass
"""


async def _network(runs: Runs) -> str:
    await runs.nothing_printed(_NETWORK)
    await runs.nothing_printed(_INTERFACES)
    return "every socket family but local ones is refused; no interface"


async def _read_only(runs: Runs) -> str:
    await runs.nothing_printed(_WRITABLE, cpu_time_s=5)
    return "only /w, /tmp and /dev/shm can be written to"


async def _host(runs: Runs) -> str:
    with tempfile.NamedTemporaryFile(prefix="solvent-check-") as canary:
        paths = [canary.name, __file__]
        await runs.nothing_printed(_HOST, stdin="\0".join(paths).encode() + b"\n")
    name = await runs.printed("import socket; print(socket.gethostname())")
    if name == socket.gethostname():
        raise Broken(f"a program sees this machine's name, {name!r}")
    return "a file of this machine, our own code and the engine's socket are not to be seen"


async def _environment(runs: Runs) -> str:
    seen = set((await runs.printed("import os; print(*os.environ)")).split())
    foreign = seen - _ENVIRONMENT - set(find_language("python").environment)
    if foreign:
        raise Broken(f"variables {', '.join(sorted(foreign))}")
    return f"{len(seen)} variables, all set by the sandbox"


async def _privileges(runs: Runs) -> str:
    await runs.nothing_printed(_PRIVILEGES)
    return "no capability, no new privileges, filter in force"


async def _uid_per_run(runs: Runs) -> str:
    uids = {await runs.printed("import os; print(os.getuid())") for _ in range(_UIDS)}
    if len(uids) != _UIDS:
        raise Broken(f"{_UIDS} runs had {len(uids)} user ids")
    return f"{_UIDS} runs, {_UIDS} user ids"


async def _system_calls(runs: Runs) -> str:
    await runs.nothing_printed(_CALLS)
    return "41 of them, and new namespaces"


async def _foreign_calls(runs: Runs) -> str:
    if os.uname().machine != "x86_64":
        return "this machine has none"
    source = 'int main(void) { int r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(20)); return r == 0; }'
    build = await runs.build(source, "c")
    if not build.ok:
        raise Broken("a C program does not compile")
    result = await runs.run(source, "c")
    if result.status is not RunStatus.SIGNAL:
        raise Broken("a 32-bit system call was let through")
    return "a 32-bit system call ends the program"


async def _supervisor(runs: Runs) -> str:
    await runs.nothing_printed(_SUPERVISOR)
    return "PID 1 cannot be read or changed; descriptors 0, 1 and 2 only"


async def _signals(runs: Runs) -> str:
    await runs.run(_KILL_ALL)
    await runs.still_serves()
    return "signals to every process; the next program runs"


async def _neighbours(runs: Runs) -> str:
    build = await runs.build(_HOLD)
    async with runs.sandbox.connect(build, limits=limits_with(), job="check", slot=False) as neighbour:
        await neighbour.receive()
        await runs.nothing_printed(_LOOK)
        await neighbour.close_stdin()
    return "files and sockets of one are not to be seen by the other"


PROBES = (
    Probe("network", "isolation", "no network", _network, "network_refused"),
    Probe("read-only", "isolation", "system files cannot be changed", _read_only, "root_read_only"),
    Probe("host", "isolation", "nothing of this machine is visible", _host),
    Probe("environment", "isolation", "no variable of this machine", _environment),
    Probe("privileges", "isolation", "no privileges, no way to get any", _privileges),
    Probe("uid-per-run", "isolation", "every run has its own user id", _uid_per_run, "uid_per_run"),
    Probe("system-calls", "isolation", "dangerous system calls refused", _system_calls, "system_calls_filtered"),
    Probe("32-bit-calls", "isolation", "system calls of other kinds refused", _foreign_calls, "system_calls_filtered"),
    Probe("supervisor", "isolation", "the supervisor is out of reach", _supervisor),
    Probe("signals", "isolation", "signals harm nobody else", _signals),
    Probe("neighbours", "isolation", "programs at the same time are apart", _neighbours),
)
