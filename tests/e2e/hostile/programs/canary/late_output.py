# tries: legitimate: output without a line end, and bytes mixed with text
# expect: \Atext\xff\x00more\Z
import sys

print("text", end="", flush=True)
sys.stdout.buffer.write(b"\xff\x00")
sys.stdout.buffer.flush()
sys.stdout.write("more")
