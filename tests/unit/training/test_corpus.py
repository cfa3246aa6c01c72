"""The stream of rows: its mixture, its shards, and that every row comes once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_training import tiny_config
from tokenizers import Tokenizer

from solvent.training.batches import Batch, group_rows, pad
from solvent.training.config import Config
from solvent.training.corpus import draw_rows, draw_training_samples
from solvent.training.shards import ROW_FILES, Row, draw_shard, read_shard, shard_path
from solvent.training.stream import BatchStream
from solvent.training.tokenizer import save_tokenizer, train_tokenizer

CONFIG = tiny_config()


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(CONFIG)


@pytest.fixture
def run_directory(tmp_path: Path, tokenizer: Tokenizer) -> Path:
    save_tokenizer(tokenizer, tmp_path, CONFIG.model.context)
    return tmp_path


def test_rows_follow_from_the_seed_and_have_the_configured_shares() -> None:
    rows = draw_rows(CONFIG.corpus, 60, "a")
    assert rows == draw_rows(CONFIG.corpus, 60, "a")
    assert rows != draw_rows(CONFIG.corpus, 60, "b")
    assert len(rows) == 60
    assert 5 <= sum(row.group == "tests" for row in rows) <= 25


def test_a_style_is_asked_only_of_problems_that_have_it() -> None:
    styles = {"program": 0.0, "thinking": 1.0, "answer": 1.0}
    table = {"styles": styles, "roles": {"solve": 1.0}, "families": {"word": 9.0}}
    rows = draw_rows(tiny_config(corpus=table).corpus, 60, 1)
    groups = {row.group.split("-")[0] for row in rows}
    assert groups == {"thinking", "answer"}
    for row in rows:
        assert row.prompt.endswith("\nthink" if row.group.startswith("thinking") else "\nanswer")
        assert row.completion.startswith("<think>\n") or "\\boxed{" in row.completion


def test_concepts_can_be_left_out() -> None:
    families = {"list-rules": 1.0} | dict.fromkeys(("grid-rules", "number-rules", "string-rules"), 0.0)
    shown = [
        sum(bool(s.shown_concepts) for s in draw_training_samples(tiny_config(corpus=table).corpus, 40, 1))
        for table in ({"families": families, "without_concepts": share} for share in (0.0, 1.0))
    ]
    assert shown[0] > 0
    assert shown[1] == 0


@pytest.mark.parametrize(("table", "name"), [("families", "lists"), ("roles", "verify-slowly")])
def test_a_wrong_name_in_the_mixture_is_refused(table: str, name: str) -> None:
    config = tiny_config(corpus={table: {name: 1.0}})
    with pytest.raises(ValueError, match=rf"corpus\.{table}.*{name}"):
        draw_rows(config.corpus, 5, 1)


def test_a_shard_follows_from_its_number(run_directory: Path) -> None:
    first, other = read(run_directory, CONFIG, 0), read(run_directory, CONFIG, 1)
    shard_path(run_directory, 0).unlink()
    again = read(run_directory, CONFIG, 0)
    assert texts(first) == texts(again)
    assert texts(first).isdisjoint(texts(other))


def test_rows_longer_than_the_context_are_left_out(run_directory: Path) -> None:
    whole = read(run_directory, CONFIG, 0)
    shard_path(run_directory, 0).unlink()
    limit = sorted(len(row.ids) for row in whole)[len(whole) // 2]
    short = read(run_directory, tiny_config(model={"context": limit}), 0)
    assert texts(short) == {tuple(row.ids.tolist()) for row in whole if len(row.ids) <= limit}


def test_rows_of_files_are_used_once_each_in_shards_that_come_after_them(
    run_directory: Path, tokenizer: Tokenizer
) -> None:
    config = tiny_config(corpus={"file_share": 0.25})
    read(run_directory, config, 0)
    folder = run_directory / ROW_FILES
    folder.mkdir()
    lines = [json.dumps({"role": "refine", "prompt": f"mend {number}", "completion": "ok"}) for number in range(15)]
    (folder / "attempts.jsonl").write_text("\n".join(lines) + "\n")
    for number in (1, 2, 3):
        shard = read(run_directory, config, number)
        mine = [tokenizer.decode(row.ids.tolist()) for row in shard if row.group == "refine"]
        expected = range((number - 1) * 10, min(15, number * 10))
        assert sorted(mine) == sorted(f"mend {each}ok" for each in expected)
        assert len(shard) == 40


def test_a_malformed_file_of_rows_is_named(run_directory: Path) -> None:
    (run_directory / ROW_FILES).mkdir()
    (run_directory / ROW_FILES / "bad.jsonl").write_text('{"role": "refine"}\n')
    with pytest.raises(ValueError, match=r"bad\.jsonl"):
        draw_shard(CONFIG, run_directory, 0)


def test_a_shard_of_another_tokenizer_is_refused(run_directory: Path) -> None:
    draw_shard(CONFIG, run_directory, 0)
    path = run_directory / "tokenizer.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(ValueError, match="another tokenizer"):
        read_shard(run_directory, 0)


def test_without_a_tokenizer_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"solvent\.training tokenizer"):
        draw_shard(CONFIG, tmp_path, 0)


@given(st.lists(st.integers(2, 60), min_size=1, max_size=40), st.integers(1, 200))
def test_batches_hold_every_row_once_and_keep_their_size(lengths: list[int], tokens: int) -> None:
    rows = [Row(np.zeros(length, np.uint16), 1, "") for length in lengths]
    groups = group_rows(rows, tokens, 3)
    assert sorted(index for group in groups for index in group) == list(range(len(rows)))
    for group in groups:
        assert len(group) == 1 or pad([rows[index] for index in group], 0.1).ids[:, 1:].size <= tokens


def test_loss_weights_are_those_of_the_next_tokens() -> None:
    rows = [Row(np.array([5, 6, 7, 8, 9], np.uint16), 3, "a"), Row(np.array([5, 6, 7], np.uint16), 2, "b")]
    batch = pad(rows, 0.1)
    assert batch.groups == ("a", "b")
    assert batch.ids[:, :5].tolist() == [[5, 6, 7, 8, 9], [5, 6, 7, 0, 0]]
    np.testing.assert_allclose(batch.weights[:, :5], [[0.1, 0.1, 1, 1, 0], [0.1, 1, 0, 0, 0]])
    assert batch.ids.shape == batch.weights.shape == (2, 17)
    assert not batch.ids[:, 5:].any()
    assert not batch.weights[:, 5:].any()


def test_the_stream_goes_on_exactly_where_it_was_and_is_shared_out(run_directory: Path) -> None:
    def stream(shard: int = 0, batch: int = 0) -> BatchStream:
        def wait_for(number: int) -> None:
            draw_shard(CONFIG, run_directory, number)

        return BatchStream(CONFIG, run_directory, wait_for, shard, batch)

    whole = stream()
    one_by_one = [whole.take(1) for _ in range(24)]
    assert whole.position[0] >= 1, "the test must cross the end of a shard"
    parts = stream()
    first = [parts.take(2, 0, 2) for _ in range(5)]
    rest = stream(*parts.position)
    first += [rest.take(2, 0, 2) for _ in range(7)]
    others = stream()
    second = [others.take(2, 1, 2) for _ in range(12)]
    for number, (mine, yours) in enumerate(zip(first, second, strict=True)):
        assert same(mine[0][0], one_by_one[2 * number][0][0])
        assert same(yours[0][0], one_by_one[2 * number + 1][0][0])
        assert mine[1] == yours[1] == one_by_one[2 * number][1] + one_by_one[2 * number + 1][1]


def same(one: Batch, other: Batch) -> bool:
    return np.array_equal(one.ids, other.ids) and np.array_equal(one.weights, other.weights)


def read(directory: Path, config: Config, number: int) -> list[Row]:
    draw_shard(config, directory, number)
    return read_shard(directory, number)


def texts(rows: list[Row]) -> set[tuple[int, ...]]:
    return {tuple(row.ids.tolist()) for row in rows}
