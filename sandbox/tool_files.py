"""Files of a tool session."""

from __future__ import annotations

import base64
import binascii
from abc import ABC, abstractmethod
from typing import Any

from pydantic import ValidationError

from solvent.errors import DataError
from solvent.sandbox.kernel_answer import FileList
from solvent.sandbox.kernel_link import BROKEN
from solvent.sandbox.tool_results import ToolFile, ToolLimits


class SessionFiles(ABC):
    """The part of a session that reads and writes its files, which lie in the directory where its cells run."""

    limits: ToolLimits

    async def files(self) -> tuple[ToolFile, ...]:
        """Return the files in the session's directory, at most 1,000; hidden ones are left out."""
        answer = await self._ask_for_file({"do": "files"})
        try:
            return FileList.model_validate(answer).tool_files()
        except ValidationError:
            await self._lose(BROKEN)
            return ()

    async def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            DataError: there is no such plain file, or it is larger than `file_bytes`.
        """
        answer = await self._ask_for_file({"do": "read", "name": name, "max_bytes": self.limits.file_bytes})
        try:
            return base64.b64decode(str(answer["data"]), validate=True)
        except (KeyError, binascii.Error) as error:
            raise DataError(f"file {name!r} of the session: {answer.get('failed', 'cannot be read')}") from error

    async def write(self, name: str, data: bytes) -> None:
        """Make or replace a file.

        Raises:
            DataError: it cannot be written, or is larger than `file_bytes`.
        """
        if len(data) > self.limits.file_bytes:
            raise DataError(f"file {name!r} has {len(data)} bytes, of at most {self.limits.file_bytes}")
        answer = await self._ask_for_file({"do": "write", "name": name, "data": base64.b64encode(data).decode()})
        if "failed" in answer:
            raise DataError(f"file {name!r} of the session: {answer['failed']}")

    @abstractmethod
    async def _ask_for_file(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the kernel's answer."""

    @abstractmethod
    async def _lose(self, reason: str) -> None:
        """End the kernel for a reason that the next result has to tell."""
