# tries: legitimate: a right function
# function: double
# call: [21] => 42
# verdict: AC
def double(x):
    return 2 * x
