# tries: a byte order mark before the answer
# checker: tokens
# answer: yes
# verdict: WA
print("\ufeffyes")
