# tries: a number that overflows to infinity, against a large answer
# checker: tokens 1e-6 1e-6
# answer: 1e308
# verdict: WA
print("1e309")
