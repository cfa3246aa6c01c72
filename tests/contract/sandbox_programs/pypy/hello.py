import sys

print("hello" if sys.implementation.name == "pypy" else sys.implementation.name)
