"""Jobs and batches of a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solvent.service.cli.remote import item_of, solving_fields
from solvent.service.client import Client

if TYPE_CHECKING:
    from solvent.problems.readers import ReadResult


class ServerBackend(Client):
    """See `Backend`."""

    def __enter__(self) -> ServerBackend:
        return self

    @property
    def place(self) -> str:
        """See `Backend`."""
        return self.url

    def resolve(self, part: str) -> str:
        """See `Backend`."""
        return part

    def submit_path(self, path: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """See `Backend`. Files are read here; the server sees no path."""
        return self.submit_batch(self._body(path, options), idempotency_key=options["idempotency_key"])

    def estimate_path(self, path: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """See `Backend`."""
        return self.estimate_batch(self._body(path, options))

    def jobs(self, limit: int) -> list[dict[str, Any]]:
        """See `Backend`."""
        return self.single_jobs(limit)

    def ordered_rows(self, batch_id: str) -> Iterator[dict[str, Any]]:
        """See `Backend`."""
        return self.rows(batch_id, order="batch")

    def idle_hint(self, batch_id: str) -> str | None:
        """See `Backend`. What works for a server is its own business."""
        return None

    def _body(self, path: str, options: Mapping[str, Any]) -> dict[str, Any]:
        from solvent.errors import DataError
        from solvent.service.cli.again import chosen_again
        from solvent.service.cli.batch_options import batch_fields
        from solvent.service.cli.memory_source import ServerSource
        from solvent.service.cli.reading import read_problems

        pattern: str | None = options["pattern"]
        found = chosen_again(read_problems(path), options, lambda: ServerSource(self, None))
        items = [item_of(one) for one in islice(matching(found, pattern), options["limit"])]
        if not items:
            raise DataError(f"no problem matches {pattern!r}" if pattern else "there is no problem in it", file=path)
        fields = {**solving_fields(options), **batch_fields(options)}
        return {"problems": items, "name": Path(path).name or path, **fields}


def matching(found: Iterator[ReadResult], pattern: str | None) -> Iterator[ReadResult]:
    """Leave out what a person's pattern does not name."""
    import fnmatch

    from solvent.problems.problem import Problem

    for item in found:
        if pattern is None or (isinstance(item, Problem) and fnmatch.fnmatchcase(item.id, pattern)):
            yield item
