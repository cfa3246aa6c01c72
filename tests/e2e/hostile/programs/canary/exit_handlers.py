# tries: legitimate: exit handlers, __del__ and buffered output at the end
# accept: exit
# code: 5
# expect: \Amain\nhandler\n(deleted\n)?\Z
import atexit
import sys


class Thing:
    def __del__(self):
        sys.stdout.write("deleted\n")


thing = Thing()
atexit.register(print, "handler")
print("main")
sys.exit(5)
