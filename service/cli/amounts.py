"""Numbers and durations as people read them."""

from __future__ import annotations


def count(number: float) -> str:
    """Return 1234567 as `1 234 567` (thin grouping, locale-free)."""
    return f"{number:,.0f}".replace(",", " ")


def seconds(amount: float) -> str:
    """Return `0.42 s`, `12.3 s`, `3 m 05 s` or `2 h 07 m`."""
    if amount < 10:
        return f"{amount:.2f} s"
    if amount < 100:
        return f"{amount:.1f} s"
    minutes, rest = divmod(round(amount), 60)
    if minutes < 100:
        return f"{minutes} m {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} m"


def of_cap(spent: float, cap: float | None) -> str:
    """Return `1 240 of 20 000`, or `1 240` where there is no cap."""
    return f"{count(spent)} of {count(cap)}" if cap is not None else count(spent)
