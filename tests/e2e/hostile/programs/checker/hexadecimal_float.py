# tries: a hexadecimal float
# checker: tokens 1e-6 1e-6
# answer: 16
# verdict: WA
print("0x1p4")
