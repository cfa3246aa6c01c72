"""A program: `solvent worker` whose consumer goes deaf at SIGUSR1, as Celery's does after some losses of a connection.

    python deaf_worker.py [OPTION...]

Its connection is open and its request for messages is sent, and nothing reads the answer any more.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

from celery import signals


def deafen(consumer: Any) -> None:
    """Forget to read from Redis; called on Celery's loop."""
    cycle = consumer.connection.transport.cycle
    for descriptor in list(cycle.fds):
        consumer.hub.remove(descriptor)
        del cycle._fd_to_chan[descriptor]
    sys.stdout.write("deaf\n")
    sys.stdout.flush()


def main() -> None:
    """Work, and wait for the signal."""
    from solvent.service.cli.main import main as solvent

    def arm(sender: Any, **_: Any) -> None:
        signal.signal(signal.SIGUSR1, lambda *_: sender.hub.call_soon(deafen, sender))

    signals.worker_ready.connect(arm, weak=False)
    sys.argv = ["solvent", "worker", *sys.argv[1:]]
    solvent()


if __name__ == "__main__":
    main()
