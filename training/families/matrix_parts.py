"""What can be done with a matrix, its lists of numbers, and what can be asked about them."""

from __future__ import annotations

from solvent.training.families.parts import part_maker

MATRIX, LIST, NUMBER = "matrix", "list", "number"


_CELLS = "answer = 0\nfor i, row in enumerate(rows):\n    for j, x in enumerate(row):\n        if <code>:\n            "
"""A loop over all cells, with the row i and the column j at hand."""

_change = part_maker(MATRIX, MATRIX, "rows = <code>")
_cells = part_maker(MATRIX, MATRIX, "rows = [[<code> for x in row] for row in rows]")
_list = part_maker(MATRIX, LIST, "xs = <code>")
_on_list = part_maker(LIST, LIST, "xs = <code>")
_of_list = part_maker(LIST, NUMBER, "answer = <code>", asks=True)
_of_matrix = part_maker(MATRIX, NUMBER, "answer = <code>", asks=True)
_count = part_maker(MATRIX, NUMBER, f"{_CELLS}answer += 1", asks=True)
_total = part_maker(MATRIX, NUMBER, f"{_CELLS}answer += x", asks=True)

PARTS = (
    _change("transpose", "[list(c) for c in zip(*rows)]", "transpose the matrix", "swap rows and columns"),
    _change(
        "flip_across",
        "[row[::-1] for row in rows]",
        "reverse every row",
        "mirror the matrix left to right",
        "turn each row around",
    ),
    _change("flip_down", "rows[::-1]", "reverse the order of the rows", "turn the matrix upside down"),
    _change(
        "rotate_right",
        "[list(c) for c in zip(*rows[::-1])]",
        "rotate the matrix clockwise",
        "turn the matrix 90 degrees to the right",
        "rotate the grid a quarter turn clockwise",
    ),
    _change(
        "rotate_left",
        "[list(c) for c in zip(*rows)][::-1]",
        "rotate the matrix counterclockwise",
        "turn the matrix 90 degrees to the left",
        "rotate the grid a quarter turn counterclockwise",
    ),
    _cells("add", "x + {k}", "add {k} to every cell", "increase all entries by {k}", parameters=tuple(range(1, 10))),
    _cells("multiply", "x * {k}", "multiply every cell by {k}", "scale all entries by {k}", parameters=(2, 3, 4, 5)),
    _cells("negate", "-x", "negate every cell", "flip the sign of every entry"),
    _cells("absolute", "abs(x)", "take the absolute value of every cell", "drop the sign of every entry"),
    _cells(
        "modulo",
        "x % {k}",
        "take every cell modulo {k}",
        "replace each entry by its remainder modulo {k}",
        parameters=(2, 3, 5, 7),
    ),
    _cells(
        "cap", "min(x, {k})", "cap every cell at {k}", "replace every entry above {k} by {k}", parameters=(3, 4, 5, 6)
    ),
    _cells(
        "floor",
        "max(x, {k})",
        "raise every cell to at least {k}",
        "replace every entry below {k} by {k}",
        parameters=(0, 1, 2, 3),
    ),
    _cells("zero_odd", "0 if x % 2 else x", "replace odd cells by 0", "set every odd entry to zero"),
    _cells("zero_even", "0 if x % 2 == 0 else x", "replace even cells by 0", "set every even entry to zero"),
    _cells(
        "zero_above",
        "0 if x > {k} else x",
        "replace cells above {k} by 0",
        "set every entry greater than {k} to zero",
        parameters=(2, 3, 4, 5),
    ),
    _cells(
        "mark_above",
        "1 if x > {k} else 0",
        "write 1 for cells above {k} and 0 for the others",
        "replace entries greater than {k} by 1 and all other entries by 0",
        parameters=(1, 2, 3, 4),
    ),
    _change("sort_rows", "[sorted(row) for row in rows]", "sort every row", "put each row in increasing order"),
    _change(
        "sort_rows_down",
        "[sorted(row, reverse=True) for row in rows]",
        "sort every row in descending order",
        "put each row in decreasing order",
    ),
    _change(
        "order_rows",
        "sorted(rows)",
        "sort the rows by their first cells",
        "put the rows in order, comparing first cells, then second cells and so on",
    ),
    _change(
        "order_by_sum",
        "sorted(rows, key=sum)",
        "sort the rows by their sums",
        "put the rows in increasing order of their sums, equal sums in the old order",
    ),
    _change("drop_top", "rows[1:]", "drop the first row", "remove the top row"),
    _change("drop_bottom", "rows[:-1]", "drop the last row", "remove the bottom row"),
    _change("drop_left", "[row[1:] for row in rows]", "drop the first column", "remove the left column"),
    _change("drop_right", "[row[:-1] for row in rows]", "drop the last column", "remove the right column"),
    _change("shift_rows", "rows[1:] + rows[:1]", "move the first row to the bottom", "put the top row last"),
    _change(
        "shift_columns",
        "[row[1:] + row[:1] for row in rows]",
        "move the first column to the right end",
        "shift every row left by one place, the first cell to its end",
    ),
    _change(
        "rows_above",
        "[row for row in rows if sum(row) > {k}]",
        "keep the rows with a sum above {k}",
        "remove every row whose sum is at most {k}",
        parameters=(3, 5, 8, 10),
    ),
    _change(
        "rows_even",
        "[row for row in rows if row[0] % 2 == 0]",
        "keep the rows that begin with an even cell",
        "remove the rows whose first cell is odd",
    ),
    _change(
        "add_row_number",
        "[[x + i for x in row] for i, row in enumerate(rows)]",
        "add its row number to every cell, counting from 0",
        "add 0 to the first row, 1 to the second and so on",
    ),
    _change(
        "add_column_number",
        "[[x + j for j, x in enumerate(row)] for row in rows]",
        "add its column number to every cell, counting from 0",
        "add 0 to the first column, 1 to the second and so on",
    ),
    _list("row_sums", "[sum(row) for row in rows]", "take the sum of every row", "compute the row sums"),
    _list("column_sums", "[sum(c) for c in zip(*rows)]", "take the sum of every column", "compute the column sums"),
    _list("row_maxima", "[max(row) for row in rows]", "take the maximum of every row", "find the largest of each row"),
    _list("row_minima", "[min(row) for row in rows]", "take the minimum of every row", "find the smallest of each row"),
    _list(
        "column_maxima",
        "[max(c) for c in zip(*rows)]",
        "take the maximum of every column",
        "find the largest of each column",
    ),
    _list(
        "diagonal",
        "[row[i] for i, row in enumerate(rows) if i < len(row)]",
        "take the main diagonal",
        "read the cells from the top left corner down the diagonal",
    ),
    _list(
        "anti_diagonal",
        "[row[-1 - i] for i, row in enumerate(rows) if i < len(row)]",
        "take the anti-diagonal",
        "read the cells from the top right corner down the diagonal",
    ),
    _list("flatten", "[x for row in rows for x in row]", "read all cells row by row", "flatten the matrix to one list"),
    _list("first_column", "[row[0] for row in rows]", "take the first column", "read the left column"),
    _list("last_column", "[row[-1] for row in rows]", "take the last column", "read the right column"),
    _list(
        "even_counts",
        "[sum(x % 2 == 0 for x in row) for row in rows]",
        "count the even cells of every row",
        "find how many entries of each row are even",
    ),
    _on_list("sort", "sorted(xs)", "sort these numbers", "put these numbers in increasing order"),
    _on_list(
        "sort_down",
        "sorted(xs, reverse=True)",
        "sort these numbers in descending order",
        "put these numbers in decreasing order",
    ),
    _on_list("reverse", "xs[::-1]", "reverse these numbers", "turn this list around"),
    _on_list("unique", "list(dict.fromkeys(xs))", "remove duplicates from the list", "drop repeated numbers"),
    _on_list(
        "above",
        "[x for x in xs if x > {k}]",
        "keep the numbers above {k}",
        "drop numbers that are at most {k}",
        parameters=(2, 3, 4, 5),
    ),
    _on_list("double", "[2 * x for x in xs]", "double these numbers", "multiply each of these numbers by 2"),
    _of_list("sum", "sum(xs)", "their sum", "the sum of these numbers"),
    _of_list("maximum", "max(xs)", "the largest of them", "the maximum of these numbers"),
    _of_list("minimum", "min(xs)", "the smallest of them", "the minimum of these numbers"),
    _of_list(
        "range",
        "max(xs) - min(xs)",
        "the largest minus the smallest of them",
        "the difference of the maximum and the minimum of these numbers",
    ),
    _of_list(
        "count_even",
        "sum(x % 2 == 0 for x in xs)",
        "how many of them are even",
        "the count of even numbers among them",
    ),
    _of_list(
        "place_of_maximum",
        "xs.index(max(xs)) + 1",
        "the place of the largest, counting from 1",
        "which of them is largest: its first place, counted from 1",
    ),
    _of_matrix("total", "sum(map(sum, rows))", "the sum of all cells", "the total of the matrix"),
    _of_matrix("largest", "max(map(max, rows))", "the largest cell", "the maximum of the matrix"),
    _of_matrix(
        "trace",
        "sum(row[i] for i, row in enumerate(rows) if i < len(row))",
        "the trace",
        "the sum of the main diagonal",
    ),
    _of_matrix(
        "corners",
        "rows[0][0] + rows[0][-1] + rows[-1][0] + rows[-1][-1]",
        "the sum of the four corners",
        "top left plus top right plus bottom left plus bottom right cell",
    ),
    _of_matrix(
        "sorted_rows",
        "sum(row == sorted(row) for row in rows)",
        "how many rows are in increasing order",
        "the number of rows that are sorted",
    ),
    _count(
        "count_above",
        "x > {k}",
        "how many cells are above {k}",
        "the number of entries greater than {k}",
        parameters=(2, 3, 4, 5),
    ),
    _count(
        "count_row_maxima",
        "x == max(row)",
        "how many cells are the maximum of their row",
        "the number of cells that no cell of the same row exceeds",
    ),
    _count(
        "count_column_maxima",
        "x == max(r[j] for r in rows)",
        "how many cells are the maximum of their column",
        "the number of cells that no cell of the same column exceeds",
    ),
    _count(
        "saddles",
        "x == max(row) == min(r[j] for r in rows)",
        "how many cells are the maximum of their row and the minimum of their column",
        "the number of saddle points: largest in the row, smallest in the column",
    ),
    _count(
        "count_place",
        "x == i + j",
        "how many cells equal row number plus column number, counting from 0",
        "the number of cells whose value is i + j in row i, column j (from 0)",
    ),
    _count(
        "count_right",
        "j > 0 and x > row[j - 1]",
        "how many cells are greater than their left neighbour",
        "the number of cells that exceed the cell to their left",
    ),
    _count(
        "count_below",
        "i > 0 and x > rows[i - 1][j]",
        "how many cells are greater than the cell above",
        "the number of cells that exceed the cell above them",
    ),
    _total(
        "border_sum",
        "i in (0, len(rows) - 1) or j in (0, len(row) - 1)",
        "the sum of the border",
        "the sum of the cells on the edge of the matrix",
    ),
    _total(
        "checkered_sum",
        "(i + j) % 2 == 0",
        "the sum of the cells with even i + j",
        "the sum of the black cells, the top left one is black",
    ),
)
