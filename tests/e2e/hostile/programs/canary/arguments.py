# tries: legitimate: arguments as they were given
# arguments: one "two words" '' -x
# expect: \A\['one', 'two words', '', '-x'\] main.py\n\Z
import os
import sys

print(sys.argv[1:], os.path.basename(sys.argv[0]))
