# tries: bytes that are no UTF-8
# checker: tokens
# answer: yes
# verdict: WA
import os

os.write(1, b"yes\xff\xfe\n")
