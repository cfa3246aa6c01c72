# tries: line ends that only str.splitlines knows
# checker: lines
# answer: 1\n2\n3
# verdict: WA
print("1\u20282\x853")
