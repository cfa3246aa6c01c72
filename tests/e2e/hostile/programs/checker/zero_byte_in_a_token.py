# tries: a zero byte that ends the comparison of a C string
# checker: tokens
# answer: yes
# verdict: WA
print("yes\0no")
