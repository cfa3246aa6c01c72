# tries: a hundred thousand nested lists for the C parser
# accept: exit
# code: 1
# stderr: RecursionError
import json

json.loads("[" * 100_000)
