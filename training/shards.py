"""The endless stream of tokenised rows: numbered files, each drawn from its number alone, ahead of the trainer."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import NamedTuple

import numpy as np

from solvent.training.config import Config
from solvent.training.corpus import TextRow, draw_rows

SHARDS = "shards"
ROW_FILES = "rows"
_NICENESS = 5


class Row(NamedTuple):
    """Token ids of one row; `prompt_length` of them are the prompt. `group` names its kind in the loss tables."""

    ids: np.ndarray
    prompt_length: int
    group: str


def shard_path(directory: Path, number: int) -> Path:
    """Where the shard is kept in the run's directory."""
    return directory / SHARDS / f"shard-{number:06d}.npz"


def draw_shard(config: Config, directory: Path, number: int) -> Path:
    """Draw the shard, if it is not there yet, with the tokenizer of the run's directory.

    Rows longer than the context are left out. Rows of files in `rows/` are used once each, in order: a file's first
    row belongs to the first shard that was drawn while the file was there.

    Raises:
        ValueError: as `draw_rows`; a malformed file in `rows/`.
        FileNotFoundError: there is no tokenizer.
    """
    path = shard_path(directory, number)
    if path.exists():
        return path
    tokenizer_file = directory / "tokenizer.json"
    if not tokenizer_file.exists():
        raise FileNotFoundError(f"{tokenizer_file} is missing: run `python -m solvent.training tokenizer` first")
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = _rows_of_files(config, directory, number)
    texts += draw_rows(config.corpus, max(0, config.corpus.shard_rows - len(texts)), f"{config.seed}|{number}")
    prompts = tokenizer.encode_batch([f"<|user|>{row.prompt}<|assistant|>" for row in texts])
    answers = tokenizer.encode_batch([f"{row.completion}<|end|>" for row in texts])
    groups = sorted({row.group for row in texts})
    places = {group: place for place, group in enumerate(groups)}
    ids: list[int] = []
    table: list[tuple[int, int, int]] = []
    for row, prompt, answer in zip(texts, prompts, answers, strict=True):
        if len(prompt.ids) + len(answer.ids) <= config.model.context:
            table.append((len(prompt.ids), len(answer.ids), places[row.group]))
            ids += prompt.ids
            ids += answer.ids
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(
            file, ids=np.array(ids, np.uint16), rows=np.array(table, np.int32).reshape(-1, 3), groups=np.array(groups),
            tokenizer=np.array(_digest(tokenizer_file)), left_out=np.array(len(texts) - len(table)),
        )  # fmt: skip
    partial.replace(path)
    return path


def read_shard(directory: Path, number: int) -> list[Row]:
    """Read a shard that was drawn.

    Raises:
        FileNotFoundError: it was not.
        ValueError: it is damaged, or was drawn with another tokenizer.
    """
    path = shard_path(directory, number)
    try:
        with np.load(path) as stored:
            ids, table, groups = stored["ids"], stored["rows"], stored["groups"]
            tokenizer = str(stored["tokenizer"])
    except (KeyError, zipfile.BadZipFile) as cause:
        raise ValueError(f"{path} is no shard of this version, remove it: {cause}") from cause
    if tokenizer != _digest(directory / "tokenizer.json"):
        raise ValueError(f"{path} was drawn with another tokenizer; remove {path.parent}")
    ends = np.cumsum(table[:, 0] + table[:, 1])
    return [
        Row(ids[end - prompt - answer : end], prompt, str(groups[group]))
        for (prompt, answer, group), end in zip(table.tolist(), ends.tolist(), strict=True)
    ]


def describe_shard(directory: Path, number: int) -> str:
    """A table of the rows and tokens of each kind in a shard."""
    table: dict[str, list[int]] = {}
    for row in read_shard(directory, number):
        table.setdefault(row.group, []).append(len(row.ids))
    with np.load(shard_path(directory, number)) as stored:
        left_out = int(stored["left_out"])
    lengths = [length for group in table.values() for length in group]
    lines = [
        f"{group:20} {len(each):6} rows {sum(each):9} tokens, mean {sum(each) / len(each):4.0f}, longest {max(each):4}"
        for group, each in (*sorted(table.items()), ("all", lengths))
    ]
    return "\n".join([*lines, f"{left_out} rows are longer than the context and left out"])


class ShardStream:
    """The shards in order, drawn by processes of their own at low priority.

    Close it at the end; what is being drawn then is given up.
    """

    def __init__(self, config: Config, directory: Path) -> None:
        self._config, self._directory = config, directory
        self._pool = ProcessPoolExecutor(
            config.corpus.processes, mp_context=get_context("spawn"), initializer=_stand_back
        )
        self._drawn: dict[int, Future[Path]] = {}

    def wait_for(self, number: int) -> None:
        """Return once the shard is drawn; those after it are begun.

        Raises:
            ValueError, FileNotFoundError: as `draw_shard`.
        """
        for each in range(number, number + self._config.corpus.shards_ahead + 1):
            if each not in self._drawn:
                self._drawn[each] = self._pool.submit(draw_shard, self._config, self._directory, each)
        self._drawn[number].result()

    def close(self) -> None:
        """Stop the processes."""
        workers = list((self._pool._processes or {}).values())  # kill_workers() of Python 3.14
        self._pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.kill()


def _stand_back() -> None:
    """Low priority, no end by a signal that is sent to the whole group, and none after the trainer's."""
    os.nice(_NICENESS)
    trainer = parent_process()
    if trainer is not None:

        def end_with_it() -> None:
            wait([trainer.sentinel])
            os._exit(1)

        threading.Thread(target=end_with_it, daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def draw_shards(config: Config, directory: Path, count: int) -> Iterator[Path]:
    """Draw shards 0 to count - 1 in parallel, and yield each once it is there."""
    with ProcessPoolExecutor(config.corpus.processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(draw_shard, config, directory, number) for number in range(count)]
        for future in futures:
            yield future.result()


def _rows_of_files(config: Config, directory: Path, number: int) -> list[TextRow]:
    """The rows of this shard that come from files."""
    rows: list[TextRow] = []
    count = round(config.corpus.file_share * config.corpus.shard_rows)
    for file in sorted((directory / ROW_FILES).glob("*.jsonl")):
        begin = (number - _first_shard(file, number)) * count
        if begin >= 0:
            with file.open(encoding="utf-8") as lines:
                rows += (_parse(line, file) for line in islice(lines, begin, begin + count))
    return rows


def _first_shard(file: Path, number: int) -> int:
    """The first shard that takes rows of the file; the first to ask decides, for good."""
    note = file.with_suffix(".first-shard")
    if not note.exists():
        mine = file.with_suffix(f".{os.getpid()}.partial")
        mine.write_text(str(number))
        with suppress(FileExistsError):
            os.link(mine, note)  # all of it at once, where no other process was first
        mine.unlink()
    return int(note.read_text())


def _parse(line: str, file: Path) -> TextRow:
    try:
        row = json.loads(line)
        return TextRow(str(row["role"]), str(row["prompt"]), str(row["completion"]))
    except (ValueError, KeyError, TypeError) as cause:
        raise ValueError(f"{file}: not a row with role, prompt and completion: {line[:80]!r}") from cause


def _digest(file: Path) -> str:
    return hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()
