"""A second host on a wire of its own: a network namespace, joined to this one by a veth pair. Needs root."""

from __future__ import annotations

import ctypes
import os
import random
import secrets
import socket
import subprocess
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from relay import Relay

CLONE_NEWNET = 0x40000000


def enter(namespace: str) -> None:
    """Have the calling thread, and what it starts from now on, use the network of a namespace."""
    descriptor = os.open(Path("/run/netns", namespace), os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(descriptor)


class Namespace:
    """Use as a context manager. Processes in it reach this host at `outside`, and what is relayed to them.

    The addresses are of 198.18.0.0/15, which is for tests of networks (RFC 2544), so they are nobody's.
    """

    def __init__(self) -> None:
        self.name = f"solvent-{secrets.token_hex(3)}"
        self._wire = f"sv{secrets.token_hex(3)}"
        # Not seeded: two runs at once must not have the same wire.
        net = f"198.{18 + random.randrange(2)}.{random.randrange(256)}.{4 * random.randrange(64)}"
        front, _, last = net.rpartition(".")
        self.outside, self.inside = (f"{front}.{int(last) + host}" for host in (1, 2))

    def __enter__(self) -> Namespace:
        _run("ip", "netns", "add", self.name)
        try:
            here, there = f"{self._wire}a", f"{self._wire}b"
            _run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", self.name)
            _run("ip", "address", "add", f"{self.outside}/30", "dev", here)
            _run("ip", "link", "set", here, "up")
            for device in ("lo", there):
                _run("ip", "-n", self.name, "link", "set", device, "up")
            _run("ip", "-n", self.name, "address", "add", f"{self.inside}/30", "dev", there)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["ip", "link", "delete", f"{self._wire}a"], check=False, capture_output=True)
        _run("ip", "netns", "delete", self.name)

    def cut(self, port: int) -> None:
        """Drop every packet to and from a port of this host without a word, as a broken switch does."""
        self._rules("--append", port)

    def mend(self, port: int) -> None:
        """Let them through again."""
        self._rules("--delete", port)

    def _rules(self, what: str, port: int) -> None:
        for chain, side in (("INPUT", "--sport"), ("OUTPUT", "--dport")):
            rule = ("-p", "tcp", side, str(port), "-j", "DROP")
            _run("ip", "netns", "exec", self.name, "iptables", "--wait", what, chain, *rule)

    @asynccontextmanager
    async def relayed(self, *ports: int) -> AsyncIterator[None]:
        """Let processes in it reach these ports of this host's loopback at the same ports of their own."""
        async with AsyncExitStack() as stack:
            for port in ports:
                await stack.enter_async_context(Relay(port, self._listen(port)))
            yield

    def _listen(self, port: int) -> socket.socket:
        def there() -> socket.socket:
            enter(self.name)
            return socket.create_server(("127.0.0.1", port))

        # In a thread that ends: it is in the other network, and nobody else must come to be.
        with ThreadPoolExecutor(1) as executor:
            return executor.submit(there).result()


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
