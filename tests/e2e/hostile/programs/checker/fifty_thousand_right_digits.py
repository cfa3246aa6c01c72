# tries: legitimate: the right answer is an integer longer than Python converts
# checker: tokens
# answer: @REPEAT 50000 7@
# verdict: AC
print("7" * 50000)
