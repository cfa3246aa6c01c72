"""A socket of a container's supervisor, taken over by a service that may look into its processes (Linux 5.6)."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket

from solvent.sandbox.box import Box
from solvent.sandbox.replies import Offer

_PIDFD_GETFD = 438
"""Number of the system call, on every architecture."""


def permitted() -> bool:
    """Tell whether it is worth asking: it takes CAP_SYS_PTRACE over the container."""
    return os.geteuid() == 0 and hasattr(os, "pidfd_open")


def take_socket(pid: int, offer: Offer) -> socket.socket:
    """Return a duplicate of the socket that process `pid` offers.

    Raises:
        OSError: it may not be taken, or the process of this number is not the one that offers it.
    """
    process = os.pidfd_open(pid)
    try:
        descriptor = ctypes.CDLL(None, use_errno=True).syscall(
            ctypes.c_long(_PIDFD_GETFD), ctypes.c_int(process), ctypes.c_int(offer.descriptor), ctypes.c_uint(0)
        )
        if descriptor < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(process)
    # Numbers of sockets are unique on a machine, so this is the one, whatever namespace `pid` was meant for.
    if os.fstat(descriptor).st_ino != offer.inode:
        os.close(descriptor)
        raise OSError("the process of this number is another one")
    return socket.socket(fileno=descriptor)


class DirectChannel(asyncio.Protocol):
    """What comes over the socket goes to the box."""

    def __init__(self, box: Box) -> None:
        self._box = box

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._box.feed(data)

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._box.lose("it broke off")
