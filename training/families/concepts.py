"""Names of house rules, and concepts that tell what such a rule means."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Protocol

from solvent.training.families.operations import Parameter, RuleKind, Step
from solvent.training.families.sample import Concept

_PLAIN = (  # noqa: SIM905 - a list literal of words is longer and no clearer
    "Ember Harbor Willow Falcon Granite Copper Meadow Saffron Cobalt Juniper Raven Cedar Amber Marble Velvet Coral "
    "Thistle Otter Basalt Indigo Lantern Maple Nickel Opal Pepper Quartz Ridge Sable Tundra Umber Walnut Yarrow Zephyr "
    "Acorn Badger Canyon Dahlia Eagle Fern Ginger Heron Iris Jasper Kestrel Lotus Mango Nectar Olive Panther Quince "
    "Rowan Sparrow Topaz Urchin Violet Wren Aspen Birch Clover Dune Elm Finch Grove Hazel Ivory Jade Kelp Linden Moss "
    "Nutmeg Onyx Poppy Reed Sage Teal Vale Wolf Alder Bison Crane Drift Fjord Glade Holly Ibis Jackal Koala Lark Mint "
    "Newt Orchid Plum Robin Swift Tulip Viper Wasp Arctic Beacon Comet Delta Echo Forge Glacier Hollow Island Jungle "
    "Knight Lagoon Mirror Nimbus Orbit Pilot Quarry Ranger Signal Temple Union Valley Winter Anchor Bridge Castle "
    "Dagger Engine Feather Garnet Hammer Insect Jacket Kernel Ladder Magnet Needle Oyster Pebble Quiver Ribbon Saddle "
    "Timber Umbra Vessel Window"
).split()
_STARTS = ("Ba", "Dor", "Fen", "Gal", "Hu", "Kes", "Lo", "Mir", "Nau", "Pel", "Ri", "Sol", "Tav", "Ve", "Wim", "Zan")
_ENDS = (
    "bor",
    "dric",
    "fin",
    "gan",
    "kel",
    "lath",
    "mo",
    "nex",
    "pis",
    "quo",
    "ran",
    "sil",
    "ton",
    "vu",
    "wick",
    "zar",
)
FIRST_WORDS = (*_PLAIN, *(start + end for start in _STARTS for end in _ENDS))
"""First words of rules' names: plain ones and coined ones. They say nothing of a rule's meaning."""

OTHER_FAMILY_SHARE = 0.3
"""How often a concept that does not apply is about another type of value."""


class RuleSource(Protocol):
    """What house rules can be made of; see `PipelineFamily`."""

    @property
    def rule_kinds(self) -> tuple[RuleKind, ...]:
        """What rules may mean."""
        ...

    def step(self, name: str, parameter: Parameter = "") -> Step:
        """The step of that operation name and parameter."""
        ...


def draw_concepts(
    rng: random.Random, source: RuleSource, count: int, taken: Collection[str] = ()
) -> tuple[Concept, ...]:
    """Draw concepts with different first words, none of them in `taken`."""
    concepts: list[Concept] = []
    words = set(taken)
    while len(concepts) < count:
        word = rng.choice(FIRST_WORDS)
        if word not in words:
            words.add(word)
            kind = rng.choice(source.rule_kinds)
            text = rng.choice(source.step(*rng.choice(kind.choices)).phrases)
            concepts.append(Concept(f"{word} {kind.hint}", text))
    return tuple(concepts)
