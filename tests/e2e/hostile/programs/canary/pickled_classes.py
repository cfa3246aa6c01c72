# tries: legitimate: pickles of classes of the main module, dataclasses, enumerations, named tuples
# expect: \APoint\(x=1, y=2\) Color.RED Pair\(a=1, b=2\)\n\Z
import pickle
from collections import namedtuple
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, order=True)
class Point:
    x: int
    y: int


class Color(Enum):
    RED = 1


Pair = namedtuple("Pair", "a b")
print(*(repr(pickle.loads(pickle.dumps(thing))) if not isinstance(thing, Enum) else str(pickle.loads(pickle.dumps(thing)))
        for thing in (Point(1, 2), Color.RED, Pair(1, 2))))
