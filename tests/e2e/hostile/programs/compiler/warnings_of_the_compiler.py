# tries: legitimate: warnings of the compiler are no errors
# expect: \ACONTAINED\n\Z
x = "\d"
if x is "\d" or True:
    assert (x, "always true")
    print("CONTAINED")
