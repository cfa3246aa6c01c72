# tries: prints the right answer and fails
# checker: tokens
# answer: 7
# verdict: RE
import sys

print(7)
sys.exit(42)
