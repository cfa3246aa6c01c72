# tries: values whose text never ends, fails, or is huge
# box: any
# cells: (timeout|error|ok) (ok|error) (ok|error) (ok|error) ok
class Slow:
    def __repr__(self):
        while True:
            pass
Slow()
# %%
class Failing:
    def __repr__(self):
        raise SystemExit(0)
Failing()
# %%
class Huge:
    def __repr__(self):
        return "x" * 50_000_000
Huge()
# %%
[[]] * 1000000
# %%
40 + 2
