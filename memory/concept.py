"""Concepts: what one problem taught, in a form that the next can use. Pure values with their limits.

Typed concepts follow ArcMemo's program-synthesis format (arXiv 2509.04439: structures and routines with parameters,
cues and implementation notes), insights its open-ended one (a situation and what to do in it).
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from solvent.errors import DataError

FORMAT = 1
"""Of contents as stored and exported; a reader refuses a newer one."""
MOST_BYTES = 16_384
"""Of a concept's content as JSON."""
MOST_TEXT = 600
"""Characters of what it says: a summary, a reading of one, a suggestion."""
MOST_STATEMENTS = 12
STATEMENT_CHARACTERS = 400
MOST_READINGS = 6
MOST_READING_USES = 24

_SPACES = re.compile(r"\s+")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def one_line(text: str) -> str:
    """Return a text on one line, without characters that are not seen. Pure."""
    return _SPACES.sub(" ", _UNSEEN.sub("", text)).strip()


Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^:`]+$")]
"""Without colon and backtick, since prompts show `- NAME: TEXT` and replies are read so."""
_Line = Annotated[str, StringConstraints(max_length=400)]


class ConceptKind(StrEnum):
    """What a concept is."""

    STRUCTURE = "structure"
    """a thing that inputs or solutions are made of"""
    ROUTINE = "routine"
    """something that is done, with parameters"""
    INSIGHT = "insight"
    """what to do in a situation"""


class ConceptStatus(StrEnum):
    """Whether a concept is found."""

    ACTIVE = "active"
    DEMOTED = "demoted"
    """found, and shown to jobs as a rare trial only: it did harm, or never helped"""
    ARCHIVED = "archived"
    """kept and shown on request, found by no search"""
    DELETED = "deleted"
    """gone but for its history"""


_STORED = {"stored": True}
"""Context of what is read as it was written."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Lined(_Value):
    """All of its texts are one line."""

    @field_validator("*", mode="before")
    @classmethod
    def _on_one_line(cls, given: Any) -> Any:
        if isinstance(given, list | tuple):
            return [one_line(item) if isinstance(item, str) else item for item in given]
        return one_line(given) if isinstance(given, str) else given


class Parameter(_Lined):
    """What differs from use to use of a structure or routine."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    type: Annotated[str, StringConstraints(max_length=80)] = ""
    description: _Line = ""


class Reading(_Lined):
    """What the solutions of some problems say that a structure or routine is or does, in the same words."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=MOST_TEXT)]
    used_in: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=200)], ...], Field(max_length=MOST_READING_USES)
    ] = ()
    """Ids of the problems."""
    failed_in: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=200)], ...],
        Field(max_length=MOST_READING_USES, exclude_if=lambda ids: not ids),
    ] = ()
    """Ids of problems that were not solved with it and were with another reading."""

    @property
    def votes(self) -> int:
        """Problems that speak for it, less those that speak against it."""
        return len(self.used_in) - len(self.failed_in)


class Content(_Value):
    """What a concept says. Every text is one line: in a prompt it cannot look like a section of one."""

    name: Name
    kind: ConceptKind
    summary: Annotated[str, StringConstraints(max_length=MOST_TEXT)] = ""
    """What it is or does. An insight may leave it out."""
    output_type: Annotated[str, StringConstraints(max_length=80)] = ""
    parameters: Annotated[tuple[Parameter, ...], Field(max_length=12)] = ()
    cues: Annotated[tuple[_Line, ...], Field(max_length=16)] = ()
    """Signs in a problem that it may help."""
    notes: Annotated[tuple[_Line, ...], Field(max_length=16)] = ()
    """How to implement it."""
    used_in: Annotated[tuple[Annotated[str, StringConstraints(max_length=200)], ...], Field(max_length=200)] = ()
    """Ids of problems whose verified solutions used it."""
    statements: Annotated[tuple[_Line, ...], Field(max_length=MOST_STATEMENTS)] = Field(
        default=(), exclude_if=lambda statements: not statements
    )
    """How the statements of such problems begin: it is found by them, and no prompt shows them."""
    readings: Annotated[tuple[Reading, ...], Field(max_length=MOST_READINGS)] = Field(
        default=(), exclude_if=lambda readings: not readings
    )
    """What single solutions said, of which `summary` is what most say; no prompt shows the others."""
    situation: _Line = ""
    """Of an insight: when it applies."""
    suggestion: Annotated[str, StringConstraints(max_length=MOST_TEXT)] = ""
    """Of an insight: what to do then."""
    pitfall: bool = False
    """Learned from failures: what to avoid."""

    @model_validator(mode="before")
    @classmethod
    def _on_one_line(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, dict) or info.context is _STORED:
            return given
        lined: dict[str, Any] = {}
        for field, value in given.items():
            if isinstance(value, str) and field != "kind":
                lined[field] = one_line(value)
            elif isinstance(value, list | tuple) and field in {"cues", "notes", "used_in", "statements"}:
                lines = [one_line(item) if isinstance(item, str) else item for item in value]
                lined[field] = [item for item in dict.fromkeys(lines) if item != ""]
            else:
                lined[field] = value
        return lined

    @field_validator("parameters")
    @classmethod
    def _named_once(cls, parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
        names = [parameter.name for parameter in parameters]
        if len(set(names)) < len(names):
            raise ValueError("two parameters have the same name")
        return parameters

    @model_validator(mode="after")
    def _says_something(self, info: ValidationInfo) -> Content:
        if info.context is _STORED:
            return self
        if self.kind is ConceptKind.INSIGHT:
            if not self.suggestion:
                raise ValueError("an insight needs a suggestion")
        elif not self.summary:
            raise ValueError(f"a {self.kind.value} needs a summary")
        elif self.situation or self.suggestion:
            raise ValueError("only an insight has a situation and a suggestion")
        if self.kind is ConceptKind.INSIGHT and self.readings:
            raise ValueError("an insight has no readings")
        if len(self.model_dump_json().encode()) > MOST_BYTES:
            raise ValueError(f"a concept has at most {MOST_BYTES} bytes")
        return self

    @property
    def text(self) -> str:
        """What it says, in one line."""
        if self.kind is not ConceptKind.INSIGHT:
            return self.summary
        said = f"{self.situation}: {self.suggestion}" if self.situation else self.suggestion
        return f"avoid: {said}" if self.pitfall else said

    @property
    def search_text(self) -> str:
        """What it is found by: all of it but where it was used."""
        parameters = (f"{one.name} {one.type} {one.description}" for one in self.parameters)
        parts = [self.name, self.summary, self.situation, self.suggestion, self.output_type]
        return "\n".join(part for part in (*parts, *self.cues, *self.notes, *parameters, *self.statements) if part)

    @property
    def digest(self) -> str:
        """SHA-256 of the content: two with the same say the same."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Provenance(_Value):
    """Where a version of a concept comes from."""

    source: Annotated[str, StringConstraints(max_length=40)] = "person"
    """`person`, `import`, `job`, `merge` or `trial`."""
    job_id: str | None = None
    trajectory: str | None = None
    model: str | None = None
    evidence: _Line = ""
    """What the solution's acceptance rests on; never a hidden test."""
    note: _Line = ""


class Concept(_Value):
    """A concept as stored, at one version."""

    id: str
    namespace: str
    version: int
    """1 for the first; each change is one more."""
    status: ConceptStatus = ConceptStatus.ACTIVE
    content: Content
    provenance: Provenance = Provenance()
    """Of this version."""
    created_at: float
    updated_at: float
    said_since: int = Field(default=0, exclude_if=lambda version: not version)
    """First version that has the name and the text of this one, or that a person restored: what was found out about
    earlier ones says nothing of it. 0 where that is this version, or not known."""

    @property
    def is_found(self) -> bool:
        """Whether searches find it."""
        return self.status in (ConceptStatus.ACTIVE, ConceptStatus.DEMOTED)

    @property
    def tried_since(self) -> int:
        """First version whose jobs tell what it is worth."""
        return self.said_since or self.version


def read_stored(body: str) -> Concept:
    """Return a concept from the JSON of one: what was checked when it was written is not checked again.

    Raises:
        pydantic.ValidationError: it is no concept's.
    """
    return Concept.model_validate_json(body, context=_STORED)


class Utility(_Value):
    """What a concept was worth, counted. Each job counts once for a concept."""

    retrieved: int = 0
    """it came up as a candidate"""
    chosen: int = 0
    """it was shown in prompts"""
    cited: int = 0
    """the answer named it"""
    helpful: int = 0
    """people or programs said so"""
    harmful: int = 0
    tried_with: int = 0
    """jobs that ended and were shown it"""
    solved_with: int = 0
    """of those, solved by evidence"""
    held_out_tried_with: int = 0
    """the same two of jobs in the randomised comparison, with it and without"""
    held_out_solved_with: int = 0
    held_out_tried_without: int = 0
    held_out_solved_without: int = 0
    tokens_with: int = 0
    tokens_without: int = 0

    def __add__(self, other: Utility) -> Utility:
        """Return the sums."""
        return Utility(**{name: getattr(self, name) + getattr(other, name) for name in Utility.model_fields})


class VersionRecord(_Value):
    """One entry of a concept's history."""

    action: str
    """`add`, `update`, `merge`, `archive`, `restore` or `delete`; by what jobs showed: `demote`, `promote`."""
    concept: Concept


class Snapshot(_Value):
    """An immutable set of concepts at their versions."""

    id: str
    namespace: str
    members: int
    note: str = ""
    created_at: float


def read_content(given: Any, *, file: str | None = None, row: int | None = None) -> Content:
    """Return a content from JSON values.

    Raises:
        DataError: names the field that is wrong, and the place.
    """
    try:
        return Content.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or None
        message = first["msg"].removeprefix("Value error, ")
        raise DataError(message, file=file, row=row, field=field, remedy="docs/memory.md has the schema") from error
