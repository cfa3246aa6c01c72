# tries: closes its output before the end
# checker: tokens
# answer: 1
# verdict: WA
import os

os.close(1)
