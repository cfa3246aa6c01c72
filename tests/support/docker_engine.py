"""A Docker engine of a test's own: another `dockerd` with its own folders and socket, killed as the test likes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from servers import PrivateServer

from solvent.sandbox.images.roots import find_chosen

_LIBRARIES = (
    "bz2 c crypto dl expat ffi gcc_s lzma m ncursesw nsl pthread readline resolv rt sqlite3 ssl stdc++ tinfo tirpc "
    "util uuid z"
)
PYTHON = (
    *("bin", "lib", "lib64", "etc", "tmp", "w", "usr/lib64", "usr/bin/python3*", "usr/bin/env", "usr/lib/python3.*"),
    *("usr/lib/*/ld-linux*", *(f"usr/lib/*/lib{name}.so*" for name in _LIBRARIES.split())),
    *(f"solvent/{name}" for name in ("base", "content", "languages", "supervisor", "zygote.*")),
)
"""What of the sandbox's root file system Python needs: a thirtieth of it."""


def engine_program() -> str | None:
    return shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


class DockerEngine(PrivateServer):
    """No network at all, so that it leaves this machine's alone. Needs root, and the sandbox's root file system."""

    ready = "API listen on"

    def __init__(self) -> None:
        super().__init__()
        (self.folder / "daemon.json").write_text("{}")

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/engine.sock"

    def command(self) -> list[str]:
        program = engine_program()
        assert program is not None
        folders = {"data-root": "data", "exec-root": "exec", "pidfile": "pid", "config-file": "daemon.json"}
        options = [f"--{name}={self.folder / path}" for name, path in folders.items()]
        return [program, "-H", self.url, "--bridge=none", "--iptables=false", "--ip6tables=false", *options]

    def start(self) -> None:
        # One that was killed leaves these, and their numbers may be those of other processes by now.
        for left in ("pid", "exec/containerd/containerd.pid"):
            (self.folder / left).unlink(missing_ok=True)
        super().start()

    def make_image(self) -> None:
        """Import the sandbox's image for Python."""
        root = find_chosen()
        assert root is not None, "the sandbox's root file system is not there (scripts/setup_sandbox.sh all)"
        parts = [str(path.relative_to(root)) for pattern in PYTHON for path in root.glob(pattern)]
        with subprocess.Popen(
            ["tar", "-C", root, "--numeric-owner", "-cf", "-", *parts], stdout=subprocess.PIPE
        ) as tar:
            subprocess.run(
                [sys.executable, "-m", "solvent.sandbox.images.build", "import"],
                stdin=tar.stdout,
                check=True,
                env={**os.environ, "DOCKER_HOST": self.url},
            )

    def remove(self) -> None:
        # In order, so that it ends its containers and takes its mounts away.
        self.stop()
        for mounted in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            place = mounted.split()[1]
            if place.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
        super().remove()
