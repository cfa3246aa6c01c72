"""Helpers of hostile Python programs; lies beside the program in its directory."""

import ctypes
import errno
import os
import sys

_libc = ctypes.CDLL(None, use_errno=True)
_escapes = []


def escaped(what):
    """Note that something worked that must not."""
    _escapes.append(str(what))


def refused(what, function, *arguments):
    """Call; anything but an OSError (or one of the other refusals) is an escape."""
    try:
        result = function(*arguments)
    except (OSError, ValueError, OverflowError, MemoryError, ImportError) as error:
        sys.stderr.write(f"refused {what}: {type(error).__name__}: {error}\n")
    else:
        escaped(f"{what} returned {str(result)[:200]}")


def call(number, *arguments):
    """Return the result of a system call, or minus the error number."""
    ctypes.set_errno(0)
    result = _libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    return -ctypes.get_errno() if result == -1 else result


def write(path, data):
    """Write to a file that exists, without creating it."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        return os.write(descriptor, data)
    finally:
        os.close(descriptor)


def read(path):
    """Return the first bytes of a file; an empty file counts as refused."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        data = os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
    if not data:
        raise OSError(errno.ENODATA, "empty")
    return data


def finish():
    """Say how it went, and end."""
    for what in _escapes:
        print("ESCAPED", what)
    if not _escapes:
        print("CONTAINED")
