"""The oracle's transformations as concepts: what a person would write down after solving a task with one."""

from __future__ import annotations

from solvent.memory.concept import ConceptKind, Content

_WRITTEN: dict[str, tuple[str, str, str]] = {
    "rotate_90": ("Quarter turn clockwise", "rotate the whole grid", "the picture lies on its side in the output"),
    "rotate_180": ("Half turn", "rotate the whole grid by half a turn", "the picture stands on its head"),
    "rotate_270": ("Quarter turn counterclockwise", "rotate the whole grid back", "the picture lies on its other side"),
    "mirror_left_right": ("Mirror sideways", "reverse every row", "left and right are swapped"),
    "mirror_up_down": ("Mirror top to bottom", "reverse the order of the rows", "up and down are swapped"),
    "transpose": ("Swap rows and columns", "transpose the grid", "mirrored at the main diagonal"),
    "transpose_other": ("Mirror at the other diagonal", "transpose along the antidiagonal", "corners are swapped"),
    "recolour": ("Colour map", "replace each colour by a fixed other one", "same shapes, other colours"),
    "scale_up": ("Enlarge", "turn each cell into a block", "a larger picture with the same shapes"),
    "scale_down": ("Shrink", "keep one cell of each block", "a smaller picture with the same shapes"),
    "tile": ("Tile", "repeat the grid side by side", "copies of the input fill the output"),
    "tile_mirrored": ("Tile with mirrors", "repeat the grid and mirror every other copy", "a symmetric larger picture"),
    "beside_mirror": ("Add the mirror image", "put the mirrored grid beside it", "twice as large and symmetric"),
    "tile_by_itself": ("Fractal of itself", "copy the grid wherever it has a coloured cell", "the size is squared"),
    "tile_by_most_common": ("Fractal by a colour", "copy the grid at cells of its commonest colour", "squared size"),
    "crop_to_content": ("Crop to the content", "cut out the box around all that is no background", "smaller output"),
    "crop_to_colour": ("Crop to a colour", "cut out the box around the cells of one colour", "a marked region"),
    "crop_to_object": ("Cut out one object", "find the objects and keep the one that differs", "cropped, sizes vary"),
    "keep_object": ("Keep some objects", "erase objects by their size", "coloured noise is removed"),
    "recolour_object": ("Recolour one object", "paint the largest or smallest object", "same shapes, new colours"),
    "recolour_by_size": ("Colour by size", "paint each object by its number of cells", "objects get new colours"),
    "gravity": ("Gravity", "let the coloured cells fall to a side", "cells move, none is lost"),
    "remove_colour": ("Remove a colour", "set all cells of one colour to background", "cells are erased"),
    "keep_colour": ("Keep one colour", "set all cells of other colours to background", "cells are erased"),
    "combine_halves": ("Combine two halves", "lay both halves over each other by a logical rule", "half the size"),
    "overlay_halves": ("Overlay two halves", "lay one half over the other", "a separator divides the input"),
    "take_part": ("Take one part", "cut out a fixed half, quarter or panel", "the output is a part of the input"),
    "drop_repeats": ("Drop repeated lines", "remove rows and columns that repeat their neighbour", "stripes merge"),
    "fill_enclosed": ("Fill holes", "flood from the border and fill what is not reached", "closed shapes"),
    "draw_frame": ("Draw a frame", "paint the border of the grid", "the edge changes"),
    "add_frame": ("Add a frame", "put a border around the grid", "two rows and columns more"),
    "connect_cells": ("Connect cells", "draw lines between cells of a row or column", "pairs of equal cells"),
    "extend_lines": ("Extend lines", "draw a line from each cell to the edges", "rows and columns fill up"),
    "complete_symmetry": ("Restore symmetry", "repair hidden cells from their mirror images", "a masked block"),
    "complete_pattern": ("Restore a pattern", "find the period and fill in what is missing", "repeating wallpaper"),
    "fill_with_most_common": ("Commonest colour everywhere", "count colours, paint all", "one colour in the output"),
    "uniform_rows": ("Mark uniform rows", "paint rows whose cells are all equal", "whole rows in the output"),
    "count_colour_bar": ("List colours by count", "order the colours by how often they come", "a single column"),
    "most_common_cell": ("Name a colour by count", "answer with the commonest or rarest colour", "a single cell"),
    "shift": ("Shift", "move all cells by a fixed offset", "the same picture elsewhere"),
    "outline": ("Outline", "paint the neighbours of coloured cells", "a halo around shapes"),
    "hollow": ("Hollow out", "paint the inside of filled shapes", "rectangles lose their inside"),
}
TEXTS: dict[str, Content] = {
    label: Content(name=name, kind=ConceptKind.ROUTINE, summary=summary, cues=(cue,))
    for label, (name, summary, cue) in _WRITTEN.items()
}
"""By the name of the oracle's step."""
