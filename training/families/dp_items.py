"""Skeletons of dynamic programming over items and a size: knapsacks and sums of picks."""

from __future__ import annotations

from solvent.training.families.parts import Part
from solvent.training.families.slots import Skeleton, ending, fill, number_endings


def _over_items(
    name: str,
    thing: str,
    first: str,
    updates: tuple[Part, ...],
    filters: tuple[Part, ...],
    endings: tuple[Part, ...],
) -> Skeleton:
    """A table over the sizes 0 to n, brought up to date with every thing x; `first` is the table before."""
    return Skeleton(
        lines=(f"d = {first}", "for x in xs:", "    <filter>", "    for w in range(<order>):", "        <update>"),
        required=("update",),
        defaults={"order": "n, x - 1, -1", "filter": ""},
        parts=(
            *updates,
            fill(
                "filter",
                f"{name}_even",
                "if x % 2 == 1:\n    continue",
                f"use only even {thing}s",
                "leave out odd numbers",
            ),
            fill(
                "filter",
                f"{name}_odd",
                "if x % 2 == 0:\n    continue",
                f"use only odd {thing}s",
                "leave out even numbers",
            ),
            fill(
                "filter",
                f"{name}_small",
                "if x > {k}:\n    continue",
                f"use only {thing}s up to {{k}}",
                "leave out numbers above {k}",
                parameters=(4, 5, 6),
            ),
            *filters,
            fill(
                "order",
                f"{name}_again",
                "x, n + 1",
                f"{'an' if thing[0] in 'aeiou' else 'a'} {thing} may be used again",
                f"every {thing} may be taken any number of times",
            ),
            *endings,
        ),
        answer="answer = d[n]",
    )


KNAPSACK = _over_items(
    "sack",
    "item",
    "[0] * (n + 1)",
    updates=(
        fill(
            "update",
            "sack_weight",
            "d[w] = max(d[w], d[w - x] + x)",
            "fill a sack of size n as full as possible",
            "find the largest sum up to n that some of the numbers have",
        ),
        fill(
            "update",
            "sack_items",
            "d[w] = max(d[w], d[w - x] + 1)",
            "put as many items as possible in a sack of size n",
            "find how many of the numbers can be picked so that their sum is n at most",
        ),
        fill(
            "update",
            "sack_square",
            "d[w] = max(d[w], d[w - x] + x * x)",
            "maximise the sum of squares in a sack of size n",
            "an item of weight x is worth x * x: find the largest worth with a weight up to n",
        ),
        fill(
            "update",
            "sack_value",
            "d[w] = max(d[w], d[w - x] + x + {k})",
            "maximise the worth x + {k} of items x of total size n at most",
            "an item of weight x is worth x + {k}: find the largest worth with a weight up to n",
            parameters=(1, 2, 3, 5),
        ),
        fill(
            "update",
            "sack_parity",
            "d[w] = max(d[w], d[w - x] + x % 2)",
            "put as many odd items as possible in a sack of size n",
            "find how many odd numbers can be picked so that the sum of all picks is n at most",
        ),
    ),
    filters=(
        fill(
            "filter",
            "sack_large",
            "if x < {k}:\n    continue",
            "use only items of {k} or more",
            "leave out numbers below {k}",
            parameters=(3, 4),
        ),
        fill(
            "filter",
            "sack_heavier",
            "x += {k}",
            "every item weighs {k} more",
            "add {k} to each number first",
            parameters=(1, 2),
        ),
    ),
    endings=(
        *number_endings("sack", "d[n]", "that number"),
        ending(
            "sack_gain",
            "answer = d[n] - d[n - 1]",
            "by how much it is above that for size n - 1",
            "the difference to what a sack of size n - 1 allows",
        ),
    ),
)
SUBSETS = _over_items(
    "subsets",
    "number",
    "[1] + [0] * n",
    updates=(
        fill(
            "update",
            "subsets_count",
            "d[w] += d[w - x]",
            "count the choices of numbers with the sum n",
            "find in how many ways numbers can be picked that add up to n",
        ),
        fill(
            "update",
            "subsets_possible",
            "d[w] = max(d[w], d[w - x])",
            "find 1 if some numbers have the sum n, else 0",
            "say 1 if numbers can be picked that add up to n and 0 otherwise",
        ),
        fill(
            "update",
            "subsets_modulo",
            "d[w] = (d[w] + d[w - x]) % {k}",
            "count the choices with the sum n, modulo {k}",
            "find in how many ways numbers can be picked that add up to n, all counts modulo {k}",
            parameters=(2, 3, 4),
        ),
    ),
    filters=(
        fill(
            "filter",
            "subsets_more",
            "x += {k}",
            "add {k} to every number",
            "raise each number by {k} first",
            parameters=(1, 2),
        ),
    ),
    endings=(
        ending(
            "subsets_sums",
            "answer = sum(v > 0 for v in d)",
            "for how many sums from 0 to n the number is not 0",
            "how many of the sums 0 to n have a number above 0",
        ),
        ending(
            "subsets_all",
            "answer = sum(d)",
            "the sum of these numbers for 0 to n",
            "what the results for 0 to n add up to",
        ),
        ending(
            "subsets_closest",
            "answer = max(w for w in range(n + 1) if d[w])",
            "the largest sum up to n with a number above 0",
            "the sum nearest to n, but not above, whose number is not 0",
        ),
    ),
)
