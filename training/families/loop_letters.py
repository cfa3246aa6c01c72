"""Rules over the letters of a string: a robot and a machine."""

from __future__ import annotations

from solvent.training.families.rulebook import LETTERS_INPUT, Piece, RuleBook, extreme, history, tally, times

_LETTERS = tuple(
    Piece(letter, f"c == '{letter}'", (f"on {letter}", f"for every {letter}", f"if the letter is {letter}"))
    for letter in "ABCD"
)
ROBOT = RuleBook(
    name="robot",
    inputs=LETTERS_INPUT,
    stdio_openings=(
        "A robot at 0 0 faces north and reads a line of letters A to D. A letter with no rule does nothing.",
        "Read a line of commands A to D for a robot that starts at 0 0, facing north. "
        "Commands without a rule are skipped.",
    ),
    function_openings=(
        "A robot at 0 0 faces north and reads a string of letters A to D. A letter with no rule does nothing.",
        "Given is a string of commands A to D for a robot that starts at 0 0, facing north. "
        "Commands without a rule are skipped.",
    ),
    noun="the robot's x and y",
    depths=(1, 5),
    before=("x, y, dx, dy = 0, 0, 0, 1",),
    loop="for c in s:",
    conditions=_LETTERS,
    actions=(
        Piece("forward", "x, y = x + dx, y + dy", ("go one step", "move one step forward")),
        Piece("back", "x, y = x - dx, y - dy", ("go one step back", "move backwards by one")),
        Piece("jump", "x, y = x + {k} * dx, y + {k} * dy", ("jump {k} steps", "move {k} steps forward"), (2, 3, 4)),
        Piece("left", "dx, dy = -dy, dx", ("turn left", "make a quarter turn to the left")),
        Piece("right", "dx, dy = dy, -dx", ("turn right", "make a quarter turn to the right")),
        Piece("about", "dx, dy = -dx, -dy", ("turn around", "face the other way")),
        Piece("home", "x, y = 0, 0", ("go back to 0 0", "return to the start, keeping the direction")),
        Piece("north", "dx, dy = 0, 1", ("face north", "turn to the north")),
        Piece("east", "x += {k}", ("move {k} to the east", "add {k} to the first coordinate"), (1, 2, 3)),
        Piece("mirror", "x, y = y, x", ("swap the coordinates", "go from x y to y x")),
    ),
    tallies=(
        tally("distance", "abs(x) + abs(y)", "the distance to the start", "how far from 0 0 it is, |x| + |y|"),
        extreme(
            "farthest",
            "max",
            "abs(x) + abs(y)",
            "the largest distance there was",
            "how far from 0 0 it was at most, as |x| + |y|",
        ),
        times(
            "visits",
            "x == 0 and y == 0",
            "after how many letters it was at 0 0",
            "how often it stood at the start again",
        ),
    ),
    default=tally("final", "[x, y]", gives="default list"),
    change=("the robot does something", "the robot moves or turns"),
    otherwise=("for any other letter", "otherwise"),
)
MACHINE = RuleBook(
    name="machine",
    inputs=LETTERS_INPUT,
    stdio_openings=(
        "A machine has a = 0 and b = 1 and reads a line of letters A to D. A letter with no rule does nothing.",
        "Read a line of letters A to D. Start with a = 0 and b = 1. Letters without a rule are skipped.",
    ),
    function_openings=(
        "A machine has a = 0 and b = 1 and reads a string of letters A to D. A letter with no rule does nothing.",
        "Given is a string of letters A to D. Start with a = 0 and b = 1. Letters without a rule are skipped.",
    ),
    noun="a and b",
    depths=(1, 5),
    before=("a, b = 0, 1",),
    loop="for c in s:",
    conditions=_LETTERS,
    actions=(
        Piece("add_k", "a += {k}", ("add {k} to a", "a grows by {k}"), (1, 2, 3, 4, 5)),
        Piece("take_k", "a -= {k}", ("subtract {k} from a", "a shrinks by {k}"), (1, 2, 3)),
        Piece("up", "b += {k}", ("add {k} to b", "b grows by {k}"), (1, 2, 3)),
        Piece("add_b", "a += b", ("add b to a", "a grows by b")),
        Piece("add_a", "b += a", ("add a to b", "b grows by a")),
        Piece("swap", "a, b = b, a", ("swap a and b", "exchange a and b")),
        Piece("double", "a *= 2", ("double a", "multiply a by 2")),
        Piece("negate", "b = -b", ("negate b", "flip the sign of b")),
        Piece("reset", "a = 0", ("set a to 0", "clear a")),
        Piece("copy", "b = a", ("copy a to b", "set b to a")),
        Piece("maximum", "a = max(a, b)", ("set a to the larger of a and b", "raise a to b if b is greater")),
    ),
    tallies=(
        tally("sum", "a + b", "a plus b", "the sum of a and b"),
        extreme("highest", "max", "a", "the largest a there was", "the highest value that a had after a letter"),
        history("history", "a", "a after every letter", "the list of all values of a"),
    ),
    default=tally("final", "[a, b]", gives="default list"),
    change=("change a or b", "do something with a and b"),
    otherwise=("for any other letter", "otherwise"),
)
