"""The same ideas in other words: of the scripted oracle's transformations and of operations of the families.

Written without the first wording's help beyond its meaning, as another solver would name what it did: name, summary and
a cue. They take part in no search weight and no threshold but the one that `benchmarks.duplicates` measures.
"""

from __future__ import annotations

from solvent.memory.concept import ConceptKind, Content

_ARC: dict[str, tuple[str, str, str]] = {
    "rotate_90": ("Rotate right", "turn the grid by 90 degrees clockwise", "columns of the input read as rows"),
    "rotate_180": ("Rotate by 180", "turn the grid upside down and back to front", "last cell comes first"),
    "rotate_270": ("Rotate left", "turn the grid by 90 degrees counterclockwise", "rightmost column becomes the top"),
    "mirror_left_right": ("Horizontal flip", "flip the grid so that left becomes right", "each row runs backwards"),
    "mirror_up_down": ("Vertical flip", "flip the grid so that the top row is last", "rows come in reverse order"),
    "transpose": ("Transposition", "make each row a column", "height and width change places"),
    "transpose_other": ("Anti-transpose", "reflect the grid across the anti-diagonal", "both other corners stay"),
    "recolour": ("Swap colours by a table", "map every colour to another colour by a table", "only colours differ"),
    "scale_up": ("Upscale by a factor", "replace every cell by a square of k by k cells", "output is k times larger"),
    "scale_down": ("Downscale by a factor", "take one cell of every k by k square", "k times smaller"),
    "tile": ("Repeat the pattern", "fill a larger grid with copies of the input", "output size is a multiple"),
    "tile_mirrored": (
        "Mirrored tiling",
        "tile the plane with alternately flipped copies",
        "copies mirror",
    ),
    "beside_mirror": ("Append a reflection", "join the grid with its own reflection", "one side doubles in length"),
    "tile_by_itself": ("Self-similar tiling", "use the grid as a mask of where copies of it go", "3x3 becomes 9x9"),
    "tile_by_most_common": ("Copies where the main colour is", "place the grid at each most frequent cell", "n to n^2"),
    "crop_to_content": ("Bounding box", "cut the smallest rectangle with all non-zero cells", "margins are gone"),
    "crop_to_colour": ("Bounding box of one colour", "cut the rectangle that one colour spans", "a colour marks it"),
    "crop_to_object": (
        "Extract the odd shape",
        "find connected components and return the special one",
        "one differs",
    ),
    "keep_object": ("Filter components by size", "delete small or large components", "noise pixels vanish"),
    "recolour_object": ("Highlight the biggest shape", "give the largest or smallest component a new colour", "one"),
    "recolour_by_size": ("Paint components by area", "choose each component's colour by its area", "areas decide"),
    "gravity": ("Let pixels drop", "move all coloured pixels down until they hit something", "pixels pile up"),
    "remove_colour": ("Erase a colour", "turn one colour into black everywhere", "one colour is missing in the output"),
    "keep_colour": ("Isolate a colour", "turn all but one colour into black", "only one colour remains"),
    "combine_halves": ("Boolean of two panels", "compare two panels cell by cell with and, or, xor", "two panels"),
    "overlay_halves": (
        "Stack two panels",
        "put one panel on top of the other, zeros see-through",
        "a dividing line",
    ),
    "take_part": ("Pick one panel", "return a fixed quadrant, half or panel of the grid", "output equals one region"),
    "drop_repeats": ("Collapse equal lines", "delete each row or column equal to the one before", "bands become lines"),
    "fill_enclosed": ("Flood fill interiors", "colour the cells that cannot reach the border", "loops have insides"),
    "draw_frame": ("Colour the edge cells", "set the outermost rows and columns to a colour", "inside unchanged"),
    "add_frame": ("Pad with a border", "surround the grid by a ring of one colour", "each side grows by one"),
    "connect_cells": ("Join equal dots", "draw a segment between two dots in the same row or column", "dots in pairs"),
    "extend_lines": ("Shoot rays", "extend each dot to a full row or column", "crossing lines"),
    "complete_symmetry": ("Fill by symmetry", "rebuild covered cells using the picture's symmetry", "a covered patch"),
    "complete_pattern": ("Continue a periodic texture", "detect the tile's period and restore erased cells", "texture"),
    "fill_with_most_common": ("Flood with the majority", "output the most frequent colour everywhere", "plain output"),
    "uniform_rows": ("Flag rows of one colour", "rows with a single colour get marked, others cleared", "rows"),
    "count_colour_bar": ("Colour histogram column", "sort colours by frequency into a column", "k by 1 output"),
    "most_common_cell": ("Majority colour", "return the most or least frequent colour as one cell", "1x1 output"),
    "shift": ("Translate", "slide everything by the same number of cells", "the drawing keeps its form"),
    "outline": ("Surround shapes", "colour the cells next to each shape", "shapes get a contour"),
    "hollow": ("Carve out rectangles", "empty the interior of solid rectangles", "only walls remain"),
}
_FAMILIES: dict[str, tuple[str, str, str]] = {
    "list differences": ("Consecutive gaps", "output each number minus the one before it", "one number fewer"),
    "list drop": ("Skip the head", "leave out the first k numbers", "the beginning of the list is ignored"),
    "list every second": ("Stride of two", "take numbers at even positions", "half of the list remains"),
    "list keep multiples": ("Divisibility filter", "keep numbers divisible by k", "remainders decide"),
    "list keep positive": ("Positive filter", "drop all numbers that are zero or negative", "signs decide"),
    "list maximum": ("Largest element", "return the maximum of the list", "one number is asked for"),
    "list rotate right": ("Cyclic shift by one", "put the last number in front of all others", "rotation"),
    "list sort": ("Ascending order", "sort the list from smallest to largest", "order of output"),
    "list unique": ("Deduplicate", "keep only the first of equal numbers", "no number comes twice"),
    "list square": ("Squares", "replace each number by its square", "n times n"),
    "number collatz": ("Collatz step", "even numbers are halved, odd ones become three times plus one", "3n + 1"),
    "number digit sum": ("Sum of digits", "add up the decimal digits", "digits"),
    "number reverse digits": ("Mirror the digits", "write the digits backwards and drop the sign", "digits"),
    "number remainder": ("Modulo", "compute the remainder of a division by m", "mod"),
    "string reverse": ("Backwards text", "write the text from its end to its start", "mirrored"),
    "string sort letters": ("Letters in order", "sort the characters of the text alphabetically", "anagram"),
    "string swap case": ("Toggle case", "make small letters capitals and the other way round", "case"),
    "string upper vowels": ("Capital vowels", "turn a, e, i, o, u into capitals", "vowels"),
    "string word count": ("Number of words", "count the words of the text", "split at spaces"),
    "string reverse words": ("Words backwards", "put the words in reverse order, each as it is", "sentence"),
    "grid keep common": ("Only the dominant colour", "erase all but the most frequent colour", "frequency"),
    "grid left half": ("Left part", "cut the grid in the middle and return the left side", "half as wide"),
    "grid drop cols": ("Remove blank columns", "delete columns that hold nothing", "narrower output"),
    "grid paint all": ("One colour for all", "give every coloured cell the same colour", "shape only"),
    "matrix diagonal": ("Main diagonal", "return the cells with equal row and column number", "i = j"),
    "matrix column maxima": ("Greatest of each column", "compute the maximum per column", "one value per column"),
    "matrix flatten": ("Row-major list", "write all rows one after the other as a list", "one dimension"),
    "matrix rotate right": ("Clockwise quarter turn", "rotate the matrix by 90 degrees to the right", "turned"),
    "matrix corners": ("Corner sum", "add the four cells at the corners", "only four cells matter"),
    "table by score stable": ("Stable ranking", "order records by score and keep the order of ties", "ranking"),
    "table counts": ("Group and count", "count how many records each name has", "grouping"),
    "table worst": ("Minimum per name", "for each name keep the record with the lowest score", "grouping"),
    "table highest": ("Top score", "print the maximum score of all records", "one number"),
    "scan prefix sums": ("Cumulative sums", "running total up to each position", "partial sums"),
    "scan inversions": ("Count inversions", "count pairs that stand in the wrong order", "pairs i < j"),
    "scan min subarray": ("Minimum subarray sum", "smallest total over all contiguous segments", "Kadane"),
    "scan pairs with sum": ("Two-sum count", "count the pairs that add up to a target", "complement in a dict"),
    "scan running min": ("Minimum so far", "replace each number by the smallest seen up to it", "prefix minimum"),
    "dp chain falling": ("Decreasing subsequence", "longest subsequence whose values go down", "LIS variant"),
    "dp apart sum": ("House robber", "maximum sum when no two adjacent items may be taken", "adjacent"),
    "dp fewest 1 3": ("Minimum coin change", "fewest coins of 1 and 3 for an amount, 99 if impossible", "amount"),
    "dp coins 2 5": ("Coin change count", "number of ways to make an amount with coins 2 and 5", "amount"),
    "dp stairs 1 3 4": ("Staircase ways", "count step sequences of 1, 3 or 4 that reach the top", "climbing"),
    "loop counter above reset": ("Reset on large input", "when x exceeds 6 the total becomes 0", "state machine"),
    "loop bank deposit bonus": ("Deposit bonus", "each deposit adds 2 more to the account", "account"),
    "loop robot otherwise about": (
        "Turn back by default",
        "unknown letters turn the robot around",
        "moves",
    ),
}


def _contents(written: dict[str, tuple[str, str, str]]) -> dict[str, Content]:
    return {
        label: Content(name=name, kind=ConceptKind.ROUTINE, summary=summary, cues=(cue,))
        for label, (name, summary, cue) in written.items()
    }


ARC = _contents(_ARC)
"""By the name of the oracle's step."""
FAMILIES = _contents(_FAMILIES)
"""By the name of the concept in `benchmarks.retrieval`'s library."""
