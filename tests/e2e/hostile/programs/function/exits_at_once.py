# tries: ends the process with success from inside the function
# function: double
# call: [21] => 42
# verdict: RE
import os


def double(x):
    os._exit(0)
