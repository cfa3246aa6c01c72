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


def depths_of(family: str, group: str, count: int) -> dict[int, int]:
    """How many of `count` problems of a group have which depth: evenly, deeper ones first where it does not divide.

    Nothing where the family has no such depths.
    """
    known = [depth for depth in reversed(DEPTHS[group]) if depth <= FAMILIES[family].max_depth]
    shares = {depth: len(range(place, count, len(known))) for place, depth in enumerate(known)}
    return {depth: share for depth, share in sorted(shares.items()) if share}
