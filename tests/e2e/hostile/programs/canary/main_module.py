# tries: legitimate: __name__, __file__, __builtins__, __doc__, __spec__, the first entry of the path
# expect: \A__main__ main.py True None None True 1\n\Z
import os
import sys

if __name__ == "__main__":
    print(__name__, os.path.basename(__file__), hasattr(__builtins__, "print"), __doc__, __spec__, sys.path[0] == os.getcwd(), len(sys.argv))
