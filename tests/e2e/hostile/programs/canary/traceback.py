# tries: legitimate: a traceback that names file, line and text of the source
# accept: exit
# code: 1
# stderr: \ATraceback \(most recent call last\):\n  File "[^"]*main.py", line 11, in <module>\n    outer\(\)\n  File "[^"]*main.py", line 8, in outer\n    return 1 / 0\n.*ZeroDivisionError: division by zero\n\Z
# expect: \Abefore\n\Z

def outer():
    return 1 / 0

print("before")
outer()
