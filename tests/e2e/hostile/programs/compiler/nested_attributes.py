# tries: an expression so deep that the compiler's own recursion overflows
# compile: any
# accept: exit, signal, memory
# expect: \A\Z
x = ""@REPEAT 50000 .join@
print("ESCAPED")
