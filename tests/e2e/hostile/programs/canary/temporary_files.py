# tries: legitimate: temporary files and directories
# expect: \Afine /tmp\n\Z
import os
import tempfile

with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile("w+") as file, tempfile.TemporaryFile() as other:
    open(os.path.join(folder, "x"), "w").close()
    file.write("text")
    other.write(b"bytes")
    print("fine", os.path.dirname(folder))
