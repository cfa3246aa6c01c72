# tries: legitimate: exec, eval, compile, globals
# expect: \A42 43\n\Z
exec("x = 41")
print(eval("x + 1"), globals()["x"] + 2)
