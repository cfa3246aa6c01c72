# tries: legitimate: a syntax error is told as such
# compile: error
def f(:
    print("ESCAPED")
