"""Every exception that Solvent raises, named by the boundary that was crossed.

    SolventError
    ├── ConfigError          settings, profiles, strategies or prompts are wrong          exit 2
    │   ├── NotFound             nothing has the id that was asked for
    │   └── Conflict             what is asked contradicts what was asked before
    ├── QuotaExceeded        who asks has as much under way as is allowed                 exit 4
    ├── DataError            a problem, a batch row or a submission is malformed          exit 5
    ├── DependencyError      something outside this process is missing or does not answer exit 3
    │   ├── ProviderError        a model endpoint failed
    │   │   ├── ProviderOverloaded   it asked to come back later (429, 503)
    │   │   ├── ProviderUnavailable  it could not be reached or broke off
    │   │   ├── ProviderRejected     it refused the request (4xx): sending it again cannot help
    │   │   │   └── PromptTooLong        the prompt does not fit the model's context
    │   │   └── ProviderProtocolError it answered what the protocol does not allow
    │   ├── SandboxError         the sandbox itself failed (never the program in it)
    │   │   └── SandboxUnavailable   no backend can run on this machine
    │   ├── StoreError           a database, checkpoint or artifact store failed
    │   └── MemoryUnavailable    the concept memory's index or embedder does not answer
    └── InternalError        a defect of Solvent itself                                   exit 70

The end of a budget and a cancellation are outcomes, not errors: they are values, and nothing here names them.
A bad submission (wrong answer, crash, time limit) is a verdict, never an exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class SolventError(Exception):
    """Base of all errors.

    Args:
        message: what went wrong and where, for a person.
        remedy: what to do about it, one sentence; shown after the message.
    """

    kind = "internal"
    exit_code = 70

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message

    def to_dict(self) -> dict[str, str | None]:
        """Return kind, type, message and remedy as JSON values, for events and stored results."""
        return {"kind": self.kind, "type": type(self).__name__, "message": self.message, "remedy": self.remedy}


class ConfigError(SolventError):
    """Settings, a profile, a strategy's parameters or a prompt template are wrong."""

    kind = "config"
    exit_code = 2


class NotFound(ConfigError):
    """Nothing has the id that was asked for."""


class Conflict(ConfigError):
    """What is asked contradicts what was asked before, such as an idempotency key that came with another request."""


class QuotaExceeded(SolventError):
    """Who asks has as much under way as is allowed; later it may be accepted.

    Args:
        message: see `SolventError`.
        retry_after_s: when to ask again, where that is known.
        quota: which one: `queued`, `rate` or `day_budget`.
        remedy: see `SolventError`.
    """

    kind = "quota"
    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        quota: str = "queued",
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s
        self.quota = quota


class DataError(SolventError):
    """A problem, a batch row or a submission is malformed.

    Args:
        message: what is wrong.
        file: path of the file, as the user gave it.
        row: 1-based row (JSONL) or line.
        field: dotted name of the field.
        remedy: what to do about it.
    """

    kind = "data"
    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        row: int | None = None,
        field: str | None = None,
        remedy: str | None = None,
    ) -> None:
        place = ":".join(str(part) for part in (file, row) if part is not None)
        where = f"{place}: " if place else ""
        what = f"field {field!r}: " if field else ""
        super().__init__(f"{where}{what}{message}", remedy=remedy)
        self.file = file
        self.row = row
        self.field = field

    def to_dict(self) -> dict[str, str | None]:
        """Return the error with its place."""
        row = None if self.row is None else str(self.row)
        return {**super().to_dict(), "file": self.file, "row": row, "field": self.field}


class DependencyError(SolventError):
    """Something outside this process is missing or does not answer."""

    kind = "dependency"
    exit_code = 3


class ProviderError(DependencyError):
    """A model endpoint failed.

    Args:
        message: what went wrong.
        remedy: what to do about it.
        may_have_generated: whether the endpoint may have generated (and charged) tokens for this request. Such a
            request is never sent again by itself, and its reservation counts as spent.
    """

    kind = "provider"

    def __init__(self, message: str, *, remedy: str | None = None, may_have_generated: bool = False) -> None:
        super().__init__(message, remedy=remedy)
        self.may_have_generated = may_have_generated


class ProviderOverloaded(ProviderError):
    """The endpoint asked to come back later; `retry_after_s` is its own figure where it gave one."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


class ProviderUnavailable(ProviderError):
    """The endpoint could not be reached, or broke off before the end.

    Args:
        message: what went wrong.
        remedy: what to do about it.
        may_have_generated: see `ProviderError`.
        lost: the endpoint was lost while it worked on the request, which says nothing against the request: whoever can
            pay for it twice may make it again.

    Attributes:
        received_tokens: completion tokens of the sample that broke off, as far as they came (see `Chunk.tokens`); None
            where no count is known.
    """

    def __init__(
        self, message: str, *, remedy: str | None = None, may_have_generated: bool = False, lost: bool = False
    ) -> None:
        super().__init__(message, remedy=remedy, may_have_generated=may_have_generated)
        self.lost = lost
        self.received_tokens: int | None = None


class ProviderRejected(ProviderError):
    """The endpoint refused the request; sending the same request again cannot help."""


class PromptTooLong(ProviderRejected):
    """The prompt does not fit the model's context."""


class ProviderProtocolError(ProviderError):
    """The endpoint answered something that the protocol does not allow."""


class SandboxError(DependencyError):
    """The sandbox itself failed; says nothing about the program in it."""

    kind = "sandbox"


class SandboxUnavailable(SandboxError):
    """No sandbox backend can run on this machine; code is never run without one."""


class StoreError(DependencyError):
    """A database, checkpoint or artifact store failed."""

    kind = "store"


class MemoryUnavailable(DependencyError):
    """The concept memory's index or embedder does not answer; its texts are elsewhere, and nothing is lost."""

    kind = "memory"


class InternalError(SolventError):
    """A defect of Solvent itself."""


@contextmanager
def boundary(error: type[SolventError], what: str, *expected: type[BaseException]) -> Iterator[None]:
    """Turn the exceptions of a foreign library into one of ours, keeping the cause.

    Args:
        error: class to raise.
        what: the action that failed, e.g. "open the job store at runs.sqlite".
        expected: exception classes of the library; others pass through, since they are defects.

    Raises:
        SolventError: of class `error`, for an exception of an expected class. A SolventError passes unchanged.
    """
    try:
        yield
    except SolventError:
        raise
    except expected as cause:
        raise error(f"cannot {what}: {type(cause).__name__}: {cause}") from cause
