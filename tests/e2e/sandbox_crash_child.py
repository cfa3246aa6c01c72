"""A service that is killed while a program runs: `sandbox_crash_child.py docker|local MARK`."""

import asyncio
import sys

from solvent.sandbox.base import Program, RunLimits, Sandbox

LIMITS = RunLimits(cpu_time_s=600, wall_time_s=600, memory_mb=64, output_bytes=1 << 20)
SOURCE = """
import os, sys
for _ in range(2):
    if os.fork() == 0: os.setsid()
os.execv("/usr/bin/python3", ["python3", "-c", "import time; time.sleep(600)", sys.argv[1]])
"""


async def main(backend: str, mark: str) -> None:
    """Run a program and its daemons until somebody kills us."""
    sandbox: Sandbox
    if backend == "docker":
        from solvent.sandbox.docker import DockerSandbox

        sandbox = DockerSandbox()
    else:
        from solvent.sandbox.local import LocalSandbox

        sandbox = LocalSandbox()
    await sandbox.start()
    async with sandbox.open(memory_mb=64) as session:
        await session.compile(Program(language="python", source=SOURCE), time_s=10, memory_mb=64)
        await session.run(limits=LIMITS, arguments=(mark,))


asyncio.run(main(*sys.argv[1:]))
