# tries: a list that doubles for ever
# accept: memory
# accept@plain-user: memory, exit
data = [1]
while len(data) < 1 << 26:
    data += data
print("ESCAPED", len(data))
