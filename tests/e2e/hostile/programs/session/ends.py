# tries: ends its process in every way
# box: any
# cells: (died|error|ok) (died|error|ok) (died|error|ok) (died|error|ok) ok
import sys
sys.exit(0)
# %%
import os
os._exit(0)
# %%
quit()
# %%
import ctypes
ctypes.string_at(0)
# %%
40 + 2
