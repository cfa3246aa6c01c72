import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from solvent.errors import ConfigError
from solvent.locks import exclusive


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "job-1.lock"
    with exclusive(path, "job 'job-1'"):
        with pytest.raises(ConfigError, match="job 'job-1' is being run already"), exclusive(path, "job 'job-1'"):
            pass
        with exclusive(path.with_name("job-2.lock"), "job 'job-2'"):
            pass
    with exclusive(path, "job 'job-1'"):
        pass
    assert list(path.parent.iterdir()) == []


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "job.lock"
    code = (
        "import sys; from pathlib import Path; from solvent.locks import exclusive\n"
        "with exclusive(Path(sys.argv[1]), 'it'): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ConfigError), exclusive(path, "it"):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with exclusive(path, "it"):
        pass
