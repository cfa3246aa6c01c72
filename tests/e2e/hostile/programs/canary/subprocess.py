# tries: legitimate: runs another interpreter and talks with it
# cpu_s: 3
# memory_mb: 128
# expect: \A42\n\Z
import subprocess
import sys

code = "print(int(input()) * 2)"
print(subprocess.run([sys.executable, "-c", code], input="21\n", capture_output=True, text=True, check=True).stdout, end="")
