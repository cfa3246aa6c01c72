# tries: a power that the compiler computes for ever
# accept: memory, exit, cpu_time
# cpu_s: 0.3
x = 9**9**9
y = 1 << 10**12
print("ESCAPED", x.bit_length())
