"""How the supervisor gets into a box: its sources travel over standard input, before the first frame."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_RUNNER = Path(__file__).resolve().parent / "runner"
_MODULES = ("frames", "seccomp", "system", "meters", "child", "sweep", "run", "supervisor")
"""In the order of their imports."""

_LOADER = """
import json, os, sys, types
def read(size):
    data = b""
    while len(data) < size:
        part = os.read(0, size - len(data))
        if not part:
            os._exit(0)
        data += part
    return data
sent = json.loads(read(int.from_bytes(read(4), "big")))
package = sys.modules["runner"] = types.ModuleType("runner")
package.__path__ = []
for name, source in sent["modules"]:
    module = types.ModuleType("runner." + name)
    module.__package__ = "runner"
    sys.modules["runner." + name] = module
    setattr(package, name, module)
    exec(compile(source, "<runner/" + name + ".py>", "exec"), module.__dict__)
del read, sent, source
package.supervisor.main(CONFIG)
"""

COMMAND = ("/usr/bin/python3", "-I", "-S", "-c", _LOADER.replace("CONFIG", 'json.loads(os.environ["SOLVENT_BOX"])'))
"""Command of PID 1. Its configuration is the environment variable SOLVENT_BOX (JSON); programs do not inherit it."""


@cache
def payload() -> bytes:
    """Return what has to be sent before the first frame."""
    modules = [(name, (_RUNNER / f"{name}.py").read_text(encoding="utf-8")) for name in _MODULES]
    text = json.dumps({"modules": modules}).encode()
    return len(text).to_bytes(4, "big") + text


def environment(slot: int, mounts: dict[str, str] | None = None) -> dict[str, str]:
    """Return the environment of PID 1; see `runner.supervisor.main` for the fields."""
    config: dict[str, Any] = {"slot": slot, "mounts": mounts or {}}
    return {"SOLVENT_BOX": json.dumps(config), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
