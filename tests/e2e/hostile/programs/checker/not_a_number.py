# tries: nan where a number within a tolerance is wanted
# checker: tokens 1e-6 1e-6
# answer: 1.0
# verdict: WA
print("nan")
