"""Dynamic programming in small: stairs and coins, picks from a list, paths in a grid, distances of words."""

from __future__ import annotations

from solvent.training.families import dp_grids, dp_items, dp_lists, dp_numbers
from solvent.training.families.composed import ComposedFamily
from solvent.training.families.dp_scenes import (
    grid_scene,
    items_scene,
    list_scene,
    number_scene,
    open_wording,
    words_scene,
)

DYNAMIC = ComposedFamily(
    "dp",
    (
        number_scene(
            dp_numbers.STAIRS,
            "the number of ways",
            open_wording(
                ("some stairs cannot be used", "skip some stairs"),
                "stairs",
                ("no_multiples", 3),
                ("no_multiples", 4),
                ("no_stair", 3),
                ("no_stair", 4),
            ),
            open_wording(
                ("climb n stairs with two sizes of steps", "count the ways up with some steps"),
                "stairs",
                "1_2",
                "1_3",
                "2_3",
                "1_4",
            ),
        ),
        number_scene(
            dp_numbers.COINS,
            "the number of ways",
            open_wording(
                ("count the ways to pay n with two kinds of coins", "find in how many ways two coins make n"),
                "coins",
                "1_2",
                "1_3",
                "1_4",
                "2_3",
            ),
            open_wording(
                ("keep the counts small", "limit the counts"),
                "coins",
                ("limit", 4),
                ("counted_modulo", 3),
                ("counted_modulo", 4),
            ),
        ),
        number_scene(
            dp_numbers.FEWEST,
            "that number",
            open_wording(
                (
                    "pay n with the fewest of two kinds of coins, 99 if that cannot be done",
                    "find the fewest coins of two values for n, 99 if none",
                ),
                "fewest",
                "1_3",
                "1_4",
                "2_3",
                "2_5",
            ),
            open_wording(
                ("some coins count twice", "certain coins are dear"), "fewest", "odd", ("extra", 2), ("extra", 3)
            ),
        ),
        list_scene(
            dp_lists.CHAINS,
            "the best count",
            open_wording(
                ("find the longest ordered subsequence", "pick as many numbers as possible in some order"),
                "chain",
                "rising",
                "level",
                "falling",
            ),
            open_wording(
                ("find the longest subsequence by parity", "pick numbers by their parity, as many as possible"),
                "chain",
                "parity",
                "same_parity",
            ),
            open_wording(
                ("some numbers count more than 1", "numbers are not worth the same"),
                "chain",
                "weight",
                "even",
                ("large", 3),
                ("large", 5),
            ),
        ),
        list_scene(
            dp_lists.APART,
            "that number",
            open_wording(
                ("change what a number counts", "numbers count in another way"),
                "apart",
                "absolute",
                "double",
                "negate",
                ("cap", 4),
            ),
            open_wording(
                ("pick numbers for the largest sum", "choose numbers for the best sum under a rule"),
                "apart",
                "sum",
                "turns",
                "jump",
            ),
        ),
        items_scene(
            dp_items.KNAPSACK,
            "that number",
            open_wording(
                ("make the best of a sack of size n", "fill a sack of size n as well as possible"),
                "sack",
                "weight",
                "items",
                "square",
            ),
            open_wording(
                ("leave out some of the items", "use only items of one kind"), "sack", "even", "odd", ("small", 5)
            ),
        ),
        items_scene(
            dp_items.SUBSETS,
            "that number",
            open_wording(
                ("leave out some of the numbers", "use only numbers of one kind"),
                "subsets",
                "even",
                "odd",
                ("small", 5),
            ),
            open_wording(
                ("find out about picks with the sum n", "try to pick numbers that add up to n"),
                "subsets",
                "count",
                "possible",
                ("modulo", 3),
            ),
        ),
        grid_scene(
            dp_grids.PATHS,
            open_wording(
                ("find the best sum of a path right and down", "go right and down for the best sum"),
                "paths",
                "best",
                "cheapest",
                "reset",
            ),
            open_wording(
                ("cells count in another way", "change the worth of the cells"),
                "paths",
                "absolute",
                "negate",
                "odd_free",
                ("cap", 3),
            ),
            open_wording(
                ("some cells are walls where the value is 0", "set the value to 0 at some cells"),
                "paths",
                "walls",
                "even_walls",
                ("high_walls", 5),
            ),
        ),
        words_scene(
            dp_grids.WORDS,
            open_wording(
                ("find a kind of edit distance of the words", "compare the words by the cost of edits"),
                "words",
                "edit",
                "free",
                "indel",
                "costly",
            ),
            open_wording(("change one of the words first", "edit one word before"), "words", "reverse", "cut", "plain"),
        ),
    ),
)
