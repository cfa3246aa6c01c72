# tries: digits of another script with a decimal point
# checker: tokens 1e-6 1e-6
# answer: 12.5
# verdict: WA
print("\u0661\u0662.\u0665")
