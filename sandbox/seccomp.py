"""The seccomp filter of every program: a BPF program, put together by hand.

It refuses the system calls that have been ways out of containers, or that let something outlive a run: stock filters
let several of them through (Docker 20.10: io_uring, AF_VSOCK, netlink, 32-bit calls; bubblewrap has no filter at all).
Everything else is allowed, so that ordinary programs, threads and run times work.

Layout: check the architecture (another one, or an x32 call, kills the process), load the call number, then one
`jump-if-equal` with its own `return` per refused call. Calls judged by an argument load it, test it and return.
"""

from __future__ import annotations

import errno
import platform
import struct

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_GREATER_EQUAL = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000

_NUMBER_OFFSET = 0
_ARCHITECTURE_OFFSET = 4
_ARGUMENTS_OFFSET = 16  # six 64-bit words; the low half comes first on both (little-endian) architectures

_X32_BIT = 0x40000000
_AF_UNIX = 1
_PID_OF_SUPERVISOR = 1
_ADDR_NO_RANDOMIZE = 0x0040000
_QUERY = 0xFFFFFFFF
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_NAMESPACE_FLAGS = 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x00020000

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""AUDIT_ARCH value, and the column of the table below."""

# name: (number on x86_64, number on aarch64), None where the architecture has no such call.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # look into or steer other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "move_pages": (279, 239), "migrate_pages": (256, 238),
    # large kernel surfaces with a history
    "userfaultfd": (323, 282), "bpf": (321, 280), "perf_event_open": (298, 241), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "fanotify_init": (300, 262), "lookup_dcookie": (212, 18),
    # mounts, roots and namespaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "statmount": (457, 457), "listmount": (458, 458), "open_tree_attr": (467, 467), "listns": (470, 470),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # the machine itself
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162), "syslog": (103, 116),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "nfsservctl": (180, 42), "vhangup": (153, 58),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "uselib": (134, None),
    "ustat": (136, None), "sysfs": (139, None), "_sysctl": (156, None), "create_module": (174, None),
    "query_module": (178, None), "get_kernel_syms": (177, None),
    # System V and POSIX message objects outlive the process that made them
    "shmget": (29, 194), "shmctl": (31, 195), "shmat": (30, 196), "semget": (64, 190), "semctl": (66, 191),
    "msgget": (68, 186), "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181),
}  # fmt: skip

# Refused as if the kernel did not have them, so that libraries fall back to the older way.
_ABSENT: dict[str, tuple[int | None, int | None]] = {
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "clone3": (435, 435), "memfd_secret": (447, 447),
}  # fmt: skip

_CLONE, _SOCKET, _SOCKETPAIR = (56, 220), (41, 198), (53, 199)
_PERSONALITY, _IOCTL, _SETPRIORITY = (135, 92), (16, 29), (141, 140)
# Calls whose first argument is a process: refused for the supervisor, which in some modes has the same uid.
_ON_PROCESS = {
    "prlimit64": (302, 261), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122), "sched_setattr": (314, 274),
}  # fmt: skip
_IOPRIO_SET = (251, 30)

_Instruction = tuple[int, int, int, int]


def supported(machine: str | None = None) -> bool:
    """Tell whether there is a filter for this architecture."""
    return (machine or platform.machine()) in _ARCHITECTURES


def build(machine: str | None = None) -> bytes:
    """Return the filter as an array of `struct sock_filter`.

    Raises:
        KeyError: there is none for this architecture.
    """
    architecture, column = _ARCHITECTURES[machine or platform.machine()]
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_OFFSET),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        (_JUMP_GREATER_EQUAL, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _KILL_PROCESS),
    ]
    for table, error in ((_REFUSED, errno.EPERM), (_ABSENT, errno.ENOSYS)):
        for numbers in table.values():
            number = numbers[column]
            if number is not None:
                program += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | error)]

    def judge(numbers: tuple[int, int], body: list[_Instruction]) -> None:
        """Add a call that `body` decides; it always returns."""
        program.append((_JUMP_EQUAL, 0, len(body), numbers[column]))
        program.extend(body)

    unix_only = _only_values(0, (_AF_UNIX,), errno.EAFNOSUPPORT)
    judge(_SOCKET, unix_only)
    judge(_SOCKETPAIR, unix_only)
    judge(_PERSONALITY, _only_values(0, (0, _ADDR_NO_RANDOMIZE, _QUERY), errno.EPERM))
    judge(_IOCTL, _not_values(1, (_TIOCSTI, _TIOCLINUX)))
    judge(
        _CLONE,
        [_argument(0), (_JUMP_ANY_BIT, 0, 1, _NAMESPACE_FLAGS), (_RETURN, 0, 0, _ERRNO | errno.EPERM), _allow()],
    )
    for numbers in _ON_PROCESS.values():
        judge(numbers, _not_values(0, (_PID_OF_SUPERVISOR,)))
    judge(_IOPRIO_SET, _not_values(1, (_PID_OF_SUPERVISOR,)))
    # setpriority: only PRIO_PROCESS (0), and not on the supervisor.
    judge(
        _SETPRIORITY,
        [
            _argument(0),
            (_JUMP_EQUAL, 1, 0, 0),
            (_RETURN, 0, 0, _ERRNO | errno.EPERM),
            *_not_values(1, (_PID_OF_SUPERVISOR,)),
        ],
    )
    program.append(_allow())
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _argument(index: int) -> _Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS_OFFSET + 8 * index)


def _allow() -> _Instruction:
    return (_RETURN, 0, 0, _ALLOW)


def _only_values(index: int, values: tuple[int, ...], error: int) -> list[_Instruction]:
    """Allow if argument `index` is one of `values`, else refuse."""
    tests: list[_Instruction] = [
        (_JUMP_EQUAL, len(values) - position, 0, value) for position, value in enumerate(values)
    ]
    return [_argument(index), *tests, (_RETURN, 0, 0, _ERRNO | error), _allow()]


def _not_values(index: int, values: tuple[int, ...]) -> list[_Instruction]:
    """Refuse if argument `index` is one of `values`, else allow."""
    tests: list[_Instruction] = [
        (_JUMP_EQUAL, len(values) - position, 0, value) for position, value in enumerate(values)
    ]
    return [_argument(index), *tests, _allow(), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]
