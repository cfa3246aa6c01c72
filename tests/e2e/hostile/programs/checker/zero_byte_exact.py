# tries: zero bytes after the right answer
# checker: exact
# answer: yes\n
# verdict: WA
print("yes\n\0\0\0", end="")
