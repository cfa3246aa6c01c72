# tries: zero bytes in a source
# compile: error
print("ESCAPED" + "@ZERO@")
