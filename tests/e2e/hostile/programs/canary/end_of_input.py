# tries: legitimate: input() at the end of the input
# stdin: one\ntwo
# accept: exit
# code: 1
# expect: \Aone\ntwo\n\Z
# stderr: EOFError: EOF when reading a line
while True:
    print(input())
