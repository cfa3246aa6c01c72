"""Skeletons of dynamic programming over a number: stairs, ways to pay, fewest coins."""

from __future__ import annotations

from solvent.training.families.slots import Skeleton, ending, fill, number_endings

STEP_SETS = ("1, 2", "1, 3", "2, 3", "1, 4", "2, 5", "3, 4", "1, 2, 3", "1, 2, 4", "1, 3, 4", "2, 3, 5", "1, 3, 5")


def name_of(steps: str) -> str:
    """A set of numbers as part of a name."""
    return steps.replace(", ", "_")


STAIRS = Skeleton(
    lines=(
        "d = [1] + [0] * n",
        "for i in range(1, n + 1):",
        "    for s in (<steps>):",
        "        if i >= s:",
        "            <update>",
        "    <block>",
    ),
    required=("steps",),
    defaults={"update": "d[i] += d[i - s]", "block": ""},
    parts=(
        *(
            fill(
                "steps",
                f"stairs_{name_of(steps)}",
                steps,
                f"count the ways to climb n stairs with steps of {steps}",
                f"find in how many orders steps of {steps} add up to n",
                f"find the number of ways to write n as an ordered sum of {steps}",
            )
            for steps in STEP_SETS
        ),
        fill(
            "block",
            "stairs_no_multiples",
            "if i % {k} == 0:\n    d[i] = 0",
            "skip stairs divisible by {k}",
            "no stair whose number is a multiple of {k} may be stepped on",
            parameters=(3, 4, 5),
        ),
        fill(
            "block",
            "stairs_no_stair",
            "if i == {k}:\n    d[i] = 0",
            "skip stair {k}",
            "stair {k} is broken",
            parameters=(2, 3, 4),
        ),
        fill(
            "block",
            "stairs_no_ending",
            "if i % 10 == {k}:\n    d[i] = 0",
            "skip stairs ending in {k}",
            "stairs whose number ends in {k} are broken",
            parameters=(2, 3, 4, 5),
        ),
        fill(
            "block",
            "stairs_twice",
            "if i % {k} == 0:\n    d[i] *= 2",
            "double the ways at stairs divisible by {k}",
            "at every stair that is a multiple of {k} there are two doors, so its ways count twice",
            parameters=(2, 3, 4),
        ),
        fill(
            "block",
            "stairs_plus",
            "d[i] += 1",
            "at every stair one more way begins",
            "one more way begins at each stair from 1 on",
        ),
        fill(
            "block",
            "stairs_limit",
            "d[i] = min(d[i], {k})",
            "cap the ways of a stair at {k}",
            "no stair counts more than {k} ways",
            parameters=(3, 4, 5),
        ),
        *number_endings("stairs", "d[n]", "the number of ways"),
        ending(
            "stairs_all",
            "answer = sum(d)",
            "the sum of the ways to all stairs from 0 to n",
            "how many ways there are to any of the stairs 0 to n",
        ),
        ending(
            "stairs_reached",
            "answer = sum(w > 0 for w in d)",
            "how many of the stairs 0 to n can be reached",
            "the number of stairs from 0 to n with a way to them",
        ),
    ),
    answer="answer = d[n]",
)
COINS = Skeleton(
    lines=("d = [1] + [0] * n", "for c in (<coins>):", "    for i in range(c, n + 1):", "        <update>"),
    required=("coins",),
    defaults={"update": "d[i] += d[i - c]"},
    parts=(
        *(
            fill(
                "coins",
                f"coins_{name_of(coins)}",
                coins,
                f"count the ways to pay n with coins of {coins}",
                f"find in how many ways coins of {coins} make n, in any order",
                f"find the number of ways to change n into coins of {coins}",
            )
            for coins in STEP_SETS
        ),
        fill(
            "update",
            "coins_fewer",
            "d[i] += d[i - c] if i != {k} else 0",
            "the amount {k} may not occur on the way",
            "no way may make exactly {k} from the coins so far",
            parameters=(3, 4, 5, 6),
        ),
        fill(
            "update",
            "coins_limit",
            "d[i] = min(d[i] + d[i - c], {k})",
            "cap every count at {k}",
            "counts above {k} are cut to {k}",
            parameters=(3, 4, 5),
        ),
        fill(
            "update",
            "coins_counted_modulo",
            "d[i] = (d[i] + d[i - c]) % {k}",
            "count modulo {k}",
            "keep all counts modulo {k}",
            parameters=(2, 3, 4, 5),
        ),
        fill(
            "update",
            "coins_weighted",
            "d[i] += c * d[i - c]",
            "a way counts the product of its coins",
            "each way weighs as much as its coins multiplied",
        ),
        *number_endings("coins", "d[n]", "the number of ways"),
        ending(
            "coins_all",
            "answer = sum(d)",
            "the sum of the ways for all amounts from 0 to n",
            "how many ways there are for any of the amounts 0 to n",
        ),
        ending(
            "coins_payable",
            "answer = sum(w > 0 for w in d)",
            "how many of the amounts 0 to n can be paid",
            "the number of amounts from 0 to n with a way to pay them",
        ),
    ),
    answer="answer = d[n]",
)
FEWEST = Skeleton(
    lines=(
        "d = [0] + [99] * n",
        "for i in range(1, n + 1):",
        "    for c in (<coins>):",
        "        if i >= c:",
        "            d[i] = min(d[i], d[i - c] + <cost>)",
        "    <block>",
    ),
    required=("coins",),
    defaults={"cost": "1", "block": ""},
    parts=(
        *(
            fill(
                "coins",
                f"fewest_{name_of(coins)}",
                coins,
                f"find the fewest coins of {coins} that make n, 99 if none",
                f"pay n with as few coins of {coins} as possible, 99 if that cannot be done",
            )
            for coins in STEP_SETS
        ),
        fill("cost", "fewest_odd", "(1 + c % 2)", "odd coins count twice", "a coin of odd value counts as two"),
        fill(
            "cost",
            "fewest_extra",
            "(1 if c < {k} else 2)",
            "coins of {k} or more count twice",
            "a coin that is worth {k} or more counts as two",
            parameters=(2, 3, 4),
        ),
        fill(
            "block",
            "fewest_no_multiples",
            "if i % {k} == 0:\n    d[i] = 99",
            "skip amounts divisible by {k}",
            "no sum on the way, n included, may be a multiple of {k}",
            parameters=(4, 5, 6, 7),
        ),
        fill(
            "block",
            "fewest_no_amount",
            "if i == {k}:\n    d[i] = 99",
            "skip the amount {k}",
            "the sum may never be {k}, neither on the way nor at the end",
            parameters=(3, 4, 5, 6),
        ),
        fill(
            "block",
            "fewest_toll",
            "if i % {k} == 0 and d[i] < 99:\n    d[i] += 1",
            "amounts divisible by {k} cost one more",
            "each sum on the way that is a multiple of {k} counts as one coin more",
            parameters=(3, 4, 5),
        ),
        *number_endings("fewest", "d[n]", "the number of coins"),
        ending(
            "fewest_most",
            "answer = max(d)",
            "the largest such number for the amounts 0 to n",
            "the most coins that any of the amounts 0 to n needs",
        ),
    ),
    answer="answer = d[n]",
)
