# tries: replaces what the tool itself uses
# box: any
# cells: (ok|error|died|timeout) (ok|error|died|timeout) (ok|error|died)
# expect: (42|43|.*)
import builtins, json, os, sys
builtins.repr = lambda thing: "43"
builtins.compile = None
json.dumps = lambda *a, **k: '{"status": "ok"}'
os.write = lambda *a: 0
sys.stdout = sys.stderr = None
sys.modules.clear()
# %%
os.closerange(0, 300)
# %%
40 + 2
