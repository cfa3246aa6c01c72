"""No thinking: the reply begins with a thinking block that says it is over.

Ma et al. 2025, "Reasoning Models Can Be Effective Without Thinking" (arXiv 2504.09858), whose text is the default.
"""

from __future__ import annotations

from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.decoding.pieces import Piece, Plan, Reply
from solvent.models.profiles import ThinkingMarkers


def without_thinking(options: DecodingOptions, markers: ThinkingMarkers, max_tokens: int) -> Plan:
    """Write only the answer."""
    start = "" if markers.in_prompt else f"{markers.start}\n"
    prefix = f"{start}{options.no_thinking_text}\n{markers.end}\n\n"
    came = yield Piece(prefix, max_tokens)
    return Reply(prefix + came.text, came.finish_reason, came.cut)
