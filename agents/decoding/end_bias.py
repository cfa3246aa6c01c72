"""A bias on the end marker: a positive one shortens thinking, a negative one draws it out.

The additive form of scaling the end-of-thinking token's logit; it grows by chunks, since a request has one bias.
"""

from __future__ import annotations

from solvent.agents.decoding.options import DecodingOptions
from solvent.errors import ConfigError
from solvent.models.base import ChatModel

_MOST = 100.0


def bias_at(options: DecodingOptions, chunk: int) -> float:
    """Return the bias of a chunk, counted from 0."""
    return max(-_MOST, min(_MOST, options.end_bias + chunk * options.end_bias_growth))


async def end_token(options: DecodingOptions, end: str, model: ChatModel) -> int:
    """Return the id of the end marker's token.

    Raises:
        ConfigError: the marker is not one token of this model.
        ProviderError: the endpoint had to be asked and failed.
    """
    if options.end_bias_token is not None:
        return options.end_bias_token
    ids = await model.token_ids(end)
    if len(ids) != 1:
        raise ConfigError(
            f"{model.info.name}: the end marker {end!r} is {len(ids)} tokens of this model, and a bias takes one",
            remedy="set end_bias_token to the token that ends thinking, or leave end_bias out",
        )
    return ids[0]
