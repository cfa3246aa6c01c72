# tries: an integer with a hundred million digits
# cpu_s: 0.5
# accept: memory, exit, cpu_time
number = 7 ** (10 ** int("9"))
print("ESCAPED", number.bit_length())
