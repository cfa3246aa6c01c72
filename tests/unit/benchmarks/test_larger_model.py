"""The bundled model inside a larger one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from solvent.benchmarks.larger_model import Size, enlarge
from solvent.errors import ConfigError
from solvent.models.starter.decoder import Decoder
from solvent.models.starter.weights import SHIPPED, read_shape, read_weights


def test_the_larger_model_says_what_the_bundled_one_says(tmp_path: Path) -> None:
    parameters = enlarge(SHIPPED, tmp_path, Size(layers=10, width=384, feed_forward=800))
    small, large = read_weights(SHIPPED), read_weights(tmp_path)
    assert large.shape.num_attention_heads == 6
    assert parameters > 1.5 * sum(part.size for layer in small.layers for part in vars(layer).values())
    prompt = [int(token) for token in np.random.default_rng(0).integers(2, small.shape.vocab_size, 24)]
    decoders = [Decoder(small), Decoder(large)]
    first, second = (decoder.read(prompt).logits for decoder in decoders)
    # The norms are rounded once more than the bundled model's.
    np.testing.assert_allclose(second, first, rtol=0, atol=0.02 * float(np.abs(first).max()))
    assert int(np.argmax(first)) == int(np.argmax(second))


@pytest.mark.parametrize("size", [Size(7, 384, 800), Size(8, 250, 800), Size(8, 256, 600)])
def test_a_model_that_holds_less_is_refused(tmp_path: Path, size: Size) -> None:
    with pytest.raises(ConfigError, match="must be at least"):
        enlarge(SHIPPED, tmp_path, size)
    assert read_shape(SHIPPED).hidden_size == 256
    assert not list(tmp_path.iterdir())
