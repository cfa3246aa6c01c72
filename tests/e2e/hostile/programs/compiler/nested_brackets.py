# tries: a hundred thousand nested brackets, for the parser's stack
# compile: error, memory, time
x = @REPEAT 100000 (@1@REPEAT 100000 )@
