# tries: a string of ten gigabytes
# accept: memory, exit
text = "x" * int("10000000000")
print("ESCAPED", len(text))
