# tries: legitimate: random numbers of every kind
# expect: \A0.13436424411240122 16 True\n\Z
import os
import random
import secrets
import uuid

one = random.random()
random.seed(1)
print(random.random(), len(os.urandom(16)), one != random.random() and secrets.token_hex(4) != secrets.token_hex(4) and uuid.uuid4() != uuid.uuid4())
