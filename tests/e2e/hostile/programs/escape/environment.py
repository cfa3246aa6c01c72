# tries: secrets in its environment, and in that of the processes it sees
import os

from hostile import escaped, finish

allowed = {"PATH", "LANG", "LC_ALL", "TMPDIR", "HOME", "PWD", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONIOENCODING", "LC_CTYPE",
           "MPLBACKEND", "MPLCONFIGDIR"}
for name, value in os.environ.items():
    if name not in allowed or "SOLVENT" in name or "secret" in value.lower():
        escaped(f"{name}={value}")
raw = open("/proc/self/environ", "rb").read()
if b"SOLVENT" in raw or b"SECRET" in raw or b"KEY" in raw or b"TOKEN" in raw:
    escaped(raw)
finish()
