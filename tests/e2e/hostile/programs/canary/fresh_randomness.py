# tries: legitimate: random numbers that differ from run to run, although all programs come from one interpreter
# runs: 2
# expect: \A[a-z]+\n\Z
import random
import sys
import tempfile

state = random.getstate()[1]
names = next(tempfile._get_candidate_names())
print("fresh" if len(set(state[:600])) > 300 and names else "stale")
sys.stderr.write(f"{random.random()} {names}\n")
