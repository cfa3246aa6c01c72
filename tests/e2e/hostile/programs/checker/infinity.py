# tries: infinity where a number is wanted
# checker: tokens 1e-6 1e-6
# answer: 1e308
# verdict: WA
print("inf")
