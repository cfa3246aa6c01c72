# tries: a million tokens
# checker: tokens 1e-6 1e-6
# answer: 1
# verdict: WA
print("1 " * 1_000_000)
