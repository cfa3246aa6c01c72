# tries: encoded surrogates, which break what re-encodes them
# checker: lines
# answer: yes
# verdict: WA
import os

os.write(1, b"\xed\xa0\x80yes\xed\xb0\x80\n")
