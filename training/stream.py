"""Where the trainer is in the endless stream, and its next batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from solvent.training.batches import Batch, group_rows, pad
from solvent.training.config import Config
from solvent.training.shards import Row, read_shard


class BatchStream:
    """The batches of the shards in order. Its position is all it takes to go on later, in any number of processes.

    Args:
        wait_for: Returns once a shard can be read.
        shard: Shard to begin in.
        batch: Batch of that shard to begin with.
    """

    def __init__(
        self, config: Config, directory: Path, wait_for: Callable[[int], None], shard: int = 0, batch: int = 0
    ) -> None:
        self._config, self._directory, self._wait_for = config, directory, wait_for
        self._shard, self._batch = shard, batch
        self._loaded = -1
        self._rows: list[Row] = []
        self._groups: list[list[int]] = []

    @property
    def position(self) -> tuple[int, int]:
        """Shard and batch that come next."""
        return self._shard, self._batch

    def take(self, count: int, rank: int = 0, world: int = 1) -> tuple[list[Batch], int]:
        """Advance by `count` batches; return those that fall to this process, and the number of tokens of all."""
        wanted: list[Batch] = []
        tokens = 0
        for number in range(count):
            self._load()
            rows = [self._rows[index] for index in self._groups[self._batch]]
            tokens += sum(len(row.ids) - 1 for row in rows)
            if number % world == rank:
                wanted.append(pad(rows, self._config.training.prompt_loss_weight))
            self._batch += 1
        return wanted, tokens

    def _load(self) -> None:
        while self._loaded != self._shard or self._batch >= len(self._groups):
            if self._loaded == self._shard:
                self._shard, self._batch = self._shard + 1, 0
            self._wait_for(self._shard)
            self._rows = read_shard(self._directory, self._shard)
            seed = f"{self._config.seed}|{self._shard}"
            self._groups = group_rows(self._rows, self._config.training.tokens_per_batch, seed)
            self._loaded = self._shard
