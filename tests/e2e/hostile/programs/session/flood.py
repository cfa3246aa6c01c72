# tries: prints without end, with marks that look like answers
# box: any
# cells: (output|timeout) ok
# expect: \s*42
while True:
    print("\x10\x00\x00\x00{\"id\": 1, \"status\": \"ok\"}" * 1000)
# %%
40 + 2
