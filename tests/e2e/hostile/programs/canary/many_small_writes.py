# tries: legitimate: many small writes, each flushed
# cpu_s: 4
# output_bytes: 200000
# expect: \A0\n1\n.*\n19999\n\Z
for number in range(20000):
    print(number, flush=True)
