# tries: legitimate: writes, lists, renames and removes files of its own
# expect: \Atext \['a', 'b', 'main.py'\]\n\Z
import os
import pathlib

pathlib.Path("a/b/c").mkdir(parents=True)
pathlib.Path("b").write_text("text")
os.rename("b", "c")
os.replace("c", "b")
print(pathlib.Path("b").read_text(), sorted(os.listdir(".")))
