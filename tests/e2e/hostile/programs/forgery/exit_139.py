# tries: the exit code of a program that crashed: 139
# accept: exit
# code: 139
import sys

sys.exit(139)
