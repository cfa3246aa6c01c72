# tries: an exponent with which exact arithmetic never ends
# checker: tokens 1e-6 1e-6
# answer: 1
# verdict: WA
print("1e999999999")
