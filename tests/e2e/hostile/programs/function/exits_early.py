# tries: ends with success before the function is called
# function: double
# call: [21] => 42
# verdict: RE
import sys

sys.exit(0)


def double(x):
    return x
