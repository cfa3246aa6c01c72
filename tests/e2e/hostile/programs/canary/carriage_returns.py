# tries: legitimate: input with line ends of Windows
# stdin: 1 2\r\n3\r\n
# expect: \A6 3\n\Z
lines = open(0, newline="").read().split("\r\n")
print(sum(map(int, " ".join(lines).split())), len(lines))
