# tries: an integer longer than Python converts
# checker: tokens 1e-6 1e-6
# answer: 1
# verdict: WA
print("1" * 50000)
