# tries: a daemon that goes on printing after the program has ended
# output_bytes: 1000000
# file_size_mb: 64
# accept: ok, output
# expect: \ACONTAINED
import os

print("CONTAINED", flush=True)
if os.fork() == 0:
    os.setsid()
    while True:
        os.write(1, b"more and more\n" * 100)
