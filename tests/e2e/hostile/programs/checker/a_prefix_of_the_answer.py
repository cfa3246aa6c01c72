# tries: prints the right beginning only
# checker: tokens
# answer: 1 2 3
# verdict: WA
print("1 2")
