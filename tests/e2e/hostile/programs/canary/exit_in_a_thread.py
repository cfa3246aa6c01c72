# tries: legitimate: sys.exit in a thread ends that thread only
# expect: \Aafter\n\Z
import sys
import threading

thread = threading.Thread(target=lambda: sys.exit(3))
thread.start()
thread.join()
print("after")
