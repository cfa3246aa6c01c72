"""The shipped NumPy engine beside CTranslate2, same weights, same prompts, same number of tokens, in one run."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from solvent.models.base import ChatRequest, Message, Sampling, generate
from solvent.models.starter.model import StarterModel
from solvent.models.starter.text import ChatTokenizer
from solvent.training.families import generate_samples
from solvent.training.prompting import render_prompt
from solvent.training.starter_profile import starter_profile

_ROUNDS = 3
_TOKENS = 100


def compare(weights: Path, batch_sizes: tuple[int, ...] = (1, 8, 32, 64)) -> list[tuple[str, int, float]]:
    """Tokens per second of each engine at each batch size: the best of three rounds, prompts included."""
    (sample,) = generate_samples("held-out", "list", 5, 1, seed=1)
    prompt = render_prompt(sample)
    rows = []
    for batch in batch_sizes:
        rows.append(("NumPy float32", batch, asyncio.run(_numpy(weights, prompt, batch))))
        rows.append(("CTranslate2 int8", batch, _ctranslate2(weights, prompt, batch)))
    return rows


async def _numpy(weights: Path, prompt: str, batch: int) -> float:
    model = StarterModel(starter_profile(weights, concurrency=64))
    best = 0.0
    try:
        for round_number in range(_ROUNDS + 1):
            # Hot enough that no sample ends early; the first round loads the weights and is not counted.
            sampling = Sampling(temperature=2.0, max_tokens=_TOKENS, seed=1000 * round_number)
            request = ChatRequest(messages=(Message(role="user", content=prompt),), n=batch, sampling=sampling)
            started = time.perf_counter()
            completions = await generate(model, request)
            tokens = sum(completion.usage.completion_tokens for completion in completions)
            rate = tokens / (time.perf_counter() - started)
            best = max(best, rate if round_number else 0.0)
    finally:
        await model.aclose()
    return best


def _ctranslate2(weights: Path, prompt: str, batch: int) -> float:
    import ctranslate2
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    ids = ChatTokenizer(weights).encode_chat((Message(role="user", content=prompt),))
    tokens = [tokenizer.id_to_token(token) for token in ids]
    generator = ctranslate2.Generator(str(weights / "ctranslate2"), device="cpu", compute_type="int8", intra_threads=1)
    best = 0.0
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        results = generator.generate_batch(
            [tokens] * batch, max_length=_TOKENS, sampling_topk=0, sampling_temperature=2.0,
            include_prompt_in_result=False,
        )  # fmt: skip
        count = sum(len(result.sequences_ids[0]) for result in results)
        best = max(best, count / (time.perf_counter() - started))
    return best
