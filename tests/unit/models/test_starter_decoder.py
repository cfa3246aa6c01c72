"""The NumPy decoder against PyTorch's logits, and sequences that come and go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from solvent.errors import ConfigError
from solvent.models.starter.decoder import Decoder
from solvent.models.starter.weights import Weights, read_weights

TINY = Path(__file__).parent / "tiny_llama"


@pytest.fixture(scope="module")
def weights() -> Weights:
    return read_weights(TINY)


@pytest.fixture(scope="module")
def expected() -> tuple[list[int], np.ndarray]:
    with np.load(TINY / "logits.npz") as stored:
        return stored["ids"].tolist(), stored["logits"]


@pytest.mark.parametrize("length", [1, 2, 17, 48])
def test_a_prompt_has_the_logits_of_pytorch(
    weights: Weights, expected: tuple[list[int], np.ndarray], length: int
) -> None:
    ids, logits = expected
    prompt = Decoder(weights).read(ids[:length])
    assert prompt.length == length
    np.testing.assert_allclose(prompt.logits, logits[length - 1], atol=2e-5, rtol=1e-4)


def test_a_scored_prompt_says_what_pytorch_thinks_of_its_tokens(
    weights: Weights, expected: tuple[list[int], np.ndarray]
) -> None:
    ids, logits = expected
    decoder = Decoder(weights)
    prompt = decoder.read(ids, score=True)
    of_pytorch = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    own = of_pytorch[np.arange(len(ids) - 1), ids[1:]]
    assert prompt.scores is not None
    np.testing.assert_allclose(prompt.scores.logprobs, own, atol=5e-5, rtol=1e-4)
    assert prompt.scores.ranks.tolist() == (1 + (of_pytorch[:-1] > own[:, None]).sum(axis=1)).tolist()
    np.testing.assert_allclose(prompt.logits, decoder.read(ids).logits, atol=2e-5, rtol=1e-4)
    alone = decoder.read(ids[:1], score=True).scores
    assert alone is not None
    assert len(alone.logprobs) == 0


def test_steps_have_the_logits_of_pytorch(weights: Weights, expected: tuple[list[int], np.ndarray]) -> None:
    ids, logits = expected
    decoder = Decoder(weights)
    decoder.join(decoder.read(ids[:3]))
    for place in range(3, len(ids)):
        (row,) = decoder.step(np.array([ids[place]]))
        np.testing.assert_allclose(row, logits[place], atol=2e-5, rtol=1e-4)


def test_sequences_of_any_length_join_and_leave_without_touching_each_other(
    weights: Weights, expected: tuple[list[int], np.ndarray]
) -> None:
    ids, logits = expected
    decoder = Decoder(weights)
    random = np.random.default_rng(5)
    lengths: list[int] = []
    for _ in range(200):
        full = [slot for slot, length in enumerate(lengths) if length == len(ids)]
        if full or (lengths and random.random() < 0.2):
            slot = full[0] if full else int(random.integers(len(lengths)))
            decoder.leave(slot)
            last = lengths.pop()
            if slot < len(lengths):
                lengths[slot] = last
        if not lengths or (len(lengths) < 20 and random.random() < 0.5):
            start = int(random.integers(1, 30))
            assert decoder.join(decoder.read(ids[:start])) == len(lengths)
            lengths.append(start)
        if max(lengths) == len(ids):
            continue
        rows = decoder.step(np.array([ids[length] for length in lengths]))
        for slot, length in enumerate(lengths):
            np.testing.assert_allclose(rows[slot], logits[length], atol=2e-5, rtol=1e-4)
        lengths = [length + 1 for length in lengths]
    assert decoder.active == len(lengths)


def test_missing_and_broken_weights_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.json"):
        read_weights(tmp_path)
    (tmp_path / "config.json").write_bytes((TINY / "config.json").read_bytes())
    with pytest.raises(ConfigError, match=r"model\.safetensors"):
        read_weights(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ConfigError, match=r"model\.safetensors"):
        read_weights(tmp_path)


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    text = (TINY / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace('"num_key_value_heads": 2', '"num_key_value_heads": 1'))
    with pytest.raises(ConfigError, match="vLLM"):
        read_weights(tmp_path)
