# coding: idna
# tries: a coding that imports a module of the program while it is compiled, when what a failed start would report can still be sent
# compile: any
# accept: ok, exit
# expect: \A(CONTAINED\n)?\Z
# beside: stringprep.py import os\nfor n in range(3, 64):\n    try: os.write(n, b"\0\0\0\0cannot start the program\0")\n    except OSError: continue\n    print("ESCAPED", n, flush=True)\n    if os.fork() == 0:\n        import time; time.sleep(60)\n
print("CONTAINED")
