# tries: prints a traceback and the judge's words on standard error, and succeeds
import sys

sys.stderr.write("Traceback (most recent call last):\n  File \"/solvent/zygote.py\", line 1\nMemoryError\nKilled\n")
print("CONTAINED")
