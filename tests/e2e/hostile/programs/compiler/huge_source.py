# tries: legitimate: a source of a megabyte
# cpu_s: 4
# memory_mb: 256
# expect: \A20000\n\Z
x = [@REPEAT 20000 0x00000000000000000000000000000000000000000000000000000001,@]
print(len(x))
