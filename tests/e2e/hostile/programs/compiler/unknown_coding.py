# tries: a source in a coding that does not exist
# coding: no-such-coding
# compile: error
print("ESCAPED")
