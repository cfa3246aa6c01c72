"""The decoder in PyTorch: Llama's architecture with tied embeddings (Touvron et al. 2023, arXiv:2302.13971)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from solvent.training.config import ModelConfig


class _Norm(nn.Module):  # type: ignore[misc, unused-ignore]  # Any where torch is not installed
    """Root mean square normalisation."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self._epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self._epsilon)


class Layer(nn.Module):  # type: ignore[misc, unused-ignore]  # Any where torch is not installed
    """Attention and gated feed-forward.

    Projections of like input are separate parameters, which an optimiser of whole matrices needs, and one product.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self._heads = config.heads
        self.attention_norm = _Norm(config.width, config.norm_epsilon)
        self.q, self.k, self.v, self.out = (_matrix(config.width, config.width) for _ in range(4))
        self.feed_forward_norm = _Norm(config.width, config.norm_epsilon)
        self.gate, self.up = (_matrix(config.feed_forward, config.width) for _ in range(2))
        self.down = _matrix(config.width, config.feed_forward)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """The residual stream (rows, length, width) after this layer."""
        rows, length, width = x.shape
        joined = functional.linear(self.attention_norm(x), torch.cat((self.q, self.k, self.v)))
        q, k, v = joined.view(rows, length, 3, self._heads, width // self._heads).permute(2, 0, 3, 1, 4)
        q, k = _rotate(q, cosine, sine), _rotate(k, cosine, sine)
        x = x + functional.linear(_attend(q, k, v).transpose(1, 2).reshape(rows, length, width), self.out)
        gate, up = functional.linear(self.feed_forward_norm(x), torch.cat((self.gate, self.up))).chunk(2, dim=-1)
        return x + functional.linear(functional.silu(gate) * up, self.down)


def _matrix(outputs: int, inputs: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(outputs, inputs))


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention, spelled out for a CPU: measured faster than torch's kernel up to some hundred tokens."""
    if q.device.type != "cpu":
        return functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    future = torch.full(scores.shape[-2:], float("-inf"), dtype=q.dtype, device=q.device).triu(1)
    return (scores + future).softmax(dim=-1, dtype=q.dtype) @ v


def _rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat((-second, first), dim=-1) * sine


class Decoder(nn.Module):  # type: ignore[misc, unused-ignore]  # Any where torch is not installed
    """Token ids (rows, length) to logits (rows, length, vocabulary). Padding must be on the right."""

    def __init__(self, config: ModelConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(vocabulary, config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = _Norm(config.width, config.norm_epsilon)
        half = config.width // config.heads // 2
        frequencies = config.rope_theta ** (-torch.arange(half) / half)
        angles = torch.outer(torch.arange(config.context), frequencies).repeat(1, 2)
        self.register_buffer("cosine", angles.cos(), persistent=False)
        self.register_buffer("sine", angles.sin(), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                residual = name.endswith((".out", ".down"))
                nn.init.normal_(parameter, std=0.02 / (2 * config.layers) ** 0.5 if residual else 0.02)

    @property
    def matrices(self) -> list[nn.Parameter]:
        """The matrices of the layers: all two-dimensional parameters but the embedding."""
        return [parameter for parameter in self.layers.parameters() if parameter.dim() == 2]

    @property
    def others(self) -> list[nn.Parameter]:
        """The embedding and the norms."""
        return [self.embedding.weight, *(parameter for parameter in self.parameters() if parameter.dim() != 2)]

    def hidden(self, ids: Tensor) -> Tensor:
        """The last layer's output after the final norm."""
        x = self.embedding(ids)
        device = x.device.type
        kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
        x = x.to(kind)
        length = ids.shape[1]
        cosine, sine = self.cosine[:length].to(kind), self.sine[:length].to(kind)
        for layer in self.layers:
            x = layer(x, cosine, sine)
        return self.norm(x)

    def forward(self, ids: Tensor) -> Tensor:
        """The logits."""
        return functional.linear(self.hidden(ids), self.embedding.weight)
