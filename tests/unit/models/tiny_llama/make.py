"""Makes the files beside it: a tiny random Llama decoder and the logits that PyTorch computes for it.

Run with PyTorch installed: `python tests/unit/models/tiny_llama/make.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from solvent.training.architecture import Decoder
from solvent.training.config import ModelConfig
from solvent.training.export import hugging_face_tensors, model_settings

HERE = Path(__file__).parent
SHAPE = ModelConfig(width=16, layers=2, heads=2, feed_forward=24, context=48, rope_theta=10_000.0, norm_epsilon=1e-5)
VOCABULARY = 40


def main() -> None:
    torch.manual_seed(1)
    model = Decoder(SHAPE, VOCABULARY)
    with torch.no_grad():
        for parameter in model.parameters():
            # Larger than at the start of a training, so that every part has a say in the logits.
            parameter.mul_(8) if parameter.dim() == 2 else parameter.add_(0.3 * torch.randn_like(parameter))
        ids = torch.randint(VOCABULARY, (1, SHAPE.context))
        logits = model(ids)[0].numpy()
    save_file(hugging_face_tensors(model.state_dict(), SHAPE), HERE / "model.safetensors")
    (HERE / "model.safetensors").chmod(0o644)
    (HERE / "config.json").write_text(json.dumps(model_settings(SHAPE, VOCABULARY), indent=2) + "\n")
    np.savez(HERE / "logits.npz", ids=ids[0].numpy().astype(np.int64), logits=logits)


if __name__ == "__main__":
    main()
