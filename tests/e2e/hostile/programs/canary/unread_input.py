# tries: legitimate: leaves its input unread
# stdin_repeat: 1000000 x\n
# expect: \Adone\n\Z
print("done")
