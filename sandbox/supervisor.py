"""The supervisor that runs in a bubblewrap box of this machine's own files: compiled here, once."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from solvent.errors import SandboxUnavailable
from solvent.sandbox.cache import own_folder

_SOURCES = Path(__file__).resolve().parent / "runner"
_NAME = "supervisor"
_TIMEOUT_S = 300


def built(folder: Path) -> Path:
    """Return the directory with the supervisor, compiled there if it is not.

    Args:
        folder: where such directories are kept, each named by the hash of its sources.

    Raises:
        SandboxUnavailable: it does not compile.
        ConfigError: others may write to `folder`.
    """
    own_folder(folder)
    target = folder / f"runner-{_hash()[:24]}"
    if (target / _NAME).exists():
        return target
    if not any(shutil.which(name) for name in ("cc", "gcc")):
        raise SandboxUnavailable(
            "there is no C compiler for the sandbox's supervisor",
            remedy="install one (apt-get install gcc libc6-dev), or use Docker",
        )
    made = Path(tempfile.mkdtemp(prefix=".building-", dir=folder))
    try:
        done = subprocess.run(
            ["/bin/sh", str(_SOURCES / "build.sh"), str(made)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            said = done.stdout.decode("utf-8", errors="replace").strip()[-1000:]
            raise SandboxUnavailable(
                f"the sandbox's supervisor does not compile: {said}",
                remedy="install its needs (apt-get install gcc libc6-dev), or use Docker",
            )
        # Programs of other uids see it as /solvent.
        made.chmod(0o755)
        made.rename(target)
    except (OSError, subprocess.TimeoutExpired) as error:
        # Another process may have been quicker; it made the same.
        if not (target / _NAME).exists():
            raise SandboxUnavailable(f"cannot compile the sandbox's supervisor: {error}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target


def _hash() -> str:
    digest = hashlib.sha256(os.uname().machine.encode())
    for path in sorted(_SOURCES.iterdir()):
        if path.suffix in (".c", ".h", ".py", ".sh"):
            data = path.read_bytes()
            digest.update(f"{path.name} {len(data)} ".encode() + data)
    return digest.hexdigest()
