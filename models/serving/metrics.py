"""What the server has done, as Prometheus text: vLLM's names where they mean the same, else names of our own."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence

from solvent.models.starter.engine import Engine

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Histogram:
    """Observations in buckets; the bounds are their upper ends."""

    def __init__(self, bounds: Sequence[float] = _SECONDS) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Add one."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: str) -> Iterable[str]:
        """Return the samples of the text format, without the lines of comment."""
        total = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {total}'
        yield f"{name}_sum{{{labels}}} {self._sum}"
        yield f"{name}_count{{{labels}}} {total}"


class Metrics:
    """Counted on the event loop; the engine's own counts are read when they are asked for.

    Args:
        model: name for the label `model_name`.
    """

    def __init__(self, model: str) -> None:
        quoted = model.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        self._labels = f'model_name="{quoted}",engine="0"'
        self.ended: Counter[str] = Counter({"stop": 0, "length": 0, "abort": 0})
        """Samples by how they ended."""
        self.answers: Counter[tuple[str, int]] = Counter()
        """HTTP answers by path and status."""
        self.refused = 0
        """Requests refused because the queue was full."""
        self.events = 0
        """Events of streams that were sent."""
        self.first_token_s = Histogram()
        self.whole_s = Histogram()

    def text(self, engine: Engine) -> str:
        """Return all of it."""
        counts, labels = engine.counts, self._labels
        single: tuple[tuple[str, str, str, float], ...] = (
            ("vllm:num_requests_running", "gauge", "Samples being decoded.", engine.running),
            ("vllm:num_requests_waiting", "gauge", "Samples waiting for a slot.", engine.waiting),
            ("vllm:prompt_tokens_total", "counter", "Prompt tokens of samples that began.", counts.prompt_tokens),
            ("vllm:generation_tokens_total", "counter", "Tokens generated.", counts.generated_tokens),
            ("vllm:prefix_cache_queries_total", "counter", "Prompt tokens looked up.", counts.prompt_tokens),
            ("vllm:prefix_cache_hits_total", "counter", "Prompt tokens not read again.", counts.remembered_tokens),
            ("solvent:engine_steps_total", "counter", "Steps of the decoder.", counts.steps),
            ("solvent:requests_refused_total", "counter", "Requests refused for a full queue.", self.refused),
            ("solvent:stream_events_total", "counter", "Events of streams sent.", self.events),
        )
        lines: list[str] = []
        for name, kind, meaning, value in single:
            lines += [*_head(name, kind, meaning), f"{name}{{{labels}}} {value}"]
        lines += _head("vllm:request_success_total", "counter", "Samples that ended, by how.")
        lines += [
            f'vllm:request_success_total{{{labels},finished_reason="{reason}"}} {count}'
            for reason, count in self.ended.items()
        ]
        lines += _head("solvent:http_answers_total", "counter", "HTTP answers.")
        lines += [
            f'solvent:http_answers_total{{path="{path}",status="{status}"}} {count}'
            for (path, status), count in sorted(self.answers.items())
        ]
        for name, meaning, histogram in (
            ("vllm:time_to_first_token_seconds", "From a request's admission to its first token.", self.first_token_s),
            ("vllm:e2e_request_latency_seconds", "From a request's admission to its end.", self.whole_s),
        ):
            lines += [*_head(name, "histogram", meaning), *histogram.lines(name, labels)]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, meaning: str) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
