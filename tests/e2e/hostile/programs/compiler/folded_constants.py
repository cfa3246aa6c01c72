# tries: constants that the compiler computes: strings, tuples and powers of any size
# accept: memory, exit, cpu_time
# cpu_s: 0.5
x = "a" * 10**10
y = ((1,) * 10**5) * 10**5
print("ESCAPED", len(x), len(y))
