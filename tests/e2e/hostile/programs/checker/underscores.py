# tries: underscores in a number, which Python's float takes
# checker: tokens 1e-6 1e-6
# answer: 1000
# verdict: WA
print("1_000")
