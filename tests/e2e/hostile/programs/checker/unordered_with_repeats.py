# tries: repeats one right line where different ones are wanted
# checker: unordered
# answer: a\nb\nc
# verdict: WA
print("a\na\na")
