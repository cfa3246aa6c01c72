"""Rules over numbers: a counter, a queue, a game, a chain of numbers and a bank account."""

from __future__ import annotations

from solvent.training.families.rulebook import (
    NUMBER_INPUT,
    NUMBERS_INPUT,
    Piece,
    RuleBook,
    extreme,
    history,
    tally,
    times,
)

_OF_X = (
    Piece("even", "x % 2 == 0", ("if x is even", "when x is an even number")),
    Piece("odd", "x % 2 == 1", ("if x is odd", "when x is an odd number")),
    Piece("negative", "x < 0", ("if x is negative", "when x is less than 0")),
    Piece("above", "x > {k}", ("if x is above {k}", "when x is greater than {k}"), (3, 4, 5, 6)),
    Piece("below", "x < {k}", ("if x is below {k}", "when x is less than {k}"), (1, 2, 3)),
    Piece("multiple", "x % {k} == 0", ("if x is divisible by {k}", "when x is a multiple of {k}"), (3, 4, 5)),
)
_FIRST_FITS = "Only the first rule that fits counts."

COUNTER = RuleBook(
    name="counter",
    inputs=NUMBERS_INPUT,
    stdio_openings=(
        f"Read integers from one line. Start with t = 0 and go through the numbers x. {_FIRST_FITS}",
        f"You are given a line of integers. A counter t begins at 0; for each number x use the rules. {_FIRST_FITS}",
    ),
    function_openings=(
        f"Start with t = 0 and go through the numbers x of a list. {_FIRST_FITS}",
        f"A list of integers is given. A counter t begins at 0; for each number x use the rules. {_FIRST_FITS}",
    ),
    noun="t",
    depths=(1, 4),
    before=("t = 0",),
    loop="for x in xs:",
    conditions=(
        *_OF_X,
        Piece("t_even", "t % 2 == 0", ("if t is even", "when t is an even number")),
        Piece("t_above", "t > {k}", ("if t is above {k}", "when t is greater than {k}"), (4, 6, 8, 10)),
        Piece("more", "x > t", ("if x is greater than t", "when t is less than x")),
    ),
    actions=(
        Piece("add", "t += x", ("add x to t", "t grows by x")),
        Piece("take", "t -= x", ("subtract x from t", "t shrinks by x")),
        Piece("add_k", "t += {k}", ("add {k} to t", "t grows by {k}"), (1, 2, 3, 4, 5)),
        Piece("take_k", "t -= {k}", ("subtract {k} from t", "t shrinks by {k}"), (1, 2, 3, 4, 5)),
        Piece("double", "t *= 2", ("double t", "multiply t by 2")),
        Piece("reset", "t = 0", ("set t to 0", "t starts from 0 again")),
        Piece("replace", "t = x", ("set t to x", "t becomes x")),
        Piece("negate", "t = -t", ("negate t", "flip the sign of t")),
        Piece("distance", "t = abs(t - x)", ("set t to the distance of t and x", "t becomes the distance from x")),
    ),
    tallies=(
        extreme("highest", "max", "t", "the largest t there was", "the highest value that t had after a number"),
        extreme("lowest", "min", "t", "the smallest t there was", "the lowest value that t had after a number"),
        history("history", "t", "t after every number", "the list of all values of t"),
        times("positive", "t > 0", "how often t was positive", "after how many numbers t was above 0"),
    ),
    default=tally("final", "t", gives="default"),
    change=("change t", "do something with t"),
)
QUEUE = RuleBook(
    name="queue",
    inputs=NUMBERS_INPUT,
    stdio_openings=(
        f"Read integers from one line. Start with an empty list q and go through the numbers x. {_FIRST_FITS}",
        f"You are given a line of integers. A queue q is empty; for each number x use the rules. {_FIRST_FITS}",
    ),
    function_openings=(
        f"Start with an empty list q and go through the numbers x of a list. {_FIRST_FITS}",
        f"A list of integers is given. A queue q is empty; for each number x use the rules. {_FIRST_FITS}",
    ),
    noun="q",
    depths=(1, 4),
    before=("q = []",),
    loop="for x in xs:",
    conditions=_OF_X,
    actions=(
        Piece("push", "q = q + [x]", ("put x at the end of q", "append x to q")),
        Piece("front", "q = [x] + q", ("put x at the front of q", "insert x before all of q")),
        Piece("pop", "q = q[:-1]", ("remove the last of q, if any", "take the last number off q, if there is one")),
        Piece("serve", "q = q[1:]", ("remove the first of q, if any", "take the first number off q, if there is one")),
        Piece("reverse", "q = q[::-1]", ("reverse q", "turn q around")),
        Piece("rotate", "q = q[1:] + q[:1]", ("move the first of q to the end", "send the first of q to the back")),
        Piece("clear", "q = []", ("empty q", "remove all of q")),
        Piece(
            "grow",
            "q = [y + 1 for y in q] + [x]",
            ("add 1 to all of q, then append x", "raise all of q by 1 and put x at the end"),
        ),
        Piece("twice", "q = q + [x, x]", ("append x to q twice", "put x at the end of q two times")),
    ),
    tallies=(
        tally("sum", "sum(q)", "the sum of q", "what the numbers in q add up to"),
        tally("length", "len(q)", "the length of q", "how many numbers are in q"),
        extreme("longest", "max", "len(q)", "the largest length of q", "how long q was at most"),
        tally("sorted", "sorted(q)", "q in increasing order", "the numbers of q, sorted", gives="list"),
    ),
    default=tally("final", "q", gives="default list"),
    change=("change q", "do something with q"),
)
GAME = RuleBook(
    name="game",
    inputs=NUMBERS_INPUT,
    stdio_openings=(
        f"Two players with 0 points each take turns on the numbers x of the input line. {_FIRST_FITS}",
        f"Read integers x from a line; two players use them in turn, starting with no points. {_FIRST_FITS}",
    ),
    function_openings=(
        f"Two players with 0 points each take turns on the numbers x of a list. {_FIRST_FITS}",
        f"Given a list of integers x, two players use them in turn, starting with no points. {_FIRST_FITS}",
    ),
    noun="the points of both players",
    depths=(1, 4),
    before=("p = [0, 0]", "i = 0"),
    loop="for x in xs:",
    conditions=_OF_X,
    actions=(
        Piece("score", "p[i] += x", ("the player scores x", "add x to the player's points")),
        Piece("score_k", "p[i] += {k}", ("the player scores {k}", "add {k} to the player's points"), (1, 2, 3, 5)),
        Piece("lose_k", "p[i] -= {k}", ("the player loses {k}", "take {k} off the player's points"), (1, 2, 3, 5)),
        Piece("give", "p[1 - i] += x", ("the other player scores x", "add x to the other player's points")),
        Piece("double", "p[i] *= 2", ("the player's points double", "multiply the player's points by 2")),
        Piece("reset", "p[i] = 0", ("the player loses all points", "set the player's points to 0")),
        Piece("swap", "p = p[::-1]", ("the players swap points", "exchange the points of the two")),
        Piece("again", "i = 1 - i", ("the player moves again", "the same player has the next turn too")),
    ),
    tallies=(
        tally("difference", "p[0] - p[1]", "the first player's lead", "points of player 1 less those of player 2"),
        tally("best", "max(p)", "the better score", "the points of whoever has more"),
        tally(
            "winner",
            "1 if p[0] > p[1] else 2 if p[1] > p[0] else 0",
            "1 or 2 for who has more points, 0 if equal",
            "the number of the winner, or 0 for a tie",
        ),
    ),
    default=tally("final", "p", gives="default list"),
    change=("the points change", "something happens to the points"),
    end=("i = 1 - i",),
)
CHAIN = RuleBook(
    name="chain",
    inputs=NUMBER_INPUT,
    stdio_openings=(
        f"Read a positive integer n. Until n is at most 1 or 20 steps are done, use the rules. {_FIRST_FITS}",
        f"You are given n. Count the steps c; a step uses the rules, while n > 1 and c < 20. {_FIRST_FITS}",
    ),
    function_openings=(
        f"A positive integer n is given. Until n is at most 1 or 20 steps are done, use the rules. {_FIRST_FITS}",
        f"Given n, count the steps c; a step uses the rules, while n > 1 and c < 20. {_FIRST_FITS}",
    ),
    noun="the number of steps",
    depths=(1, 4),
    before=("c = 0",),
    loop="while n > 1 and c < 20:",
    conditions=(
        Piece("even", "n % 2 == 0", ("if n is even", "when n is an even number")),
        Piece("odd", "n % 2 == 1", ("if n is odd", "when n is an odd number")),
        Piece("multiple", "n % {k} == 0", ("if n is divisible by {k}", "when n is a multiple of {k}"), (3, 4, 5, 7)),
        Piece("above", "n > {k}", ("if n is above {k}", "when n is greater than {k}"), (20, 30, 40, 50)),
        Piece("digit", "n % 10 == {k}", ("if the last digit of n is {k}", "when n ends in {k}"), (1, 3, 5, 7)),
        Piece("late", "c > {k}", ("after more than {k} steps", "once c is above {k}"), (2, 3, 4, 5)),
    ),
    actions=(
        Piece("half", "n //= 2", ("halve n, rounding down", "divide n by 2, dropping the rest")),
        Piece("third", "n //= 3", ("divide n by 3, rounding down", "take a third of n, dropping the rest")),
        Piece("take", "n -= {k}", ("subtract {k} from n", "n shrinks by {k}"), (2, 3, 4, 5)),
        Piece("add", "n += {k}", ("add {k} to n", "n grows by {k}"), (1, 2, 3, 5)),
        Piece("triple", "n = 3 * n + 1", ("set n to 3n + 1", "triple n and add 1")),
        Piece("double", "n *= 2", ("double n", "multiply n by 2")),
        Piece("digits", "n = sum(map(int, str(n)))", ("set n to its digit sum", "add up the digits of n")),
        Piece("cut", "n //= 10", ("drop the last digit of n", "divide n by 10, rounding down")),
    ),
    tallies=(
        tally("end", "n", "the last n", "what n is in the end"),
        extreme(
            "highest",
            "max",
            "n",
            "the largest n on the way",
            "the highest value of n, the first one included",
            start="n",
        ),
        history("path", "n", "all values of n", "the list of every n from the first to the last", start="n"),
    ),
    default=tally("final", "c", gives="default"),
    change=("change n", "n becomes another number"),
    end=("c += 1",),
    otherwise=("otherwise", "in all other cases"),
)
BANK = RuleBook(
    name="bank",
    inputs=NUMBERS_INPUT,
    stdio_openings=(
        "A bank account b starts at 0. Every integer x of the input line is added to it, "
        "then the rules are applied in order.",
        "Read a line of bookings x. The balance b begins with 0; add each x and then check all rules in turn.",
    ),
    function_openings=(
        "A bank account b starts at 0. Every integer x of a list is added to it, then the rules are applied in order.",
        "Given a list of bookings x, the balance b begins with 0; add each x and then check all rules in turn.",
    ),
    noun="the final balance",
    depths=(1, 4),
    before=("b = 0",),
    loop="for x in xs:",
    start=("b += x",),
    exclusive=False,
    conditions=(
        Piece("withdrawal", "x < 0", ("for a withdrawal", "if x is negative")),
        Piece("deposit", "x > 0", ("for a deposit", "if x is positive")),
        Piece("large", "x > {k}", ("for a deposit above {k}", "if x is greater than {k}"), (3, 4, 5, 6)),
        Piece("debt", "b < 0", ("if the balance is negative", "when b is below 0")),
        Piece("rich", "b > {k}", ("if the balance is above {k}", "when b is greater than {k}"), (5, 8, 10)),
        Piece("even", "b % 2 == 0", ("if the balance is even", "when b is an even number")),
    ),
    actions=(
        Piece("fee", "b -= {k}", ("take a fee of {k}", "subtract {k} from b"), (1, 2, 3)),
        Piece("bonus", "b += {k}", ("give a bonus of {k}", "add {k} to b"), (1, 2, 3)),
        Piece("undo", "b -= x", ("undo the booking", "take x off again")),
        Piece("again", "b += x", ("book x once more", "add x a second time")),
        Piece("clear", "b = 0", ("set the balance to 0", "b becomes 0")),
        Piece("half", "b //= 2", ("halve the balance, rounding down", "divide b by 2, rounding down")),
        Piece("double", "b *= 2", ("double the balance", "multiply b by 2")),
    ),
    tallies=(
        extreme("highest", "max", "b", "the highest balance", "the largest b after a booking and its rules"),
        extreme("lowest", "min", "b", "the lowest balance", "the smallest b after a booking and its rules"),
        history("history", "b", "the balance after every booking", "the list of all balances"),
        times("debts", "b < 0", "how often the balance was negative", "after how many bookings b was below 0"),
    ),
    default=tally("final", "b", gives="default"),
    change=("the balance changes", "change the balance"),
    otherwise=(),
)
