# tries: a long integer that is wrong in its last digit only, within the relative tolerance of floats
# checker: tokens 1e-6 1e-6
# answer: 123456789012345678901234567890
# verdict: WA, AC
print("123456789012345678901234567891")
