"""A configuration of a training that takes a second."""

from __future__ import annotations

from typing import Any

from solvent.training.config import Config, load_config


def tiny_config(**changes: dict[str, Any]) -> Config:
    """The shipped configuration with a tiny model and corpus; `changes` replace keys of its tables."""
    tables: dict[str, Any] = load_config().model_dump()
    small: dict[str, dict[str, Any]] = {
        "tokenizer": {"vocabulary": 320, "rows": 40},
        "model": {"width": 32, "layers": 2, "heads": 2, "feed_forward": 48, "context": 2048},
        "corpus": {"shard_rows": 40, "shards_ahead": 1, "roles": {"solve": 3.0, "tests": 1.0}, "depths": (1.0, 1.0)},
        "training": {
            "tokens": 12_000, "cool_down_tokens": 4_000, "tokens_per_batch": 1_024, "batches_per_step": 2,
            "warmup_steps": 2, "log_every_steps": 1, "precision": "float32", "compile": False,
        },
    }  # fmt: skip
    for table, keys in (*small.items(), *changes.items()):
        tables[table] |= keys
    return Config.model_validate(tables)
