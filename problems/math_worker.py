"""The child process of `math_equivalence`: reads one JSON request a line, answers one JSON line.

It has no time limit of its own but an alarm, after which the kernel kills it: it must not outlive a parent that was
killed while the algebra system was stuck.
"""

from __future__ import annotations

import json
import logging
import resource
import signal
import sys
import warnings

MEMORY_BYTES = 2 * 1024**3
DELIMITERS = ("$", "\\(", "\\[", "\\boxed", "\\begin{")


def main() -> None:
    """Serve requests `{"gold", "answer", "timeout_s"}` until standard input ends."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Ctrl-C in the terminal reaches the whole process group; the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)

    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    configs = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]
    _send({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, request["timeout_s"] + 1)
        try:
            gold, answer = (
                parse(_delimited(request[name]), configs, parsing_timeout=None, raise_on_error=True)
                for name in ("gold", "answer")
            )
            if not gold:
                _send({"unknown": "the gold answer is not mathematics that can be read"})
            else:
                _send({"equivalent": bool(answer) and verify(gold, answer, timeout_seconds=None)})
        except MemoryError:
            _send({"unknown": "the comparison needs too much memory"})
        except (Exception, RecursionError) as error:  # noqa: BLE001  # a parser of arbitrary text raises anything
            _send({"unknown": f"{type(error).__name__}: {str(error)[:200]}"})
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def _delimited(text: str) -> str:
    return text if any(mark in text for mark in DELIMITERS) else f"${text}$"


def _send(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
