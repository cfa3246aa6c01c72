# tries: a number that is zero but costs a billion digits exactly
# checker: tokens 1e-6 1e-6
# answer: 1
# verdict: WA
print("1e-999999999")
