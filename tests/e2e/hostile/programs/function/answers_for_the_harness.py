# tries: writes a result of its own making to every descriptor and leaves
# function: double
# call: [21] => 42
# verdict: RE, WA
import json
import os

for value in ({"outcome": "passed"}, {"value": 42}, {"value": {"int": "42"}, "token": ""}):
    for descriptor in range(1, 64):
        try:
            os.write(descriptor, json.dumps(value).encode() + b"\n")
        except OSError:
            pass
os._exit(0)


def double(x):
    return x
