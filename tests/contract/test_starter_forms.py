"""The two forms of the starter model's weights are the same model: greedy decodes agree."""

from __future__ import annotations

import pytest

from solvent.models.base import ChatRequest, Message, Sampling, generate
from solvent.models.registry import load_profile, open_model
from solvent.models.starter.text import ChatTokenizer
from solvent.models.starter.weights import SHIPPED
from solvent.training.families import FAMILIES, generate_samples
from solvent.training.prompting import render_prompt


async def test_ctranslate2_and_numpy_decode_greedily_alike() -> None:
    ctranslate2 = pytest.importorskip("ctranslate2", reason="the extra `test` brings it")
    from tokenizers import Tokenizer

    tokenizer, chat = Tokenizer.from_file(str(SHIPPED / "tokenizer.json")), ChatTokenizer(SHIPPED)
    generator = ctranslate2.Generator(
        str(SHIPPED / "ctranslate2"), device="cpu", compute_type="float32", intra_threads=1
    )
    prompts = [render_prompt(s) for name in FAMILIES for s in generate_samples("held-out", name, 2, 5, seed=3)]
    messages = [(Message(role="user", content=prompt),) for prompt in prompts]
    tokens = [[tokenizer.id_to_token(token) for token in chat.encode_chat(message)] for message in messages]
    results = generator.generate_batch(tokens, max_length=150, sampling_topk=1, include_prompt_in_result=False)
    theirs = [b"".join(map(chat.token_bytes, result.sequences_ids[0])).decode() for result in results]
    model = open_model(load_profile("starter"))
    try:
        sampling = Sampling(temperature=0.0, max_tokens=150)
        ours = [(await generate(model, ChatRequest(messages=m, sampling=sampling)))[0].text for m in messages]
    finally:
        await model.aclose()
    same = sum(a == b for a, b in zip(ours, theirs, strict=True))
    # int8 rounds the matrices, so a near tie may fall the other way; a wrong conversion agrees nowhere.
    assert same >= 0.8 * len(prompts), [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
