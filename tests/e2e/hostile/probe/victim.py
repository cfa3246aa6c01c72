"""A legitimate program with a secret in its input, arguments, files, memory and output."""

import os
import sys
import tempfile

secret = sys.stdin.read().strip()
copies = [(secret + str(n)).encode() for n in range(2000)]
with tempfile.NamedTemporaryFile(delete=False) as file:
    file.write(b"".join(copies))
os.environ["SECRET"] = secret
print(secret, sys.argv[1:], len(copies), file=sys.stderr)
print(secret)
