# tries: legitimate: modules that contest programs import
# cpu_s: 4
# wall_s: 10
# expect: \Afine\n\Z
import array, bisect, cmath, collections, copy, csv, datetime, decimal, difflib, fractions, functools, graphlib, hashlib, heapq  # noqa
import io, itertools, json, math, operator, queue, random, re, sqlite3, statistics, string, struct, sys, textwrap, time, typing  # noqa
import unicodedata, unittest, zlib  # noqa

base = sqlite3.connect(":memory:")
assert base.execute("select 41 + 1").fetchone() == (42,)
assert decimal.Decimal("0.1") + decimal.Decimal("0.2") == decimal.Decimal("0.3")
print("fine")
