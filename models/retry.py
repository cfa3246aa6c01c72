"""When a failed request may be sent again: a pure decision, so that no token is generated and charged twice."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random

from solvent.errors import ProviderError, ProviderOverloaded, ProviderUnavailable
from solvent.models.profiles import RetryPolicy


def retry_delay_s(
    error: ProviderError, *, attempt: int, policy: RetryPolicy, remaining_s: float, random: Random
) -> float | None:
    """Return the seconds to wait before the request is sent again, or None if it must not be.

    Only what surely generated nothing is sent again: the endpoint asked to come back later, or no connection came
    about. The wait doubles with each attempt up to the policy's cap and is drawn from its upper half, so that requests
    that failed together do not come back together; it is never shorter than the endpoint's own Retry-After.

    Args:
        error: why the last attempt failed.
        attempt: how often the request was sent, at least 1.
        policy: most attempts, first and longest delay.
        remaining_s: seconds until the request's deadline; a wait that would not end before it is not begun.
        random: generator of the jitter.
    """
    if error.may_have_generated or not isinstance(error, ProviderOverloaded | ProviderUnavailable):
        return None
    if attempt >= policy.attempts:
        return None
    delay = back_off_s(error, attempt=attempt, policy=policy, random=random)
    return delay if delay < remaining_s else None


def back_off_s(error: ProviderError, *, attempt: int, policy: RetryPolicy, random: Random) -> float:
    """Return the wait of `retry_delay_s`, whether or not the request may be sent again after it."""
    # The exponent is bounded: 2.0**1024 overflows.
    delay = min(policy.max_delay_s, policy.first_delay_s * 2.0 ** min(attempt - 1, 64)) * random.uniform(0.5, 1.0)
    if isinstance(error, ProviderOverloaded) and error.retry_after_s is not None:
        delay = max(delay, error.retry_after_s * random.uniform(1.0, 1.1))
    return delay


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the wait that response headers ask for, in seconds, or None where they ask for none that can be read.

    Understands `retry-after-ms` and both forms of `Retry-After` of RFC 9110 section 10.2.3 (seconds, HTTP date).

    Args:
        headers: response headers; names in lower case, or a mapping that ignores case.
        now: the time that a date is compared with, default the present.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * unit_s
        except ValueError:
            seconds = _until(value, now)
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def _until(date: str, now: datetime | None) -> float:
    try:
        moment = email.utils.parsedate_to_datetime(date)
    except ValueError:
        return -1.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
