# tries: legitimate: an environment that programs expect
# expect: \A/usr/bin:/bin True True True\n\Z
import os
import shutil

os.environ["OWN"] = "1"
print(os.environ["PATH"], os.path.isdir(os.environ["HOME"]), os.path.samefile(os.path.expanduser("~"), "."), shutil.which("sh") is not None)
