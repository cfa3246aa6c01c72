# tries: a hundred thousand signs in a row, for the parser's and the compiler's stack
# compile: any
# accept: exit, signal, memory
# expect: \A\Z
x = @REPEAT 100000 -@1
