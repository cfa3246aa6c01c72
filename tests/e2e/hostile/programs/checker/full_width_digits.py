# tries: full-width digits, which Python's int and float take
# checker: tokens 1e-6 1e-6
# answer: 123
# verdict: WA
print("\uff11\uff12\uff13")
