"""How an ICPC output validator is called, after a program or beside it, and what is brought back of its feedback."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Self

from solvent.problems.problem import IoTest, Problem, Solution
from solvent.sandbox import feedback
from solvent.sandbox.base import Build, BuiltFile, RunResult
from solvent.sandbox.feedback import FEEDBACK, FEEDBACK_FILES, NEXT_INPUT, Checked
from solvent.sandbox.languages import find_language
from solvent.sandbox.setters import SettersPrograms, encode, program_of

_PACK = "feedback.pack"
_CALL = "solvent_call.json"
_PACK_BYTES = 65 << 20
_DRIVER = Path(__file__).resolve().parent / "checkers" / "pass_driver.py"


@dataclass(frozen=True)
class ValidatorCall:
    """A validator that is built, and how it is run.

    In multi-pass problems its feedback directory must be found as it left it, whatever the files are called. A run
    brings back only files that are named before, so there a small program runs the validator and packs the directory.
    """

    build: Build
    arguments: tuple[str, ...]
    keep: Mapping[str, int]
    scoring: bool
    what: str

    @classmethod
    async def prepare(
        cls,
        problem: Problem,
        programs: SettersPrograms,
        program: Solution,
        files: Mapping[str, str],
        arguments: tuple[str, ...],
        what: str,
    ) -> Self:
        """Build the validator.

        Raises:
            SandboxError: it does not compile, or the sandbox failed.
            ConfigError: its language is not there.
        """
        build = await programs.build(program_of(program, files), what)
        keep = FEEDBACK_FILES
        if problem.passes > 1:
            build, keep = _packing(build, programs.run_limits.memory_mb), {_PACK: _PACK_BYTES}
        return cls(build, ("test.in", "test.ans", FEEDBACK, *arguments), keep, problem.scoring, what)

    def files(self, test: IoTest, given: bytes, state: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the files that it finds.

        Args:
            test: gives the answer file.
            given: the input of this pass.
            state: files of the feedback directory after the pass before.
        """
        answer = encode(test.expected)
        return {"test.in": given, "test.ans": answer, f"{FEEDBACK}.keep": b"", **state}

    def checked(self, run: RunResult, test: IoTest) -> Checked:
        """Return what it says."""
        sample = test.group == "sample" or test.group.startswith("sample/")
        if _PACK in self.keep:
            packed = run.files.get(_PACK)
            found = unpack(packed) if packed is not None else {}
            if found is None:
                return feedback.failed(self.what, run, "its feedback directory cannot be read")
            run = run.model_copy(update={"files": found})
        checked = feedback.from_validator(run, scoring=self.scoring, sample=sample, what=self.what)
        state = {name: data for name, data in run.files.items() if name != NEXT_INPUT}
        return replace(checked, state=state)


def _packing(build: Build, memory_mb: int) -> Build:
    """Return a build that runs `build`, whose limit is `memory_mb`, and packs its feedback directory."""
    python, own = find_language("python"), find_language(build.language)
    names = {file.name: file.name if file.name != python.source else f"own_{file.name}" for file in build.files}
    command = [names.get(word, word) for word in own.run_command(memory_mb=memory_mb)]
    call = json.dumps({"command": command, "environment": own.environment_for(memory_mb=memory_mb)}).encode()
    files = [file.model_copy(update={"name": names[file.name]}) for file in build.files]
    files += [_file(python.source, _driver()), _file(_CALL, call)]
    return Build(language=python.name, ok=True, files=tuple(files))


def _file(name: str, data: bytes) -> BuiltFile:
    return BuiltFile(name=name, mode=0o600, sha256=hashlib.sha256(data).hexdigest(), data=data)


@cache
def _driver() -> bytes:
    return _DRIVER.read_bytes()


def unpack(pack: bytes) -> dict[str, bytes] | None:
    """Return the files in a pack of checkers/pass_driver.py by path, or None if it is none."""
    length = int.from_bytes(pack[:4], "big")
    try:
        head = json.loads(pack[4 : 4 + length])
        sizes = [(str(name), int(size)) for name, size in head]
    except (ValueError, TypeError, RecursionError):
        return None
    at = 4 + length
    files: dict[str, bytes] = {}
    for name, size in sizes:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or size < 0 or at + size > len(pack):
            return None
        files[f"{FEEDBACK}{name}"] = pack[at : at + size]
        at += size
    return files
