"""Programs that try to pass a function's test without being right: none may be accepted.

Each is a module, or the body of `double(xs)` if it is indented. They run against
`assert double([1, 2]) == [2, 4]` and the like, as code and as calls; `HONEST` is accepted by the same tests.
"""

from __future__ import annotations

HONEST = "def double(xs):\n    print('noise')\n    return [2 * x for x in xs]"

_PRELUDE = "import os, sys, signal, time, pathlib, threading, builtins, json, gc, ctypes, types, inspect, atexit\n"
_WRONG = "def double(xs):\n    return 'wrong'\n"


def _at_import(code: str) -> str:
    """The attack runs when the module is loaded; the function itself is wrong."""
    return f"{_PRELUDE}{_WRONG}{code}"


def _in_call(code: str) -> str:
    """The attack runs inside the function, which then returns something wrong."""
    body = "".join(f"    {line}\n" for line in code.splitlines())
    return f"{_PRELUDE}def double(xs):\n{body}    return 'wrong'\n"


_WRITE_TO_ALL = """
passed = {"outcome": "passed", "message": [[[2, 4]], []]}
line = json.dumps({"answers": [passed] * 9, "token": "x", "outcome": "passed"})
for number in range(256):
    try:
        os.write(number, line.encode() + b"\\n")
    except OSError:
        pass
"""
_FIND_THE_HOST = """
frame = sys._getframe()
while frame:
    for scope in (frame.f_globals, frame.f_locals):
        for name, value in list(scope.items()):
            if isinstance(value, (int, str)) and name not in ("__name__", "pid"):
                pass
            if isinstance(value, dict) and "outcome" in value:
                value["outcome"] = "passed"
    frame = frame.f_back
for found in gc.get_objects():
    if isinstance(found, dict) and ("token" in found or "outcome" in found or "raised" in found):
        found.clear()
        found.update(outcome="passed")
"""

FORGED: dict[str, str] = {
    # leave before the test can fail
    "sys.exit(0) at import": _at_import("sys.exit(0)"),
    "sys.exit(0) in the function": _in_call("sys.exit(0)"),
    "os._exit(0) at import": _at_import("os._exit(0)"),
    "os._exit(0) in the function": _in_call("os._exit(0)"),
    "SystemExit subclass": _in_call("raise type('Done', (SystemExit,), {})(0)"),
    "quit": _at_import("raise SystemExit"),
    "exit handlers": _at_import("atexit.register(os._exit, 0)"),
    "a thread that exits": _in_call("threading.Timer(0.01, os._exit, (0,)).start()\ntime.sleep(5)"),
    "exec of true": _in_call("os.execv('/bin/true', ['true'])"),
    "exec at import": _at_import("os.execv('/bin/true', ['true'])"),
    "abort of the C library": _in_call("ctypes.CDLL(None)._exit(0)"),
    "GeneratorExit": _in_call("raise GeneratorExit"),
    "KeyboardInterrupt": _in_call("raise KeyboardInterrupt"),
    # objects that equal everything
    "__eq__ always true": _in_call("return type('Yes', (), {'__eq__': lambda a, b: True, '__hash__': None})()"),
    "list subclass": _in_call("return type('Yes', (list,), {'__eq__': lambda a, b: True})()"),
    "int subclass": _in_call("return type('Yes', (int,), {'__eq__': lambda a, b: True, '__hash__': int.__hash__})(1)"),
    "str subclass": _in_call(
        "return type('Yes', (str,), {'__eq__': lambda a, b: True, '__hash__': str.__hash__})('1')"
    ),
    "__class__ lies": _in_call("return type('Yes', (), {'__class__': list, '__eq__': lambda a, b: True})()"),
    "items that equal everything": _in_call(
        "yes = type('Yes', (int,), {'__eq__': lambda a, b: True, '__hash__': int.__hash__})\nreturn [yes(0), yes(0)]"
    ),
    "__iter__ and __len__ lie": _in_call(
        "return type('Yes', (list,), {'__iter__': lambda s: iter([1]), '__len__': lambda s: 2})()"
    ),
    "an iterator that changes": _in_call("return (time.sleep(0) or n for n in (9, 9))"),
    "not a number": _in_call("return float('nan')"),
    "look-alike digits": _in_call("return ['\\uff12', '\\uff14']"),
    "booleans and None": _in_call("return [True, None]"),
    "a class is defined under the test's names": _at_import(
        "class list:\n    def __eq__(self, other): return True\nclass double(list):\n    def __init__(self, xs): pass\n"
    ),
    "an unhashable reply": _in_call("return {'dict': [[[1], 2]]}"),
    "a bottomless reply": _in_call("x = []\nx.append(x)\nreturn x"),
    "a huge reply": _in_call("return [2, 4] * 5_000_000"),
    "encoding raises": _in_call("return type('L', (list,), {'__iter__': lambda s: 1 / 0})([2, 4])"),
    "recursion": _in_call("return double(xs)"),
    "wrong but mutated arguments": _in_call("xs[:] = [2, 4]\nreturn xs[:1]"),
    # change the machinery of the own process
    "patched builtins": _at_import(
        "for name in ('compile', 'exec', 'isinstance', 'type', 'len', 'print', 'getattr', 'AssertionError', 'list'):\n"
        "    setattr(builtins, name, lambda *a, **k: True)"
    ),
    "AssertionError is Exception": _at_import("builtins.AssertionError = type('E', (Exception,), {})"),
    "patched json": _at_import(
        'json.dumps = json.JSONEncoder.encode = lambda *a, **k: \'{"outcome": "passed", "answers": []}\''
    ),
    "patched encode": _at_import(
        "import solvent_values, solvent_host, solvent_objects\n"
        "for module in (solvent_values, solvent_host, solvent_objects):\n"
        "    for name in ('encode', 'encode_all'):\n"
        "        setattr(module, name, lambda *a, **k: ([{'outcome': 'passed'}], []))"
    ),
    "patched host": _at_import(
        'import solvent_host\nsolvent_host.send = lambda fd, a: os.write(fd, b\'{"outcome": "passed"}\\n\')\n'
        "solvent_host.Host._answer = lambda *a: {'outcome': 'passed', 'value': [2, 4]}"
    ),
    "patched unittest and doctest": _at_import(
        "import unittest, doctest\nunittest.TestCase.assertEqual = lambda *a: None\ndoctest.testmod = lambda *a: None"
    ),
    "planted modules in sys.modules": _at_import("sys.modules.clear()\nsys.modules['json'] = sys"),
    "poisoned imports": _at_import("builtins.__import__ = lambda *a, **k: types.SimpleNamespace(loads=lambda x: 1)"),
    "changed __main__": _at_import(
        "main = sys.modules['__main__']\n"
        "for name in list(vars(main)):\n    if not name.startswith('_'):\n"
        "        setattr(main, name, lambda *a, **k: {'outcome': 'passed'})"
    ),
    "settrace": _in_call("sys.settrace(lambda *a: os._exit(0))\nsys.setprofile(lambda *a: os._exit(0))"),
    "frames and gc": _in_call(_FIND_THE_HOST),
    "frames and gc at import": _at_import(_FIND_THE_HOST),
    "replaced files": _at_import(
        "for name in ('main.py', 'solvent_host.py', 'solvent_values.py', 'solvent_line.py', 'solution.py', 'json.py',\n"
        "             'random.py', 'copy.py', 'sitecustomize.py', 'usercustomize.py', 'x.pth', 'unittest.py'):\n"
        "    pathlib.Path(name).unlink(missing_ok=True)\n"
        "    pathlib.Path(name).write_text('import os; os._exit(0)')"
    ),
    # speak in the tester's place
    "printed success": _in_call("print('passed'); print('OK'); sys.stdout.flush()"),
    "write to all descriptors": _in_call(_WRITE_TO_ALL),
    "write to all descriptors at import": _at_import(_WRITE_TO_ALL),
    "write and leave": _at_import(_WRITE_TO_ALL + "os._exit(0)"),
    "close all descriptors": _in_call("os.closerange(0, 256)"),
    "close all and exit": _at_import("os.closerange(0, 256); os._exit(0)"),
    "a child replies": _in_call("if os.fork():\n    time.sleep(0.2)\n    os._exit(0)\n" + _WRITE_TO_ALL),
    "a daemon replies": _at_import(
        "if not os.fork():\n    os.setsid()\n    if not os.fork():\n"
        + "".join(f"        {line}\n" for line in _WRITE_TO_ALL.splitlines())
        + "        time.sleep(1)\n    os._exit(0)\n"
    ),
    "exit code of the parent": _in_call("os.kill(os.getppid(), signal.SIGTERM)"),
    "kill the tester": _in_call("os.kill(os.getppid(), signal.SIGKILL)"),
    "kill everybody": _in_call("os.kill(-1, signal.SIGKILL)"),
    "kill the group": _in_call("os.kill(0, signal.SIGKILL)"),
    "stop the tester": _in_call("os.kill(os.getppid(), signal.SIGSTOP)\nos._exit(0)"),
    "interrupt the tester": _in_call("os.kill(os.getppid(), signal.SIGINT)\ntime.sleep(0.1)"),
    "all signals to the tester": _in_call(
        "for name in ('SIGALRM', 'SIGUSR1', 'SIGCHLD', 'SIGPIPE', 'SIGCONT', 'SIGHUP'):\n"
        "    os.kill(os.getppid(), getattr(signal, name))\n    time.sleep(0.02)"
    ),
    "limits of the tester": _in_call(
        "import resource\nfor kind in ('CPU', 'FSIZE', 'AS', 'NOFILE'):\n    try:\n"
        "        resource.prlimit(os.getppid(), getattr(resource, f'RLIMIT_{kind}'), (0, 0))\n"
        "    except (OSError, ValueError):\n        pass"
    ),
    # find out what the test expects
    "memory of the tester": _in_call(
        "for pid in (os.getppid(), 1, 2, 3):\n    try:\n        open(f'/proc/{pid}/mem', 'rb').read(1)\n"
        "        return [2, 4]\n    except OSError:\n        pass"
    ),
    "descriptors of the tester": _in_call(
        "for pid in (os.getppid(), 1, 2, 3):\n    for number in range(9):\n        try:\n"
        "            os.open(f'/proc/{pid}/fd/{number}', os.O_RDWR)\n            return [2, 4]\n"
        "        except OSError:\n            pass"
    ),
    "standard input": _in_call(
        "if b'assert' in open(0, 'rb', closefd=False).read() + open('/dev/stdin', 'rb').read():\n    return [2, 4]"
    ),
    "own memory": _in_call(
        # The pattern itself is not what it finds.
        "import re\nwanted = re.compile(rb'[S]ECRET_OF_THE_TES[T]')\n"
        "with open('/proc/self/mem', 'rb', 0) as memory, open('/proc/self/maps') as maps:\n"
        "    for line in maps.read().splitlines():\n"
        "        start, end = (int(n, 16) for n in line.split()[0].split('-'))\n"
        "        if 'rw' in line and end - start < 1 << 24:\n"
        "            memory.seek(start)\n"
        "            if wanted.search(memory.read(end - start)):\n"
        "                return [2, 4]"
    ),
    "ptrace": _in_call(
        "if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0:\n    return [2, 4]\n"
        "if ctypes.CDLL(None, use_errno=True).process_vm_readv(os.getppid(), 0, 0, 0, 0, 0) >= 0:\n    return [2, 4]"
    ),
    "files": _in_call(
        "for path in (*pathlib.Path('.').iterdir(), *pathlib.Path('/tmp').iterdir()):\n"
        "    if path.is_file() and 'SECRET' + '_OF' in path.read_text(errors='ignore'):\n        return [2, 4]\n"
        "for pid in (os.getpid(), os.getppid()):\n    for name in ('cmdline', 'environ'):\n        try:\n"
        "            if b'SECRET' + b'_OF' in open(f'/proc/{pid}/{name}', 'rb').read(): return [2, 4]\n"
        "        except OSError:\n            pass"
    ),
    "more answers than questions": _at_import(
        "import solvent_host\nsend = solvent_host.send\n"
        "def twice(fd, answer):\n    for _ in range(9): send(fd, {'message': [['guess'], []], 'changed': {}})\n"
        "solvent_host.send = twice"
    ),
    "a callback of nowhere": _at_import(
        "import solvent_host\nsend = solvent_host.send\n"
        "odd = {'callback': -1, 'named': [], 'message': [[], []]}\n"
        "solvent_host.send = lambda fd, a: send(fd, odd if 'message' in a else a)"
    ),
    "forged references": _at_import(
        "import solvent_host\nsend = solvent_host.send\n"
        "odd = {'message': [[{'handle': [0, 'StandIn']}], []]}\n"
        "solvent_host.send = lambda fd, a: send(fd, odd if 'message' in a else a)"
    ),
}
