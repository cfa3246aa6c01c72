"""Data parallelism over processes of one machine: every process steps alike on averaged gradients."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn


class Team:
    """The processes that train together; of one process, a team without communication."""

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        self.rank, self.world = rank, world
        self._flat: torch.Tensor | None = None

    def average_gradients(self, parameters: Sequence[nn.Parameter], flag: bool) -> bool:
        """Replace gradients by their mean over the team; return whether any process raised its flag."""
        if self.world == 1:
            return flag
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self._flat is None:
            self._flat = torch.empty(sum(gradient.numel() for gradient in gradients) + 1)
        views = self._flat[:-1].split([gradient.numel() for gradient in gradients])
        for view, gradient in zip(views, gradients, strict=True):
            torch.mul(gradient.flatten(), 1 / self.world, out=view)
        self._flat[-1] = float(flag)
        dist.all_reduce(self._flat)
        for view, gradient in zip(views, gradients, strict=True):
            gradient.copy_(view.view_as(gradient))
        return bool(self._flat[-1] > 0)

    def gather(self, value: Any) -> list[Any]:
        """What every process gave, in their order."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def barrier(self) -> None:
        """Return once every process is here."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def team(world: int, work: Callable[..., object], *arguments: Any) -> Iterator[Team]:
    """Start `work(team, *arguments)` in world - 1 further processes; this one is rank 0.

    The further processes end with their work, or with this process.
    """
    if world == 1:
        yield Team()
        return
    # Gloo takes the interface that the host's name resolves to, which may be none or a slow one.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as directory:
        meeting = str(Path(directory) / "meeting")
        context = torch.multiprocessing.get_context("spawn")
        others = [
            context.Process(target=_run, args=(rank, world, meeting, work, arguments), daemon=True)
            for rank in range(1, world)
        ]
        for process in others:
            process.start()
        try:
            dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=0, world_size=world)
            yield Team(0, world)
            for process in others:
                process.join()
        finally:
            for process in others:
                process.kill()
            if dist.is_initialized():
                dist.destroy_process_group()


def _run(rank: int, world: int, meeting: str, work: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they may be sent to the whole group; rank 0 decides when to stop
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=world)
    try:
        work(Team(rank, world), *arguments)
    finally:
        dist.destroy_process_group()
