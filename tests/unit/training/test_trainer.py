"""The trainer: what it makes depends on the configuration alone, not on stops, processes or cool-downs on the way."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solvent.models.base import Message
from solvent.models.starter.decoder import Decoder as Engine
from solvent.models.starter.text import ChatTokenizer
from solvent.models.starter.weights import read_weights

torch = pytest.importorskip("torch", reason="the extra `training` brings it")

from tiny_training import tiny_config  # noqa: E402 - only where torch is installed

from solvent.training.architecture import Decoder  # noqa: E402
from solvent.training.batches import pad  # noqa: E402
from solvent.training.config import Config  # noqa: E402
from solvent.training.curves import Curve  # noqa: E402
from solvent.training.export import export  # noqa: E402
from solvent.training.losses import weighted_loss  # noqa: E402
from solvent.training.schedule import cool_down, warm_up  # noqa: E402
from solvent.training.shards import Row  # noqa: E402
from solvent.training.tokenizer import save_tokenizer, train_tokenizer  # noqa: E402
from solvent.training.trainer import COOL_DOWN_CURVE, COOLING, CURVE, FINAL, STABLE, Plan, train  # noqa: E402

CONFIG = tiny_config()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory whose tokenizer and shards the runs of all tests share."""
    directory = tmp_path_factory.mktemp("corpus")
    save_tokenizer(train_tokenizer(CONFIG), directory, CONFIG.model.context)
    (directory / "shards").mkdir()
    return directory


@pytest.fixture
def run_directory(tmp_path: Path, corpus: Path) -> Path:
    return new_run(tmp_path, corpus)


def new_run(directory: Path, corpus: Path) -> Path:
    directory.mkdir(exist_ok=True)
    for path in corpus.iterdir():
        (directory / path.name).symlink_to(path)
    return directory


def run(directory: Path, config: Config = CONFIG, **changes: Any) -> None:
    plan = {"tokens": None, "cool_down_tokens": None, "device": "cpu"} | changes
    assert train(Plan(config, directory, config.tokenizer.vocabulary, **plan), lambda _: None)


def weights(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state


def distance(one: Path, other: Path) -> float:
    mine, yours = weights(one)["model"], weights(other)["model"]
    return max(float((mine[name] - yours[name]).abs().max()) for name in mine)


def curve(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_run_in_parts_is_the_run_in_one(tmp_path: Path, corpus: Path, optimizer: str) -> None:
    config = tiny_config(training={"optimizer": optimizer})
    whole, parts = new_run(tmp_path / "whole", corpus), new_run(tmp_path / "parts", corpus)
    run(whole, config, tokens=16_000)
    run(parts, config, tokens=7_000)
    before = distance(whole / STABLE, parts / STABLE)
    run(parts, config, tokens=16_000)
    assert before > 1e-3
    assert distance(whole / STABLE, parts / STABLE) < 1e-6
    steps = [row["step"] for row in curve(parts / CURVE)]
    assert steps == [row["step"] for row in curve(whole / CURVE)]
    losses = [float(row["completion_loss"]) for row in curve(parts / CURVE)]
    assert losses[-1] < losses[0] - 0.2


def test_two_processes_make_what_one_makes(tmp_path: Path, corpus: Path) -> None:
    one, two = new_run(tmp_path / "one", corpus), new_run(tmp_path / "two", corpus)
    run(one, tokens=7_000)
    run(two, tokens=7_000, workers=2)
    # Sums are rounded in another order, and the optimisers magnify that where gradients are small.
    assert distance(one / STABLE, two / STABLE) < 2e-4
    for mine, yours in zip(curve(one / CURVE), curve(two / CURVE), strict=True):
        assert mine["tokens"] == yours["tokens"]
        assert float(mine["completion_loss"]) == pytest.approx(float(yours["completion_loss"]), abs=1e-3)


def test_a_cool_down_leaves_the_stable_run_as_it_was(run_directory: Path) -> None:
    run(run_directory, tokens=6_000, cool_down_tokens=3_000)
    stable, final = weights(run_directory / STABLE), weights(run_directory / FINAL)
    assert 6_000 <= stable["tokens"] < final["tokens"]
    assert final["cool_down"] == {"from_tokens": stable["tokens"], "tokens": 3_000}
    assert not (run_directory / COOLING).exists()
    run(run_directory, tokens=9_000)
    longer = weights(run_directory / STABLE)["tokens"]
    assert longer >= 9_000
    assert weights(run_directory / FINAL)["tokens"] == final["tokens"]
    run(run_directory, cool_down_tokens=1_000)
    assert weights(run_directory / STABLE)["tokens"] == longer
    cooled = [int(row["tokens"]) for row in curve(run_directory / COOL_DOWN_CURVE)]
    assert cooled
    assert min(cooled) > longer, "the first cool-down is another curve"


def test_another_model_is_refused(run_directory: Path) -> None:
    run(run_directory, tokens=1_000)
    with pytest.raises(ValueError, match="another model"):
        run(run_directory, tiny_config(model={"width": 16}), tokens=2_000)


def test_workers_must_share_a_step_evenly(run_directory: Path) -> None:
    with pytest.raises(ValueError, match="evenly"):
        run(run_directory, tokens=1_000, workers=3)


def test_the_loss_of_a_batch_is_that_of_its_rows() -> None:
    model = Decoder(CONFIG.model, 50)
    source = np.random.default_rng(0)
    lengths = ((9, 3), (30, 20), (33, 5))
    rows = [Row(source.integers(0, 50, length).astype(np.uint16), prompt, "a") for length, prompt in lengths]
    loss, of_rows = weighted_loss(model.hidden, model.embedding.weight, pad(rows, 0.1))
    total, weight = 0.0, 0.0
    for row, found in zip(rows, of_rows.tolist(), strict=True):
        ids = torch.tensor(row.ids.astype(int))[None]
        with torch.no_grad():
            each = torch.nn.functional.cross_entropy(model(ids)[0, :-1], ids[0, 1:], reduction="none").numpy()
        weights = np.where(np.arange(len(each)) >= row.prompt_length - 1, 1.0, 0.1)
        total, weight = total + float(each @ weights), weight + float(weights.sum())
        assert found == pytest.approx(float(each[row.prompt_length - 1 :].sum()), rel=1e-4)
    assert float(loss.detach()) == pytest.approx(total / weight, rel=1e-4)


def test_rates() -> None:
    assert [warm_up(step, 4) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    rates = [cool_down(progress / 10) for progress in range(12)]
    assert rates[0] == 1.0
    assert rates[10] == rates[11] == 0.0
    assert rates == sorted(rates, reverse=True)


def test_a_curve_forgets_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "loss.csv"
    first = Curve(path, 0)
    for step in (1, 2, 3):
        first.add(step, step * 10, 1e-3, 0.5, 1.0, {"a": (2.0 * step, 2), "b": (0.0, 1)})
    Curve(path, 2).add(3, 31, 1e-3, 0.5, 1.0, {"a": (8.0, 2)})
    assert [(row["step"], row["completion_loss"]) for row in curve(path)] == [
        ("1", "0.66667"), ("2", "1.33333"), ("3", "4.00000"),
    ]  # fmt: skip
    groups = [(row["step"], row["group"]) for row in curve(tmp_path / "loss-groups.csv")]
    assert groups == [("1", "a"), ("1", "b"), ("2", "a"), ("2", "b"), ("3", "a")]


def test_the_engine_computes_the_logits_of_the_trained_model(run_directory: Path, tmp_path: Path) -> None:
    run(run_directory, tokens=1_000, cool_down_tokens=1_000)
    out = tmp_path / "weights"
    export(run_directory / FINAL, run_directory, out)
    model = Decoder(CONFIG.model, CONFIG.tokenizer.vocabulary)
    model.load_state_dict({name: each.half().float() for name, each in weights(run_directory / FINAL)["model"].items()})
    chat = ChatTokenizer(out)
    ids = chat.encode_chat((Message(role="user", content="Add 3.\nin: 1\nout: 4\nthink"),), "<think>\nadd")
    ids += np.random.default_rng(1).integers(5, 320, 1_000).tolist()
    with torch.no_grad():
        expected = model(torch.tensor([ids]))[0].numpy()
    engine = Engine(read_weights(out))
    prompt = engine.read(ids[:1_000])
    np.testing.assert_allclose(prompt.logits, expected[999], atol=1e-4)
    engine.join(prompt)
    for place in range(1_000, len(ids)):
        np.testing.assert_allclose(engine.step(np.array([ids[place]]))[0], expected[place], atol=1e-4)
