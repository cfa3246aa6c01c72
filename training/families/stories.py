"""All situations of word problems."""

from __future__ import annotations

from solvent.training.families.stories_measures import RECTANGLES, TRAVEL
from solvent.training.families.stories_money import MONEY, WORK
from solvent.training.families.stories_own import OWN
from solvent.training.families.stories_time import AGES, TIME

SITUATIONS = (OWN, MONEY, TRAVEL, TIME, AGES, RECTANGLES, WORK)
