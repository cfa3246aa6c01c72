"""Loops: simulations with rules, of counters, queues, games, robots, bank accounts and chains of numbers."""

from __future__ import annotations

from solvent.training.families.composed import ComposedFamily
from solvent.training.families.loop_letters import MACHINE, ROBOT
from solvent.training.families.loop_numbers import BANK, CHAIN, COUNTER, GAME, QUEUE

LOOPS = ComposedFamily("loop", tuple(book.scene() for book in (COUNTER, QUEUE, GAME, CHAIN, ROBOT, MACHINE, BANK)))
