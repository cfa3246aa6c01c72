# tries: legitimate: ends while daemon threads run
# expect: \Adone\n\Z
import threading
import time

for _ in range(5):
    threading.Thread(target=lambda: time.sleep(60), daemon=True).start()
print("done")
