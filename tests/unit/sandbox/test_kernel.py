"""The tool's kernel as a plain process: what a cell does to it, and what it says of a cell. Cells here are harmless."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from solvent.sandbox import kernel_link
from solvent.sandbox.kernel_answer import CellAnswer, clean, result_of
from solvent.sandbox.tool_results import CellResult

LIMITS = {
    "output_bytes": 1000,
    "flood_bytes": 1 << 20,
    "value_characters": 200,
    "traceback_characters": 3000,
    "figures": 4,
    "figure_bytes": 1 << 20,
    "data_bytes": 1 << 30,
    "alone": False,
}


class Kernel:
    """A kernel process and the frames to it."""

    def __init__(self, folder: Path) -> None:
        program = kernel_link.kernel_program()
        (folder / "main.py").write_text(program.source)
        for name, text in program.files.items():
            (folder / name).write_text(text)
        self.process = subprocess.Popen(
            [sys.executable, "main.py"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self.cells = 0
        assert self.ask(do="configure", limits=LIMITS) == {}

    def ask(self, **request: Any) -> dict[str, Any]:
        data = json.dumps({**request, "id": 7}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(struct.pack("<I", len(data)) + data)
        answer = json.loads(self.take(struct.unpack("<I", self.take(4))[0]))
        assert answer.pop("id") == 7
        return dict(answer)

    def take(self, size: int) -> bytes:
        assert self.process.stdout is not None
        data = b""
        while len(data) < size:
            piece = self.process.stdout.read(size - len(data))
            assert piece, "the kernel ended"
            data += piece
        return data

    def run(self, code: str, wall_s: float = 60, cpu_s: float = 60) -> CellResult:
        self.cells += 1
        answer = self.ask(do="run", cell=self.cells, code=code, wall_s=wall_s, cpu_s=cpu_s, grace_s=0.2)
        return result_of(CellAnswer.model_validate(clean(answer)), self.cells, wall_s, cpu_s)

    def value(self, code: str) -> str | None:
        result = self.run(code)
        assert result.error is None, result
        return result.value.repr if result.value is not None else None


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    made = Kernel(tmp_path)
    yield made
    assert made.process.stdin is not None
    assert made.process.stdout is not None
    made.process.stdin.close()
    assert made.process.wait(30) == 0
    made.process.stdout.close()


def test_variables_persist_and_the_last_value_is_shown(kernel: Kernel) -> None:
    assert kernel.value("x = 2 ** 10") is None
    assert kernel.value("x + 1") == "1025"
    assert kernel.value("_ + 1") == "1026"
    assert kernel.value("x;") is None
    assert kernel.value("None") is None
    assert kernel.value("") is None
    assert kernel.value("# nothing") is None
    assert kernel.value("if x:\n    x = 5\nx") == "5"
    assert kernel.value("__name__") == "'__main__'"


def test_classes_and_pickles_find_their_module(kernel: Kernel) -> None:
    kernel.value("import pickle\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    a: int")
    assert kernel.value("pickle.loads(pickle.dumps(P(4)))") == "P(a=4)"


def test_output_is_captured_in_order(kernel: Kernel) -> None:
    code = (
        "import os, sys\nprint('a')\nprint('b', file=sys.stderr)\nos.write(1, b'c\\n')\nos.system('echo d')\nprint('e')"
    )
    assert kernel.run(code).output == "a\nb\nc\nd\ne\n"
    result = kernel.run("print('x' * 5000)")
    assert result.output_bytes == 5001
    assert len(result.output) < 1100
    assert "left out" in result.output
    assert result.status == "ok"
    assert kernel.run("os.write(1, bytes(range(256)))").output_bytes == 256


def test_errors_tell_type_message_line_and_traceback(kernel: Kernel) -> None:
    result = kernel.run("def f(x):\n    return 1 / x\n\nf(0)")
    assert result.status == "error"
    assert result.error is not None
    assert (result.error.type, result.error.message, result.error.line) == ("ZeroDivisionError", "division by zero", 2)
    assert "return 1 / x" in result.error.traceback
    assert "solvent_" not in result.error.traceback
    later = kernel.run("f(0)").error
    assert later is not None
    assert later.line == 1
    assert "return 1 / x" in later.traceback
    chained = kernel.run("try:\n    f(0)\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e").error
    assert chained is not None
    assert "direct cause" in chained.traceback
    assert (chained.type, chained.line) == ("KeyError", 4)


@pytest.mark.parametrize(
    ("code", "kind", "hint"),
    [
        ("x = (", "SyntaxError", None),
        ("!ls", "SyntaxError", "no shell commands"),
        ("x = 1\n%timeit x", "SyntaxError", "no magics"),
        ("pip install sympy", "SyntaxError", "no package can be installed"),
        ("!pip install sympy", "SyntaxError", "no package can be installed"),
        ("import no_such_package", "ModuleNotFoundError", "no package can be installed"),
        ("exit()", "SystemExit", "the variables are kept"),
        ("import sys; sys.exit(3)", "SystemExit", "the variables are kept"),
        ("await x", "SyntaxError", None),
        ("raise type('E', (BaseException,), {'__str__': lambda s: 1 / 0})", "E", None),
        ("type('E', (), {'__repr__': lambda s: 1 / 0})()", "ZeroDivisionError", None),
        ("def f(): f()\nf()", "RecursionError", None),
        ("bytearray(1 << 40)", "MemoryError", None),
    ],
)
def test_what_cannot_work_says_so_and_keeps_the_state(kernel: Kernel, code: str, kind: str, hint: str | None) -> None:
    kernel.run("kept = 3")
    result = kernel.run(code)
    assert result.error is not None
    assert result.error.type == kind
    assert (hint is None) or (result.error.hint is not None and hint in result.error.hint)
    assert not result.state_lost
    assert kernel.value("kept") == "3"


def test_input_is_refused(kernel: Kernel) -> None:
    error = kernel.run("input('name? ')").error
    assert error is not None
    assert "nobody answers" in error.message
    assert kernel.value("import sys; sys.stdin.read()") == "''"


@pytest.mark.parametrize(
    "code",
    [
        "import builtins; vars(builtins).clear()",
        "import builtins\nvars(builtins).clear()\nx = 1",
        "import builtins\ndel builtins.print, builtins.repr, builtins.len",
        "import sys; sys.stdout = sys.stderr = None",
        "import sys; sys.stdout.close(); sys.__stdout__.close()",
        "import os; os.close(1); os.close(2); os.close(0)",
        "import sys; sys.modules.clear()",
        "globals().clear()",
        "import sys; sys.setrecursionlimit(60)",
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "import os; os.chdir('/')",
    ],
)
def test_a_spoilt_interpreter_is_mended_for_the_next_cell(kernel: Kernel, code: str) -> None:
    kernel.run(code)
    kernel.run("import os, sys")
    assert kernel.run("print('printed'); print('too', file=sys.stderr)").output == "printed\ntoo\n"
    assert kernel.value("len(repr([1]))") == "3"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os; os._exit(3)", "exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
        ("import os; os.closerange(3, 64)", "ended"),
        ("import os\nfor i in range(3, 64):\n    try: os.write(i, b'{}\\n')\n    except OSError: pass", "out of turn"),
    ],
)
def test_a_lost_process_is_told_and_replaced(kernel: Kernel, code: str, why: str) -> None:
    kernel.run("x = 1")
    result = kernel.run("print('before', flush=True)\n" + code)
    assert result.status == "died"
    assert result.state_lost
    assert why in str(result.lost_because)
    assert result.output.startswith("before")
    lost = kernel.run("x").error
    assert lost is not None
    assert lost.type == "NameError"


def test_time_limits_interrupt_the_cell_and_keep_the_state(kernel: Kernel) -> None:
    kernel.run("x = 1")
    for wall_s, cpu_s in ((0.1, 60), (60, 0.1)):
        result = kernel.run("while True:\n    pass", wall_s, cpu_s)
        assert result.status == "timeout"
        assert not result.state_lost
        assert result.error is not None
        assert "kept" in result.error.message
    endless = kernel.run("class A:\n    def __repr__(self):\n        while True: pass\nA()", 0.1)
    assert endless.status == "timeout"
    assert kernel.value("x") == "1"


def test_a_cell_that_does_not_stop_is_ended_with_its_process(kernel: Kernel) -> None:
    for code in (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    ):
        result = kernel.run(code, 0.1)
        assert (result.status, result.state_lost) == ("timeout", True)
    assert kernel.value("1") == "1"


def test_a_flood_of_output_is_stopped(kernel: Kernel) -> None:
    result = kernel.run("while True: print('x' * 1000)")
    assert result.status == "output"
    assert not result.state_lost


def test_interrupts_end_the_cell(kernel: Kernel) -> None:
    code = f"import os, signal; os.kill({kernel.process.pid}, signal.SIGINT)\nwhile True: pass"
    assert kernel.run(code).status == "interrupted"
    kernel.process.send_signal(signal.SIGINT)  # nothing runs: nothing happens
    assert kernel.value("1") == "1"


def test_processes_are_ended_with_the_cell_and_threads_stopped(kernel: Kernel) -> None:
    result = kernel.run(
        "import subprocess\np = [subprocess.Popen(['sleep', '600'], start_new_session=i) for i in (0, 1)]"
    )
    assert result.stopped_processes == 2
    assert kernel.value("[q.wait() for q in p]") == "[-9, -9]"
    forked = kernel.run("import os\npid = os.fork()\n'child' if pid == 0 else 'parent'")
    assert forked.value is not None
    assert forked.value.repr == "'parent'"
    kernel.run("import threading\nn = 0\ndef count():\n    global n\n    while True: n += 1")
    kernel.run("threading.Thread(target=count, daemon=True).start()")
    [worker] = [
        int(path.name) for path in Path("/proc").glob("[0-9]*") if parent_of(int(path.name)) == kernel.process.pid
    ]
    # It is the kernel's answer that follows the stop.
    assert Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_files(kernel: Kernel, tmp_path: Path) -> None:
    result = kernel.run("import os\nopen('a.txt', 'w').write('hi')\nos.mkdir('d')\nos.symlink('/etc/passwd', 'link')")
    assert [(file.name, file.size_bytes) for file in result.files] == [("a.txt", 2)]
    assert kernel.run("1").files == ()
    assert kernel.ask(do="write", name="d/b.bin", data=base64.b64encode(b"\0\1").decode()) == {}
    assert kernel.value("open('d/b.bin', 'rb').read()") == repr(b"\0\1")
    assert kernel.ask(do="files") == {"files": [["a.txt", 2], ["d/b.bin", 2]]}
    assert kernel.ask(do="read", name="a.txt", max_bytes=2) == {"data": base64.b64encode(b"hi").decode()}
    for name in ("a.txt", "link", "d", "../x", "/etc/passwd", "no", "", "d/../a.txt"):
        assert "failed" in kernel.ask(do="read", name=name, max_bytes=1), name
    assert "failed" in kernel.ask(do="write", name="link", data="")
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".py") == []


def test_restart_forgets(kernel: Kernel) -> None:
    kernel.run("x = 1")
    assert kernel.ask(do="restart") == {}
    assert kernel.run("x").status == "error"


def test_long_values_and_odd_texts(kernel: Kernel) -> None:
    result = kernel.run("'a' * 10_000")
    assert result.value is not None
    assert result.value.cut
    assert len(result.value.repr) < 300
    assert kernel.value("type('A', (), {'__repr__': lambda s: chr(0xd800)})()") == "?"
    assert kernel.value("10 ** 5000 > 0") == "True"
    assert kernel.run("10 ** 5000").error is not None


def test_sympy_values_have_latex(kernel: Kernel) -> None:
    pytest.importorskip("sympy")
    result = kernel.run("import sympy\nx = sympy.Symbol('x')\nsympy.sqrt(x) / 2")
    assert result.value is not None
    assert (result.value.text, result.value.latex) == ("sqrt(x)/2", r"\frac{\sqrt{x}}{2}")
    assert result.describe() == "sqrt(x)/2"


def test_the_kernel_needs_no_other_package() -> None:
    assert shutil.which("python3")
    assert set(kernel_link.kernel_program().files) == {
        "solvent_cells.py",
        "solvent_files.py",
        "solvent_plots.py",
        "solvent_show.py",
        "solvent_worker.py",
    }
