"""What the next program finds: prints one JSON line with findings (to be empty) and facts."""

import ctypes
import fcntl
import heapq
import json
import os
import random
import resource
import select
import signal
import socket
import stat
import sys
import threading
import time

expected = json.load(sys.stdin)
found = []
libc = ctypes.CDLL(None, use_errno=True)


def check(what, actual, wanted):
    if actual != wanted:
        found.append(f"{what}: {actual!r}, not {wanted!r}")


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def start_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[19])


me = status_of("self")
check("own files", sorted(os.listdir(".")), ["main.py"])
check("/tmp", os.listdir("/tmp"), [])
check("/dev/shm", os.listdir("/dev/shm"), [])
check("/w", [os.path.join("/w", name) for name in os.listdir("/w")], [os.getcwd()])
for path in ("/w", "/tmp", "/dev/shm"):
    room = os.statvfs(path)
    if (room.f_blocks - room.f_bfree) * room.f_frsize > 1 << 20:
        found.append(f"{path}: {(room.f_blocks - room.f_bfree) * room.f_frsize} bytes in use")
    if room.f_files - room.f_ffree > 8:
        found.append(f"{path}: {room.f_files - room.f_ffree} inodes in use")
    check(f"mode of {path}", stat.S_IMODE(os.stat(path).st_mode), 0o1777)

others = []
zygotes = 0
for name in os.listdir("/proc"):
    if not name.isdigit() or int(name) in (1, os.getpid()):
        continue
    try:
        other = status_of(name)
        # The pristine interpreter that Python programs are forked from belongs to the supervisor.
        if other["PPid"] == "1" and other["Uid"] == status_of(1)["Uid"] and other["Uid"] != me["Uid"]:
            zygotes += 1
        else:
            others.append((name, other["Name"], other["State"], other["PPid"], other["Uid"].split()[0]))
    except OSError:
        continue
check("processes", others, [])
if zygotes > 1:
    found.append(f"{zygotes} processes beside the supervisor")

for kind in ("shm", "sem", "msg"):
    try:
        with open(f"/proc/sysvipc/{kind}") as file:
            check(f"System V {kind}", file.read().splitlines()[1:], [])
    except OSError:
        pass
try:
    check("/dev/mqueue", os.listdir("/dev/mqueue"), [])
except OSError:
    pass
try:
    with open("/proc/net/unix") as file:
        check("unix sockets", [line.split()[-1] for line in file.read().splitlines()[1:] if "@" in line], [])
except OSError:
    pass

descriptors = []
for number in range(0, 1024):
    try:
        fcntl.fcntl(number, fcntl.F_GETFD)
        descriptors.append(number)
    except OSError:
        pass
check("descriptors", descriptors, [0, 1, 2])
for number in (0, 1, 2):
    flags = fcntl.fcntl(number, fcntl.F_GETFL)
    if flags & (os.O_NONBLOCK | os.O_ASYNC):
        found.append(f"descriptor {number} has flags {flags:o}")
# Locks that another program holds on files that all share.
for path in (sys.executable, "/usr/bin/python3", "/lib64/ld-linux-x86-64.so.2"):
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        pass
    except OSError as error:
        found.append(f"lock on {path}: {error}")

check("environment", sorted(os.environ), sorted(expected["environment"]))
for name, value in expected["environment"].items():
    if value is not None:
        check(f"${name}", os.environ.get(name), value)
check("HOME", os.environ.get("HOME"), os.getcwd())
check("arguments", sys.argv, ["main.py"])
check("directory on the path", [path for path in sys.path if path.startswith(("/w", "/tmp", "/dev", "/home", "/root"))],
      [os.getcwd()])
for module in (json, heapq, os, random, socket, threading):
    if not module.__file__.startswith("/usr/lib/python3"):
        found.append(f"module {module.__name__} comes from {module.__file__}")
for name in ("sitecustomize", "usercustomize"):
    if name in sys.modules and not (sys.modules[name].__file__ or "").startswith(("/usr/lib/python3", "/etc/python3")):
        found.append(f"{name} from {sys.modules[name].__file__}")

check("uids", set(me["Uid"].split()) == {str(os.getuid())}, True)
check("gids", set(me["Gid"].split()) == {str(os.getgid())}, True)
check("groups", me["Groups"].split(), [] if expected["uid_per_run"] else me["Groups"].split())
for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
    check(field, int(me[field], 16), 0)
check("NoNewPrivs", me["NoNewPrivs"], "1")
check("Seccomp", me["Seccomp"], "2")
check("blocked signals", int(me["SigBlk"], 16), 0)
# Python itself ignores SIGPIPE and SIGXFSZ.
check("ignored signals", int(me["SigIgn"], 16), 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)
check("pending signals", int(me["SigPnd"], 16) | int(me["ShdPnd"], 16), 0)
check("umask", me["Umask"], "0077")
check("parent", os.getppid(), 1)
check("session and group", (os.getsid(0), os.getpgid(0)), (os.getpid(), os.getpid()))
check("threads", me["Threads"], "1")
check("nice", os.getpriority(os.PRIO_PROCESS, 0), 0)
check("scheduler", os.sched_getscheduler(0), os.SCHED_OTHER)
check("timers", [signal.getitimer(kind)[0] for kind in (0, 1, 2)], [0.0, 0.0, 0.0])
check("personality", libc.personality(ctypes.c_ulong(0xFFFFFFFF)), 0)
with open("/proc/self/oom_score_adj") as file:
    check("oom_score_adj", file.read().strip(), "1000")
with open("/proc/self/timerslack_ns") as file:
    check("timer slack", file.read().strip(), "50000")

limits = {
    "RLIMIT_NOFILE": expected["open_files"], "RLIMIT_CORE": 0, "RLIMIT_MEMLOCK": 0, "RLIMIT_MSGQUEUE": 0,
}
for name, wanted in limits.items():
    check(name, resource.getrlimit(getattr(resource, name)), (wanted, wanted))
check("file size limited", 0 < resource.getrlimit(resource.RLIMIT_FSIZE)[1] <= expected["file_bytes"], True)
check("processes limited", 0 < resource.getrlimit(resource.RLIMIT_NPROC)[1] <= expected["processes"], True)
check("stack", resource.getrlimit(resource.RLIMIT_STACK)[1], expected["stack_bytes"])
check("CPU time limited", 0 < resource.getrlimit(resource.RLIMIT_CPU)[1] <= 10, True)
check("Python recursion limit", sys.getrecursionlimit(), 1000)
check("thread stack", threading.stack_size(), 0)
check("threads of Python", threading.active_count(), 1)
check("signal handlers", [n for n in range(1, 32) if n not in (2, 9, 13, 19, 25) and signal.getsignal(n) is not signal.SIG_DFL], [])

# A little work.
heap = [(n * 7919) % 1009 for n in range(1000)]
heapq.heapify(heap)
check("heap", [heapq.heappop(heap) for _ in range(5)], sorted((n * 7919) % 1009 for n in range(1000))[:5])
block = bytearray(24 << 20)
block[:: 4096] = b"x" * len(block[::4096])
check("memory", sum(block[::4096]), 120 * len(block[::4096]))
with open("file", "w") as file:
    file.write("room")
with open("file") as file:
    check("file", file.read(), "room")
pid = os.fork()
if pid == 0:
    os._exit(7)
check("fork", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 7)
seen = []
threads = [threading.Thread(target=seen.append, args=(n,)) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
check("threads run", sorted(seen), list(range(8)))
one, other = socket.socketpair()
one.sendall(b"hello")
check("select", select.select([other], [], [], 1.0)[0], [other])
print(json.dumps({"found": found, "uid": os.getuid(), "supervisor": start_of(1), "zygotes": zygotes,
                  "now": time.time() > 1.6e9, "answer": sum(n * n for n in range(1000))}))
