"""The filter as a program: every jump lands inside, and a small machine runs it as the kernel would."""

from __future__ import annotations

import struct

import pytest

from solvent.sandbox import seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000
X86, ARM = 0xC000003E, 0xC00000B7


def run(machine: str, architecture: int, number: int, *arguments: int) -> int:
    """Run the filter on one system call."""
    words = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *words)
    program = list(struct.iter_unpack("=HBBI", seccomp.build(machine)))
    accumulator = position = 0
    while True:
        code, if_true, if_false, value = program[position]
        position += 1
        if code == 0x20:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif code == 0x06:
            return int(value)
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            position += if_true if holds else if_false


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_program_is_valid(machine: str) -> None:
    program = list(struct.iter_unpack("=HBBI", seccomp.build(machine)))
    assert len(program) < 4096
    for position, (code, if_true, if_false, _) in enumerate(program):
        if code not in (0x20, 0x06):
            assert position + 1 + max(if_true, if_false) < len(program)
    assert program[-1][0] == 0x06


@pytest.mark.parametrize(
    ("number", "arguments", "expected"),
    [
        (0, (), ALLOW),  # read
        (59, (), ALLOW),  # execve
        (56, (0x00011,), ALLOW),  # clone, as fork does
        (56, (0x003D0F00,), ALLOW),  # clone, as threads do
        (56, (0x10000011,), 0x50001),  # clone with a user namespace
        (435, (), 0x50026),  # clone3: absent, so that libc falls back
        (425, (), 0x50026),  # io_uring_setup
        (101, (), 0x50001),  # ptrace
        (41, (1,), ALLOW),  # socket(AF_UNIX)
        (41, (2,), 0x50061),  # socket(AF_INET)
        (41, (40,), 0x50061),  # socket(AF_VSOCK)
        (53, (1,), ALLOW),  # socketpair(AF_UNIX)
        (302, (0,), ALLOW),  # prlimit64 of itself
        (302, (1,), 0x50001),  # prlimit64 of the supervisor
        (16, (0, 0x5401), ALLOW),  # ioctl TCGETS
        (16, (0, 0x5412), 0x50001),  # ioctl TIOCSTI
        (135, (0xFFFFFFFF,), ALLOW),  # personality, query
        (135, (0x0400000,), 0x50001),  # personality READ_IMPLIES_EXEC
        (141, (0, 0, 5), ALLOW),  # setpriority of itself
        (141, (2, 0, 5), 0x50001),  # setpriority of the user
        (0x40000000, (), KILL),  # an x32 call
    ],
)
def test_calls_on_x86(number: int, arguments: tuple[int, ...], expected: int) -> None:
    assert run("x86_64", X86, number, *arguments) == expected


def test_another_architecture_kills() -> None:
    assert run("x86_64", 0x40000003, 20) == KILL
    assert run("aarch64", ARM, 198, 2) == 0x50061
    assert run("aarch64", ARM, 63) == ALLOW
