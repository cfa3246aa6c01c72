"""A Llama decoder in NumPy: one prompt at a time in, then one token for each of a changing set of sequences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvent.models.starter.sampling import log_probabilities
from solvent.models.starter.weights import Array, Layer, Weights

_FIRST_SLOTS = 8
_LENGTH_UNIT = 128


@dataclass(frozen=True)
class Scores:
    """What the model thought of a prompt's tokens, from the second on: natural log probabilities, and ranks from 1."""

    logprobs: NDArray[np.float64]
    ranks: NDArray[np.int64]


@dataclass(frozen=True)
class Prompt:
    """A prompt that was read: keys and values (layers, 2, heads, length, head size), and the logits that follow it."""

    cache: Array
    logits: Array
    scores: Scores | None = None

    @property
    def length(self) -> int:
        """Tokens of the prompt."""
        return int(self.cache.shape[3])


class Decoder:
    """Runs the weights. Sequences sit in slots 0..active-1; a sequence that leaves gives its slot to the last one.

    Not for concurrent use.
    """

    def __init__(self, weights: Weights) -> None:
        shape = weights.shape
        self._weights = weights
        self._heads, self._head_size = shape.num_attention_heads, shape.head_size
        half = np.arange(self._head_size // 2) / (self._head_size // 2)
        angles = np.outer(np.arange(shape.max_position_embeddings), shape.rope_theta**-half)
        self._cosine = np.tile(np.cos(angles), 2).astype(np.float32)
        self._sine = np.concatenate([-np.sin(angles), np.sin(angles)], axis=1).astype(np.float32)
        # One array a layer (2, slots, heads, length, head size): growth then needs room for one of them twice, not all.
        self._cache = [self._empty_cache(_FIRST_SLOTS, _LENGTH_UNIT) for _ in range(shape.num_hidden_layers)]
        self._lengths = np.zeros(_FIRST_SLOTS, np.int64)
        self.active = 0

    def read(self, ids: list[int], *, score: bool = False) -> Prompt:
        """Read a whole prompt of 1..context tokens, with scores if asked for; takes no slot."""
        shape = self._weights.shape
        length = len(ids)
        cache = np.empty((shape.num_hidden_layers, 2, self._heads, length, self._head_size), np.float32)
        cosine, sine = self._cosine[:length, None], self._sine[:length, None]
        future = np.triu(np.full((length, length), -np.inf, np.float32), 1)
        x = np.asfortranarray(self._weights.embedding[ids])
        for layer, kept in zip(self._weights.layers, cache, strict=True):
            q, k, v = self._project(layer, x, cosine, sine)
            kept[0], kept[1] = k.transpose(1, 0, 2), v.transpose(1, 0, 2)
            scores = q.transpose(1, 0, 2) @ kept[0].transpose(0, 2, 1) + future
            mixed = (_softmax(scores) @ kept[1]).transpose(1, 0, 2).reshape(length, -1)
            x = self._feed_forward(layer, x + _product(layer.out, mixed))
        if not score:
            return Prompt(cache, self._unembed(x[-1:])[0])
        logits = self._unembed(x)
        return Prompt(cache, logits[-1], _scores(logits[:-1], np.array(ids[1:], np.int64)))

    def join(self, prompt: Prompt) -> int:
        """Give a sequence that begins with the prompt a slot, and return it: always the number of those before it."""
        slot = self.active
        self._reserve(slot + 1, prompt.length + 1)
        for held, kept in zip(self._cache, prompt.cache, strict=True):
            held[:, slot, :, : prompt.length] = kept
        self._lengths[slot] = prompt.length
        self.active += 1
        return slot

    def leave(self, slot: int) -> None:
        """Free the slot; the sequence in the last slot moves into it."""
        last = self.active - 1
        if slot != last:
            length = self._lengths[last]
            for held in self._cache:
                held[:, slot, :, :length] = held[:, last, :, :length]
            self._lengths[slot] = length
        self.active = last

    def step(self, ids: NDArray[np.int64]) -> Array:
        """Append `ids[slot]` to the sequence of each slot; return the logits (active, vocabulary) that follow."""
        count = self.active
        lengths = self._lengths[:count]
        longest = int(lengths.max()) + 1
        self._reserve(count, longest)
        rows = np.arange(count)
        cosine, sine = self._cosine[lengths][:, None], self._sine[lengths][:, None]
        beyond = np.where(np.arange(longest) > lengths[:, None], np.float32(-np.inf), np.float32(0))[:, None]
        x = np.asfortranarray(self._weights.embedding[ids])
        for layer, (keys, values) in zip(self._weights.layers, self._cache, strict=True):
            q, k, v = self._project(layer, x, cosine, sine)
            keys[rows, :, lengths], values[rows, :, lengths] = k, v
            scores = (keys[:count, :, :longest] @ q[..., None])[..., 0] + beyond
            mixed = (_softmax(scores)[..., None, :] @ values[:count, :, :longest]).reshape(count, -1)
            x = self._feed_forward(layer, x + _product(layer.out, mixed))
        self._lengths[:count] += 1
        return self._unembed(x)

    def _project(self, layer: Layer, x: Array, cosine: Array, sine: Array) -> tuple[Array, Array, Array]:
        """Queries (scaled), keys and values (tokens, heads, head size), the first two rotated to their positions."""
        joined = np.ascontiguousarray(_product(layer.qkv, self._normalise(x, layer.attention_norm)))
        joined = joined.reshape(len(x), 3, self._heads, -1)
        q, k, v = joined[:, 0], joined[:, 1], joined[:, 2]
        scale = np.float32(self._head_size**-0.5)
        return _rotate(q, cosine, sine) * scale, _rotate(k, cosine, sine), v

    def _feed_forward(self, layer: Layer, x: Array) -> Array:
        joined = layer.gate_up @ self._normalise(x, layer.feed_forward_norm).T
        gate, up = np.split(joined, 2)
        result: Array = x + (layer.down @ (gate / (1 + np.exp(-gate)) * up)).T
        return result

    def _normalise(self, x: Array, scale: Array) -> Array:
        mean_square = np.square(x).mean(axis=1, keepdims=True)
        result: Array = x * (scale / np.sqrt(mean_square + np.float32(self._weights.shape.rms_norm_eps)))
        return result

    def _unembed(self, x: Array) -> Array:
        return np.ascontiguousarray(_product(self._weights.unembedding, self._normalise(x, self._weights.norm)))

    def _empty_cache(self, slots: int, length: int) -> Array:
        # Zeros: what a masked position holds is multiplied by 0, and an uninitialised NaN would survive that.
        return np.zeros((2, slots, self._heads, length, self._head_size), np.float32)

    def _reserve(self, slots: int, length: int) -> None:
        """Let the cache hold so many sequences of such a length; it grows by doubling and never shrinks."""
        _, held_slots, _, held_length, _ = self._cache[0].shape
        if slots <= held_slots and length <= held_length:
            return
        wanted_slots = held_slots if slots <= held_slots else max(slots, 2 * held_slots)
        context = self._weights.shape.max_position_embeddings
        rounded = -(-length // _LENGTH_UNIT) * _LENGTH_UNIT
        wanted_length = held_length if length <= held_length else min(context, max(rounded, 2 * held_length))
        for number, held in enumerate(self._cache):
            self._cache[number] = grown = self._empty_cache(wanted_slots, wanted_length)
            grown[:, :held_slots, :, :held_length] = held
        self._lengths = np.concatenate([self._lengths, np.zeros(wanted_slots - held_slots, np.int64)])


def _product(matrix: Array, x: Array) -> Array:
    """Each row of x times the matrix (outputs, inputs); the result lies in memory column by column.

    OpenBLAS is up to twice as fast with the large matrix on the left (measured at 8 rows; 1.4 times at 32).
    """
    result: Array = (matrix @ x.T).T
    return result


def _rotate(x: Array, cosine: Array, sine: Array) -> Array:
    """Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in Hugging Face's order of the halves."""
    half = x.shape[-1] // 2
    swapped: Array = np.concatenate([x[..., half:], x[..., :half]], axis=-1)
    return x * cosine + swapped * sine


def _scores(logits: Array, ids: NDArray[np.int64]) -> Scores:
    rows = np.arange(len(ids))
    own = logits[rows, ids]
    return Scores(np.minimum(log_probabilities(logits)[rows, ids], 0.0), 1 + (logits > own[:, None]).sum(axis=1))


def _softmax(scores: Array) -> Array:
    weights: Array = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights
