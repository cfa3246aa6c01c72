# tries: legitimate: lines that end like on Windows
# checker: tokens
# answer: 1\n2\n3\n
# verdict: AC
print("1\r\n2\r\n3\r\n", end="")
