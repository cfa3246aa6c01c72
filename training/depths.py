"""Depths of problems as the tables group them."""

from __future__ import annotations

from solvent.training.families import FAMILIES
from solvent.training.families.catalog import MAX_DEPTH

DEPTHS: dict[str, tuple[int, ...]] = {
    "1": (1,),
    "2": (2,),
    "3": (3,),
    "4": (4,),
    f"5-{MAX_DEPTH}": tuple(range(5, MAX_DEPTH + 1)),
}
"""The columns of the tables."""


def depths_of(family: str, count: int) -> dict[int, int]:
    """How many of `count` problems of a family have which depth, shallow depths first.

    They are spread evenly over the columns that the family has, and in a column over its depths from the middle out;
    what does not divide goes to shallower columns.
    """
    columns = [[depth for depth in group if depth <= FAMILIES[family].max_depth] for group in DEPTHS.values()]
    columns = [depths for depths in columns if depths]
    shares: dict[int, int] = {}
    for place, depths in enumerate(columns):
        share = len(range(place, count, len(columns)))
        middle = sum(depths) / len(depths)
        for rank, depth in enumerate(sorted(depths, key=lambda depth: abs(depth - middle))):
            shares[depth] = len(range(rank, share, len(depths)))
    return {depth: share for depth, share in sorted(shares.items()) if share}
