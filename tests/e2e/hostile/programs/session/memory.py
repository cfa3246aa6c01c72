# tries: memory without end
# box: any
# cells: (memory|error|died) ok
data = []
while True:
    data.append(bytearray(8 << 20))
# %%
40 + 2
