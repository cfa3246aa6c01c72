# tries: spaces of Unicode between tokens, which str.split takes
# checker: tokens
# answer: 1 2 3
# verdict: WA
print("1\u20032\u00a03")
